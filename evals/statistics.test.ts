import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FEWEST_DIFFERING, passHatK, rateOf, signTest } from './statistics.ts'

test('intervals are those of Wilson, also where nothing or everything passed', () => {
  const rounded = ({ low, high }: { low: number; high: number }) =>
    [low, high].map((share) => share.toFixed(4))
  expect(rounded(rateOf(0, 10))).toEqual(['0.0000', '0.2775'])
  expect(rounded(rateOf(10, 10))).toEqual(['0.7225', '1.0000'])
  expect(rounded(rateOf(81, 263))).toEqual(['0.2553', '0.3662'])
})

test('of nothing, nothing is known', () => {
  expect(rateOf(0, 0)).toEqual({ passed: 0, total: 0, rate: 0, low: 0, high: 1 })
})

test('trials of one task narrow no interval', () => {
  expect(rateOf(40, 80, 20)).toMatchObject({ low: rateOf(10, 20).low, high: rateOf(10, 20).high, total: 80 })
})

test('pass^k is the chance that k trials without putting back all passed', () => {
  expect([1, 2, 3, 4].map((k) => passHatK(3, 4, k))).toEqual([0.75, 0.5, 0.25, 0])
  expect(passHatK(4, 4, 4)).toBe(1)
  expect(passHatK(1, 2, 3)).toBeUndefined()
})

test('the sign test is the exact one of tables', () => {
  expect(signTest(0, 5)).toBeCloseTo(0.0625, 10)
  expect(signTest(1, 9)).toBeCloseTo(0.021484375, 10)
  expect(signTest(8, 15)).toBeCloseTo(0.21, 4)
  expect(signTest(0, 0)).toBe(1)
  expect(signTest(900, 1_100)).toBeCloseTo(8.5e-6, 6)
})

test('fewer differing pairs than are asked for can never be significant', () => {
  const smallest = (pairs: number) => signTest(0, pairs)
  expect(smallest(FEWEST_DIFFERING)).toBeLessThan(0.05)
  expect(smallest(FEWEST_DIFFERING - 1)).toBeGreaterThan(0.05)
})

test('the sign test looks at both sides alike, and is a probability', () => {
  const n = fc.integer({ min: 0, max: 3_000 })
  fc.assert(
    fc.property(n, n, (a, b) => {
      const p = signTest(a, b)
      expect(p).toBe(signTest(b, a))
      expect(p >= 0 && p <= 1).toBe(true)
    }),
    { numRuns: 50 },
  )
})
