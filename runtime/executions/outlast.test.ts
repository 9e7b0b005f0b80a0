import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AppError } from '../../core/errors.ts'
import type { Effect } from './bridge.ts'
import { outlasting } from './outlast.ts'

const away = () => new AppError('unavailable', 'The database does not answer.', { where: 'database' })
const { signal } = new AbortController()

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Makes the call; its first try fails with `error`, after it has sent something if `sent` says so. */
async function tries(name: string, error: AppError, sent = false): Promise<number | string> {
  let times = 0
  const effect: Effect = async (_call, _signal, _key, beforeSend) => {
    times += 1
    if (sent) await beforeSend()
    if (times === 1) throw error
    return null
  }
  const outcome = outlasting(effect)({ name, args: [] }, signal, 'key', async () => {}).then(
    () => times,
    (failure: AppError) => `${times} try: ${failure.code}`,
  )
  await vi.advanceTimersByTimeAsync(2_000)
  return outcome
}

test.each(['state.set', 'state.get', 'cache.set', 'config.get', 'db.put', 'secrets.get', 'files.read'])(
  '%s waits for a database that is away',
  async (name) => {
    expect(await tries(name, away())).toBe(2)
  },
)

test('a call to an app does so until something was sent', async () => {
  expect(await tries('connectors.call', away())).toBe(2)
  expect(await tries('connectors.call', away(), true)).toBe('1 try: unavailable')
})

test('what would be done twice is not tried again, nor what failed for another reason', async () => {
  expect(await tries('events.send', away())).toBe('1 try: unavailable')
  expect(await tries('workflows.start', away())).toBe('1 try: unavailable')
  expect(await tries('state.set', new AppError('unavailable', 'The token does not come.'))).toBe(
    '1 try: unavailable',
  )
})
