import type { AppError } from '../../core/errors.ts'

const MINUTE_MS = 60_000
/** Between attempts that fail: a little over two days in all. */
const DELAYS_MS = [1, 5, 15, 60, 180, 360, 720, 1_440].map((minutes) => minutes * MINUTE_MS)
/** Not all that failed at once come again at once. */
const SPREAD = 0.2
const MAX_RETRY_AFTER_MS = 86_400_000

/**
 * When an attempt is made again.
 * @param failures attempts that failed in a row, this one included
 * @returns null: it was the last
 */
export function nextAttempt(
  failures: number,
  error: Pick<AppError, 'retryAfterSeconds' | 'data'>,
  { now, random = Math.random() }: { now: number; random?: number },
): Date | null {
  if (error.data?.final === true) return null
  const delay = DELAYS_MS[failures - 1]
  if (delay === undefined) return null
  const asked = Math.min(MAX_RETRY_AFTER_MS, (error.retryAfterSeconds ?? 0) * 1_000)
  return new Date(now + Math.max(asked, delay * (1 + SPREAD * random)))
}
