import { expect, test } from 'vitest'
import type { StepRow } from '../../db/execution-steps.ts'
import { buildRecord, fingerprint, type Place } from './record.ts'

const print = fingerprint('fetch', 'x', ['x'])
const at = (nth: number, step: string | null = null): Place => ({ print, step, nth })

let places = 0
function row({ nth, step }: Place, change: Partial<StepRow> = {}): StepRow {
  const seq = places++
  return {
    execution_id: 'exec_1',
    seq,
    organization_id: 'org_1',
    customer_id: null,
    kind: 'fetch',
    name: 'x',
    fingerprint: `${print}.${nth}`,
    within: step,
    status: 'done',
    output: `result ${seq}`,
    error: null,
    wake_at: null,
    waits_for: null,
    attempt: 1,
    run: 1,
    started_at: new Date(seq),
    finished_at: new Date(seq),
    ...change,
  }
}
const forever = () => new Promise<void>(() => {})

test('of calls alike the one that ended is not taken for the one that was under way', () => {
  const second = row(at(1))
  const record = buildRecord([second], 1)
  expect(record.take(at(0))).toBeUndefined()
  expect(record.take(at(1))).toBe(second)
})

test('a new attempt and a replay take what is left of calls alike, whichever way they come to them', () => {
  const second = row(at(1))
  expect(buildRecord([second], 2).take(at(0))).toBe(second)
  // What a replay takes over is of attempt 0.
  const moved = row(at(3, 'some.0'), { attempt: 0 })
  expect(buildRecord([moved], 1).take(at(0))).toBe(moved)
})

test('a call after a step that is skipped is not taken for one within it', () => {
  const inner = row(at(0, 'a.0'))
  const deeper = row(at(0, 'a.0/b.0'))
  const record = buildRecord([inner, deeper], 2)
  record.skipWithin('a.0')
  expect(record.take(at(0))).toBeUndefined()
})

test('answers come in the order they came, however late the code asks for the first', async () => {
  const [first, second] = [row(at(0)), row(at(1))]
  const record = buildRecord([first, second], 1)
  const order: number[] = []
  const later = record.turnOf(second, forever).then(() => order.push(2))
  await new Promise((next) => setTimeout(next, 30))
  const sooner = record.turnOf(first, forever).then(() => order.push(1))
  await Promise.all([later, sooner])
  expect(order).toEqual([1, 2])
})

test('what ended from outside and no run took note of comes after all that one did', async () => {
  const event = row(at(0), { finished_at: null })
  const call = row(at(1))
  const record = buildRecord([event, call], 1)
  const order: string[] = []
  await Promise.all([
    record.turnOf(event, forever).then(() => order.push('event')),
    record.turnOf(call, forever).then(() => order.push('call')),
  ])
  expect(order).toEqual(['call', 'event'])
})

test('code that took another way is not kept waiting for what it does not ask for', async () => {
  const [first, second, third] = [row(at(0)), row(at(1)), row(at(2))]
  const record = buildRecord([first, second, third], 1)
  await record.turnOf(second, async () => {})
  await record.turnOf(first, forever)
  await record.turnOf(third, forever)
})
