import { expect, test } from 'vitest'
import type { NewStep, StepBatch, StepRow } from '../../db/execution-steps.ts'
import type { ExecutionRow } from '../../db/executions.ts'
import type { Turn } from '../sandbox/sandbox.ts'
import { buildLease, moment } from './lease.ts'
import { buildRecorder, idempotencyKey } from './recorder.ts'

const execution = { id: 'exec_1', run: 2, attempt: 1, origin_id: null } as ExecutionRow
const turn: Turn = { park: () => {}, later: () => {}, at: () => {}, name: () => {}, still: async () => {} }
const { signal } = new AbortController()

const recorderOf = (
  rows: readonly StepRow[] = [],
  keep: (batch: StepBatch) => Promise<boolean> = async () => true,
  now = Date.now,
) =>
  buildRecorder({
    execution,
    rows,
    durable: true,
    keep,
    lease: buildLease(moment()),
    now,
    onLost: () => {},
  })
const asRow = (step: NewStep): StepRow => ({
  ...step,
  wake_at: null,
  started_at: new Date(step.started_at),
  finished_at: step.finished_at === null ? null : new Date(step.finished_at),
})

test('a run ends only when what is on its way to be kept has been kept', async () => {
  let arrive = () => {}
  const underWay = new Promise<void>((resolve) => {
    arrive = resolve
  })
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  let kept = 0
  const recorder = recorderOf([], async ({ steps }) => {
    if (steps.length === 0) return true
    arrive()
    await answered
    kept += steps.length
    return true
  })
  const asked = recorder.ask({ name: 'fetch', args: [] }, 'fetch', '', [])
  await recorder.recorded(asked, turn, signal, async () => 'done')
  await underWay
  const rest = recorder.rest()
  answer()
  expect(await rest).toEqual([])
  expect(kept).toBe(1)
})

test('a call after a step has the same idempotency key whether the step is done or was done', async () => {
  const first = recorderOf()
  const step = first.ask({ name: 'step.begin', args: ['a'] }, 'step', 'a', ['a'])
  const inner = first.ask({ name: 'fetch', args: ['x'], within: step.key }, 'fetch', 'x', ['x'])
  const rows = [first.row(inner, {}), first.row(step, {})].map(asRow)
  const outer = first.ask({ name: 'fetch', args: ['x'] }, 'fetch', 'x', ['x'])
  expect(idempotencyKey(execution, outer)).not.toBe(idempotencyKey(execution, inner))

  const second = recorderOf(rows)
  const again = second.ask({ name: 'step.begin', args: ['a'] }, 'step', 'a', ['a'])
  if (again.known === undefined) throw new Error('the step is not known')
  await second.replayStep(again.key, again.known, turn)
  const after = second.ask({ name: 'fetch', args: ['x'] }, 'fetch', 'x', ['x'])
  expect(after.known).toBeUndefined()
  expect(idempotencyKey(execution, after)).toBe(idempotencyKey(execution, outer))
})

test('a call that could not be recorded any more is refused before it is made', () => {
  const first = recorderOf()
  const asked = first.ask({ name: 'fetch', args: [] }, 'fetch', 'x', [])
  const full = recorderOf([asRow({ ...first.row(asked, {}), seq: 100_000 })])
  expect(() => full.ask({ name: 'fetch', args: [1] }, 'fetch', 'y', [1])).toThrow(/100000 calls/)
})

test('what ends after the clock was set back is recorded as ending no earlier than what ended before', () => {
  let time = Date.parse('2026-01-01T00:00:10.000Z')
  const recorder = recorderOf([], undefined, () => time)
  const end = (name: string, change: Partial<NewStep> = {}) => {
    const row = recorder.row(recorder.ask({ name: 'fetch', args: [name] }, 'fetch', name, [name]), change)
    recorder.push(row)
    return row
  }
  const told = end('a', { finished_at: '2026-01-01T00:00:11.000Z' })
  time -= 60_000
  const after = end('b')
  expect(after.finished_at).toBe(told.finished_at)
  // Nor does a run that goes on with the record on a server whose clock is behind.
  const later = recorderOf([asRow(told), asRow(after)], undefined, () => time)
  expect(later.row(later.ask({ name: 'fetch', args: [] }, 'fetch', '', []), {}).finished_at).toBe(
    told.finished_at,
  )
})
