import { expect, test } from 'vitest'
import type { DueScheduleRow } from '../../db/schedules.ts'
import { cpuMs } from '../../tests/setup/cpu.ts'
import { decideDue, MAX_MADE_UP } from './due.ts'

const now = new Date('2026-07-01T00:00:00Z')
const due = (triggerId: string, config: object = {}, firstMissed = now): DueScheduleRow => ({
  trigger_id: triggerId,
  organization_id: 'org_a',
  customer_id: null,
  next_slot_at: firstMissed,
  next_run_at: firstMissed,
  last_run_at: null,
  consecutive_failures: 0,
  disabled_reason: null,
  disabled_at: null,
  config: {
    timetable: { type: 'interval', every: 1, unit: 'minutes' },
    timeZone: 'UTC',
    startAt: '2026-01-01T00:00:00Z',
    delayMinutes: 0,
    missedRuns: 'run_once',
    maxFailures: null,
    deadLetter: true,
    ...config,
  },
  routes: [],
})

test('a scheduler whose timetable cannot be read switches itself off; the others run', () => {
  const decision = decideDue([due('trg_bad', { timeZone: 'Atlantis/Poseidonis' }), due('trg_good')], now)
  expect(decision.disabled).toEqual([
    { triggerId: 'trg_bad', reason: expect.stringContaining('is no time zone') },
  ])
  expect(decision.advances.map(({ trigger_id }) => trigger_id)).toEqual(['trg_good'])
  expect(decision.accepted).toHaveLength(1)
})

test.each([
  ['every minute', '* * * * *', 60_000],
  ['twice a day', '0 0,12 * * *', 12 * 3_600_000],
])('run_all makes up for the last of the missed moments, %s', (_, cron, apartMs) => {
  const config = { timetable: { type: 'custom', cron }, missedRuns: 'run_all' }
  const { accepted } = decideDue([due('trg_a', config, new Date('2026-01-01T00:00:00Z'))], now)
  expect(accepted.map(({ event }) => event.dedupe_key)).toEqual(
    Array.from({ length: MAX_MADE_UP }, (_, index) =>
      new Date(now.getTime() - (MAX_MADE_UP - 1 - index) * apartMs).toISOString(),
    ),
  )
})

test('run_all makes up for all missed moments where they are few', () => {
  const config = { timetable: { type: 'daily', time: '00:00' }, missedRuns: 'run_all' }
  const { accepted } = decideDue([due('trg_a', config, new Date('2026-06-28T00:00:00Z'))], now)
  expect(accepted.map(({ event }) => event.dedupe_key?.slice(0, 10))).toEqual([
    '2026-06-28',
    '2026-06-29',
    '2026-06-30',
    '2026-07-01',
  ])
})

test('half a year of minutes missed does not hold the others up', () => {
  const config = { timetable: { type: 'custom', cron: '* * * * *' }, missedRuns: 'run_all' }
  const startedAt = cpuMs()
  decideDue([due('trg_a', config, new Date('2026-01-01T00:00:00Z'))], now)
  expect(cpuMs() - startedAt).toBeLessThan(1_000)
})
