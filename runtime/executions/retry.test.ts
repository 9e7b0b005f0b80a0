import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryDelayMs } from './retry.ts'

const policy = { maxAttempts: 3, initialIntervalMs: 5000, backoffCoefficient: 2, maxIntervalMs: 60_000 }

test('without jitter the default policy waits 5 s, then 10 s, then gives up', () => {
  expect([1, 2, 3].map((attempt) => retryDelayMs(policy, attempt, 0.5))).toEqual([5000, 10_000, undefined])
})

test('no policy means no retry', () => {
  expect(retryDelayMs(null, 1, 0.5)).toBeUndefined()
})

test('a delay stays within a fifth of the backoff, and of the cap', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const delay = retryDelayMs({ ...policy, maxAttempts: 10 }, attempt, random) ?? Number.NaN
        const backoff = Math.min(60_000, 5000 * 2 ** (attempt - 1))
        expect(delay).toBeGreaterThanOrEqual(backoff * 0.8 - 1)
        expect(delay).toBeLessThanOrEqual(backoff * 1.2 + 1)
      },
    ),
  )
})

test('Retry-After longer than the backoff is honoured', () => {
  expect(retryDelayMs(policy, 1, 0.5, 90)).toBe(90_000)
  expect(retryDelayMs(policy, 1, 0.5, 1)).toBe(5000)
})
