import type { RetryPolicy } from '../../db/executions.ts'

/** Share of the delay by which it varies, so that runs that failed together do not come back together. */
const JITTER = 0.2

/**
 * How long to wait before the next attempt: `initialIntervalMs × backoffCoefficient^(attempt − 1)` (linear:
 * `initialIntervalMs × attempt`), at most
 * `maxIntervalMs`, ±20 %; never less than the upstream's Retry-After.
 * @param attempt the attempt that failed, from 1
 * @param random a number in [0, 1)
 * @returns milliseconds; undefined when the policy allows no further attempt
 */
export function retryDelayMs(
  policy: RetryPolicy | null,
  attempt: number,
  random: number,
  retryAfterSeconds?: number,
): number | undefined {
  if (policy === null || attempt >= policy.maxAttempts) return undefined
  const factor = policy.backoff === 'linear' ? attempt : policy.backoffCoefficient ** (attempt - 1)
  const backoff = Math.min(policy.maxIntervalMs, policy.initialIntervalMs * factor)
  const jittered = backoff * (1 - JITTER + 2 * JITTER * random)
  return Math.round(Math.max(jittered, (retryAfterSeconds ?? 0) * 1000))
}
