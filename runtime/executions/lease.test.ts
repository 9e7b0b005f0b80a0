import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StepBatch } from '../../db/execution-steps.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import { buildLease, LEASE_MS, moment } from './lease.ts'
import { buildRecorder } from './recorder.ts'

const SET_AT = 1_800_000_000_000
beforeEach(() => {
  vi.useFakeTimers({ now: SET_AT })
})
afterEach(() => {
  vi.useRealTimers()
})

test('it holds for its time, by the clock of which more has passed, and anew each time it is confirmed', () => {
  const lease = buildLease(moment())
  vi.advanceTimersByTime(LEASE_MS - 1)
  expect(lease.holds()).toBe(true)
  vi.advanceTimersByTime(1)
  expect(lease.holds()).toBe(false)
  lease.confirm(moment())
  expect(lease.holds()).toBe(true)
  // The machine slept: one clock stood still.
  vi.setSystemTime(Date.now() + LEASE_MS)
  expect(lease.holds()).toBe(false)
  lease.confirm(moment())
  // The clock was set back: the other one goes on.
  vi.setSystemTime(SET_AT - 3_600_000)
  vi.advanceTimersByTime(LEASE_MS)
  expect(lease.holds()).toBe(false)
})

test('a run that heard nothing for too long asks before its next call, and makes none when others have its execution', async () => {
  const kept: StepBatch[] = []
  let owned = true
  let lost = 0
  const recorder = buildRecorder({
    execution: { id: 'exec_1', run: 3 } as ExecutionRow,
    rows: [],
    durable: true,
    keep: async (batch) => {
      kept.push(batch)
      return owned
    },
    lease: buildLease(moment()),
    now: Date.now,
    onLost: () => {
      lost += 1
    },
  })
  const { signal } = new AbortController()
  const call = () => {
    const asked = recorder.ask({ name: 'fetch', args: [] }, 'fetch', '', [])
    return recorder.recorded(
      asked,
      { park: () => {}, later: () => {}, at: () => {}, name: () => {}, still: async () => {} },
      signal,
      async () => 'done',
    )
  }
  expect(await call()).toBe('done')
  await vi.advanceTimersByTimeAsync(LEASE_MS + 1_000)
  expect(kept).toMatchObject([{ executionId: 'exec_1', run: 3, steps: [{ seq: 0 }] }])

  expect(await call()).toBe('done')
  expect(kept).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(LEASE_MS + 1_000)
  owned = false
  await expect(call()).rejects.toMatchObject({ code: 'cancelled' })
  await expect(recorder.held(signal)).rejects.toMatchObject({ code: 'cancelled' })
  expect(lost).toBe(1)
})
