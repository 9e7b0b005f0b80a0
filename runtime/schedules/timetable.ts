import { Cron } from 'croner'
import { z } from 'zod'

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/
const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
const UNIT_MS = { minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const

const Time = z
  .string()
  .regex(TIME, 'must be a time of day such as 09:00')
  .default('09:00')
  .describe('Time of day, HH:MM, in the time zone.')

/** When a scheduler runs: one of the presets, or a cron expression. */
export const Timetable = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('interval'),
      every: z.number().int().min(1).max(10_000).describe('How many units lie between runs.'),
      unit: z
        .enum(['minutes', 'hours', 'days'])
        .default('minutes')
        .describe('A day is 24 hours here; daily follows the clock.'),
    }),
    z.object({ type: z.literal('daily'), time: Time }),
    z.object({
      type: z.literal('weekly'),
      days: z.array(z.enum(weekdays)).min(1).describe('Days of the week.'),
      time: Time,
    }),
    z.object({
      type: z.literal('monthly'),
      day: z.number().int().min(1).max(31).describe('Day of the month; in shorter months the last one.'),
      time: Time,
    }),
    z.object({
      type: z.literal('custom'),
      cron: z
        .string()
        .trim()
        .max(200)
        .describe('Cron expression of five fields: minute, hour, day of month, month, day of week.')
        .superRefine((text, ctx) => {
          const problem = cronProblem(text)
          if (problem !== undefined) ctx.addIssue({ code: 'custom', message: problem })
        }),
    }),
  ])
  .describe('When it runs: interval, daily, weekly, monthly, or custom (cron).')
export type Timetable = z.output<typeof Timetable>

/** A name of the IANA time zone database that this runtime knows. */
export const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'is no time zone: use an IANA name such as Europe/Warsaw, or UTC')
  .describe('IANA time zone that times of day are in, e.g. Europe/Warsaw.')

export interface Schedule {
  timetable: Timetable
  timeZone: string
  /** Intervals count from here; nothing runs before it. */
  anchor: Date
}

/**
 * The first run after `after`. Times follow the wall clock of the zone: one that daylight saving skips runs at
 * the moment the clock jumps over it, one that happens twice runs the first time.
 * @returns null when there is none (29 February in a cron expression that also names an impossible date)
 */
export function nextRun({ timetable, timeZone, anchor }: Schedule, after: Date): Date | null {
  const from = after < anchor ? new Date(anchor.getTime() - 1) : after
  switch (timetable.type) {
    case 'interval': {
      const period = timetable.every * UNIT_MS[timetable.unit]
      const passed = Math.floor((from.getTime() - anchor.getTime()) / period) + 1
      return new Date(anchor.getTime() + Math.max(0, passed) * period)
    }
    case 'daily':
      return next(`${minuteAndHour(timetable.time)} * * *`, timeZone, from)
    case 'weekly': {
      const days = timetable.days.map((day) => weekdays.indexOf(day) + 1)
      return next(`${minuteAndHour(timetable.time)} * * ${days.join(',')}`, timeZone, from)
    }
    case 'monthly':
      return nextOfMonth(timetable.day, minuteAndHour(timetable.time), timeZone, from)
    case 'custom':
      return next(timetable.cron, timeZone, from)
  }
}

const minuteAndHour = (time: string): string => {
  const [hour, minute] = time.split(':')
  return `${Number(minute)} ${Number(hour)}`
}

const cron = (pattern: string, timezone: string) =>
  new Cron(pattern, { mode: '5-part', timezone, paused: true })

const next = (pattern: string, timeZone: string, after: Date): Date | null =>
  cron(pattern, timeZone).nextRun(after)

/** On the day, or on the last day of a month that does not have it. */
function nextOfMonth(day: number, minuteHour: string, timeZone: string, after: Date): Date | null {
  const onTheDay = next(`${minuteHour} ${day} * *`, timeZone, after)
  if (day <= 28) return onTheDay
  const dayIn = new Intl.DateTimeFormat('en', { timeZone, day: 'numeric' })
  let last = next(`${minuteHour} L * *`, timeZone, after)
  while (last !== null && (onTheDay === null || last < onTheDay)) {
    if (Number(dayIn.format(last)) < day) return last
    last = next(`${minuteHour} L * *`, timeZone, last)
  }
  return onTheDay
}

function cronProblem(text: string): string | undefined {
  const fields = text.split(/\s+/)
  if (fields.length !== 5)
    return `has ${fields.length} fields; a cron expression has five, such as 0 6 * * 1-5`
  try {
    const expression = cron(text, 'UTC')
    return expression.nextRun() === null ? 'never comes' : undefined
  } catch (error) {
    return `is no cron expression: ${(error as Error).message}`
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false // the name is what is wrong: that is what was asked
  }
}
