import { Worker } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import { AppError } from '../../core/errors.ts'
import type { TypedConnector } from './declare-connector.ts'

const TIME_LIMIT_MS = 20_000
const MEMORY_MB = 512
const MAX_KEPT_CHARS = 32 * 1024 * 1024
const atOnce = pLimit(2)
const made = new LRUCache<string, string>({
  max: 500,
  maxSize: MAX_KEPT_CHARS,
  sizeCalculation: (text) => text.length + 1,
})

/**
 * The types of a connector's actions, made in a thread of its own and kept for the next time.
 * @param key names the connector as it is now, with what of it is declared
 * @throws AppError `timeout` for schemas that take too long or too much memory
 */
export async function declareApart(key: string, load: () => Promise<TypedConnector>): Promise<string> {
  const known = made.get(key)
  if (known !== undefined) return known
  const connector = await load()
  const text = await atOnce(() => runThread(connector))
  made.set(key, text)
  return text
}

function runThread(connector: TypedConnector): Promise<string> {
  const thread = new Worker(new URL('./declare-thread.ts', import.meta.url), {
    workerData: connector,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
  let timer: NodeJS.Timeout | undefined
  return new Promise<string>((resolve, reject) => {
    const give = (cause?: Error) =>
      reject(
        new AppError('timeout', `The types of the connector '${connector.slug}' take too long to make.`, {
          retryable: false,
          hint: 'Its schemas are too large or too deeply nested; the other checks are not touched by this.',
          cause,
        }),
      )
    timer = setTimeout(give, TIME_LIMIT_MS)
    thread.once('message', resolve)
    thread.once('error', give)
    thread.once('exit', () => give())
  }).finally(() => {
    clearTimeout(timer)
    return thread.terminate()
  })
}
