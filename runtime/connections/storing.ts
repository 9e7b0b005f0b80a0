import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, toAppError } from '../../core/errors.ts'

/** Waits before another try of what failed in passing; no try begins so late that the lease could run out. */
const RETRY_MS = [300, 1_000]
const LAST_RETRY_MS = 8_000
const WAITS_MS = [100, 300, 1_000, 2_000, 4_000]

/**
 * Stores what cannot be had again, such as tokens a provider has just granted: tried until it succeeds or `ms` are
 * over. Only what was refused for good (a name that is taken, a link that was used) is not tried again.
 * @throws whatever the last try threw
 */
export async function untilStored<T>(store: () => Promise<T>, ms: number): Promise<T> {
  const startedAt = performance.now()
  for (let tries = 0; ; tries += 1) {
    try {
      return await store()
    } catch (cause) {
      const wait = WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] ?? 0
      if (isRefusal(cause) || performance.now() - startedAt + wait > ms) throw cause
      await sleep(wait)
    }
  }
}

/** What the database does not say clearly may be a failure of the moment. */
const isRefusal = (cause: unknown): boolean =>
  cause instanceof AppError && !cause.retryable && cause.code !== 'internal'

/** Tries again, soon, what failed in a way that may pass. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  for (const wait of RETRY_MS) {
    try {
      return await work()
    } catch (cause) {
      if (!toAppError(cause).retryable || performance.now() - startedAt + wait > LAST_RETRY_MS) throw cause
    }
    await sleep(wait)
  }
  return work()
}
