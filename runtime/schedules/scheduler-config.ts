import { z } from 'zod'
import type { NextRun } from '../../db/schedules.ts'
import { nextRun, Timetable, TimeZone } from './timetable.ts'

export const missedRunPolicies = ['skip', 'run_once', 'run_all'] as const

/** The `config` of a scheduler trigger as it is stored. */
export const SchedulerConfig = z.object({
  timetable: Timetable,
  timeZone: TimeZone,
  /** ISO 8601: intervals count from here; nothing runs before. */
  startAt: z.iso.datetime(),
  delayMinutes: z.number().int().min(0),
  missedRuns: z.enum(missedRunPolicies),
  /** Failures in a row after which it switches itself off; null: never. */
  maxFailures: z.number().int().min(1).nullable(),
  deadLetter: z.boolean(),
  /** sequential: a run starts when the one before has ended. */
  mode: z.enum(['parallel', 'sequential']).default('parallel'),
})
export type SchedulerConfig = z.output<typeof SchedulerConfig>

/** The first moment of the timetable after `after`, and when it is to run. */
export function comingRun(config: SchedulerConfig, after: Date): NextRun {
  const slotAt = nextRun(
    { timetable: config.timetable, timeZone: config.timeZone, anchor: new Date(config.startAt) },
    after,
  )
  return { slotAt, runAt: slotAt === null ? null : new Date(slotAt.getTime() + config.delayMinutes * 60_000) }
}
