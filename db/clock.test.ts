import { afterEach, expect, test, vi } from 'vitest'
import { followClock } from './clock.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('it shows the time that was told and what has passed since, whatever the clock of this process does', async () => {
  vi.useFakeTimers()
  let told = 1_000_000
  const clock = await followClock(async () => told)
  expect(clock.now()).toBe(1_000_000)
  await vi.advanceTimersByTimeAsync(500)
  expect(clock.now()).toBe(1_000_500)
  vi.setSystemTime(0)
  expect(clock.now()).toBe(1_000_500)

  // An answer that came a little late does not turn it back; a clock that was really moved does.
  told = 1_002_900
  await vi.advanceTimersByTimeAsync(2_500)
  expect(clock.now()).toBe(1_003_000)
  told = 5_000
  await vi.advanceTimersByTimeAsync(3_000)
  expect(clock.now()).toBe(5_000)
  clock.stop()
})
