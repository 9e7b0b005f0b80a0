import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import { AppError } from '../../core/errors.ts'
import type { TypedConnector } from './declare-connector.ts'

const TIME_LIMIT_MS = 20_000
const MEMORY_MB = 512
const MAX_KEPT_CHARS = 32 * 1024 * 1024
const oneAtATime = pLimit(1)
const made = new LRUCache<string, string>({
  max: 500,
  maxSize: MAX_KEPT_CHARS,
  sizeCalculation: (text) => text.length + 1,
})
/** Kept for the next connector: what it loads takes longer than most connectors. */
let thread: Worker | undefined

/**
 * The types of a connector's actions, made in a thread of its own and kept for the next time.
 * @param key names the connector as it is now, with what of it is declared
 * @throws AppError `unavailable` for schemas that take too long or too much memory, or cannot be converted
 */
export async function declareApart(key: string, load: () => Promise<TypedConnector>): Promise<string> {
  const known = made.get(key)
  if (known !== undefined) return known
  const connector = await load()
  const types = await oneAtATime(() => declareInThread(connector))
  made.set(key, types)
  return types
}

type Answer = { types: string } | { failure: string }

async function declareInThread(connector: TypedConnector): Promise<string> {
  thread ??= startThread()
  const current = thread
  const tooLong = new AbortController()
  const timer = setTimeout(() => tooLong.abort(), TIME_LIMIT_MS)
  try {
    current.postMessage(connector)
    // Rejects when the thread fails, or runs out of memory.
    const [answer] = (await once(current, 'message', { signal: tooLong.signal })) as [Answer]
    if ('types' in answer) return answer.types
    throw new Error(answer.failure)
  } catch (cause) {
    thread = undefined
    await current.terminate()
    throw new AppError('unavailable', `The types of the connector '${connector.slug}' could not be made.`, {
      retryable: false,
      hint: 'Its schemas are too large, nested too deeply, or no JSON Schemas.',
      cause,
    })
  } finally {
    clearTimeout(timer)
  }
}

function startThread(): Worker {
  const worker = new Worker(new URL('./declare-thread.ts', import.meta.url), {
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
  worker.unref() // it must not keep the process from ending
  // An error between two connectors is met by the next, which finds it gone.
  worker.on('error', () => {
    if (thread === worker) thread = undefined
  })
  return worker
}
