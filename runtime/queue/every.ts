import type { Logger } from '../../core/log.ts'

/**
 * Repeats a task, never two rounds at once; a round that fails is logged and the next one comes.
 * @param task gets a signal that aborts when it is stopped, for rounds that may be long
 * @returns stops it, and waits for the round under way
 */
export function every(
  ms: number,
  task: (stopped: AbortSignal) => Promise<unknown>,
  log: Logger,
  name: string,
): () => Promise<void> {
  const stopping = new AbortController()
  let round: Promise<unknown> = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    round = task(stopping.signal)
      .catch((error: Error) =>
        log.warn({ task: name, err: error.message }, 'a background task failed; it is tried again'),
      )
      .finally(() => {
        busy = false
      })
  }, ms)
  return async () => {
    clearInterval(timer)
    stopping.abort()
    await round
  }
}
