import { expect, test } from 'vitest'
import { rateLimitIn } from './rate-limit.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const epoch = now / 1000
test.each([
  ['GitHub', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(epoch + 30) }, 0, 30],
  ['Twitter', { 'x-rate-limit-remaining': '3', 'x-rate-limit-reset': String(epoch + 900) }, 3, 900],
  ['seconds from now', { 'ratelimit-remaining': '1', 'ratelimit-reset': '7' }, 1, 7],
  ['milliseconds', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 1500) }, 0, 1.5],
  ['OpenAI', { 'x-ratelimit-remaining-requests': '9', 'x-ratelimit-reset-requests': '1m6.5s' }, 9, 66.5],
  ['a date', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 0, 60],
  ['the draft', { ratelimit: '"default";r=50;t=30' }, 50, 30],
  ['the older draft', { ratelimit: 'limit=100, remaining=0, reset=12' }, 0, 12],
])('headers as %s sends them', (_who, headers, remaining, inSeconds) => {
  expect(rateLimitIn(headers, undefined, now)).toEqual({ remaining, resetAt: now + inSeconds * 1000 })
})

test('headers of the connector, and those that tell nothing', () => {
  const custom = {
    remainingHeader: 'X-Left',
    resetHeader: 'X-Again',
    resetUnit: 'epoch_milliseconds',
  } as const
  expect(rateLimitIn({ 'x-left': '0', 'x-again': String(now + 9) }, custom, now)).toEqual({
    remaining: 0,
    resetAt: now + 9,
  })
  for (const headers of [
    {},
    { 'x-ratelimit-remaining': '0' },
    { 'x-ratelimit-remaining': 'x', 'x-ratelimit-reset': '3' },
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '99999999999999999' },
  ])
    expect(rateLimitIn(headers as Record<string, string>, undefined, now)).toBeUndefined()
})
