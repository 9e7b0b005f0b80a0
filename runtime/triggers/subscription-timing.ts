import type { AppError } from '../../core/errors.ts'

const MINUTE_MS = 60_000
/** Between attempts that fail: a little over two days in all. */
const DELAYS_MS = [1, 5, 15, 60, 180, 360, 720, 1_440].map((minutes) => minutes * MINUTE_MS)
/** Not all that failed at once come again at once. */
const SPREAD = 0.2
const MAX_RETRY_AFTER_MS = 86_400_000

const DAY_MS = 86_400_000
/** Renewed when a third of its life is left, or a day, and not sooner than this. */
const SOONEST_MS = MINUTE_MS
/** Still tried when it has expired: what is wrong may be mended within a weekend. */
const AFTER_EXPIRY_MS = 2 * DAY_MS

/** When a subscription is to be renewed. @param since when it was got */
export function renewAt(expiresAt: Date, since: number): Date {
  const life = Math.max(0, expiresAt.getTime() - since)
  return new Date(Math.max(since + SOONEST_MS, expiresAt.getTime() - Math.min(life / 3, DAY_MS)))
}

/**
 * When an attempt is made again.
 * @param failures attempts that failed in a row, this one included
 * @param expiresAt till then it is tried ever more often the nearer it comes, and for two days afterwards; null: so often
 * @returns null: it was the last
 */
export function nextAttempt(
  failures: number,
  error: Pick<AppError, 'retryAfterSeconds' | 'data'>,
  {
    now,
    expiresAt = null,
    random = Math.random(),
  }: { now: number; expiresAt?: Date | null; random?: number },
): Date | null {
  if (error.data?.final === true) return null
  const left = expiresAt === null ? 0 : expiresAt.getTime() - now
  if (expiresAt === null ? failures > DELAYS_MS.length : left < -AFTER_EXPIRY_MS) return null
  const usual = (DELAYS_MS[failures - 1] ?? DAY_MS) * (1 + SPREAD * random)
  const delay = left > 0 ? Math.min(usual, Math.max(MINUTE_MS, left / 3)) : usual
  const asked = Math.min(MAX_RETRY_AFTER_MS, (error.retryAfterSeconds ?? 0) * 1_000)
  return new Date(now + Math.max(asked, delay))
}
