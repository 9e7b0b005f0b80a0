import { expect, test } from 'vitest'
import { rateOf } from './statistics.ts'

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
