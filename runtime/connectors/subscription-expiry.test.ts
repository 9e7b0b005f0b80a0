import { expect, test } from 'vitest'
import { expiryIn } from './subscription-expiry.ts'

const NOW = Date.parse('2026-03-01T00:00:00Z')
const IN_AN_HOUR = new Date(NOW + 3_600_000)

test.each([
  ['a date', '2026-03-01T01:00:00Z'],
  ['Unix seconds', IN_AN_HOUR.getTime() / 1_000],
  ['Unix milliseconds, as text', String(IN_AN_HOUR.getTime())],
  ['seconds from now on', 3_600],
])('until when a subscription lives is read of %s', (_, at) =>
  expect(expiryIn({ data: { at } }, { expiresPath: 'data.at' }, NOW)).toEqual(IN_AN_HOUR),
)

test('null is for ever; what is no time, or is over, says nothing, and then the event does', () => {
  expect(expiryIn({ at: null }, { expiresPath: 'at' }, NOW)).toBeNull()
  for (const at of ['soon', '', 0, -5, '2026-02-28T23:59:59Z', true, undefined]) {
    const answer = at === undefined ? {} : { at }
    expect(expiryIn(answer, { expiresPath: 'at' }, NOW)).toBeUndefined()
    expect(expiryIn(answer, { expiresPath: 'at', lifetimeSeconds: 3_600 }, NOW)).toEqual(IN_AN_HOUR)
  }
})
