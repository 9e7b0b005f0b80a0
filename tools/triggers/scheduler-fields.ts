import { z } from 'zod'
import { Timetable, TimeZone } from '../../runtime/schedules/timetable.ts'
import { RunMode } from '../../runtime/triggers/webhook-config.ts'
import { MissedRuns } from './trigger.ts'

/** The fields of a scheduler that create_scheduler and update_trigger share, described once. */
export const SchedulerFields = {
  timetable: Timetable,
  timeZone: TimeZone,
  startAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text).toISOString())
    .describe('ISO 8601 time before which nothing runs; intervals count from it. Now when left out.'),
  delayMinutes: z
    .number()
    .int()
    .min(0)
    .max(1440)
    .describe('Minutes to wait after each time of the timetable.'),
  missedRuns: MissedRuns,
  maxFailures: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .nullable()
    .describe('After this many failed runs in a row it switches itself off; null: never.'),
  mode: RunMode,
  deadLetter: z.boolean().describe('Keep executions that fail for good as dead letters, to be replayed.'),
}
