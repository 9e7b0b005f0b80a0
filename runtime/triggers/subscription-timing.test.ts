import { expect, test } from 'vitest'
import { renewAt } from './subscription-timing.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS

test.each([
  ['an hour', 60 * MINUTE_MS, 40 * MINUTE_MS],
  ['three days', 3 * DAY_MS, 2 * DAY_MS],
  ['a month', 30 * DAY_MS, 29 * DAY_MS],
  ['less than a minute', 1_000, MINUTE_MS],
])(
  'what lives %s is renewed when a third of it is left, a day at most, and not every moment',
  (_, life, after) => expect(renewAt(new Date(life), 0).getTime()).toBe(after),
)
