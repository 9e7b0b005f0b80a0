import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextRun, type Schedule, Timetable, TimeZone } from './timetable.ts'

const anchor = new Date('2026-01-01T00:00:00Z')
const schedule = (timetable: object, timeZone = 'UTC'): Schedule => ({
  timetable: Timetable.parse(timetable),
  timeZone,
  anchor,
})
const runs = (of: Schedule, from: string, count: number): string[] => {
  const found: string[] = []
  let at = new Date(from)
  while (found.length < count) {
    const run = nextRun(of, at)
    if (run === null) break
    found.push(run.toISOString())
    at = run
  }
  return found
}

test.each<[string, object, string, string[]]>([
  [
    'every 15 minutes',
    { type: 'interval', every: 15 },
    '2026-03-01T10:07:00Z',
    ['2026-03-01T10:15:00.000Z', '2026-03-01T10:30:00.000Z'],
  ],
  [
    'an interval counts from its anchor',
    { type: 'interval', every: 7, unit: 'hours' },
    '2026-01-01T00:00:00Z',
    ['2026-01-01T07:00:00.000Z', '2026-01-01T14:00:00.000Z'],
  ],
  [
    'daily at nine unless said otherwise',
    { type: 'daily' },
    '2026-03-01T09:00:00Z',
    ['2026-03-02T09:00:00.000Z'],
  ],
  [
    'weekly on two days',
    { type: 'weekly', days: ['monday', 'friday'], time: '18:30' },
    '2026-03-02T18:30:00Z',
    ['2026-03-06T18:30:00.000Z', '2026-03-09T18:30:00.000Z'],
  ],
  [
    'monthly on the 31st falls on the last day of shorter months',
    { type: 'monthly', day: 31, time: '00:05' },
    '2026-01-31T00:05:00Z',
    [
      '2026-02-28T00:05:00.000Z',
      '2026-03-31T00:05:00.000Z',
      '2026-04-30T00:05:00.000Z',
      '2026-05-31T00:05:00.000Z',
    ],
  ],
  [
    'monthly on the 29th knows leap years',
    { type: 'monthly', day: 29 },
    '2028-02-01T00:00:00Z',
    ['2028-02-29T09:00:00.000Z', '2028-03-29T09:00:00.000Z'],
  ],
  [
    'custom cron',
    { type: 'custom', cron: '0 6 * * 1-5' },
    '2026-03-06T06:00:00Z',
    ['2026-03-09T06:00:00.000Z'],
  ],
])('%s', (_name, timetable, from, expected) => {
  expect(runs(schedule(timetable), from, expected.length)).toEqual(expected)
})

test('a time that daylight saving skips runs once, when the clock jumps over it', () => {
  // Warsaw, 29 March 2026: 02:00 CET becomes 03:00 CEST, at 01:00 UTC.
  expect(
    runs(schedule({ type: 'daily', time: '02:30' }, 'Europe/Warsaw'), '2026-03-28T12:00:00Z', 2),
  ).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'])
})

test('a time that happens twice runs the first time only', () => {
  // Warsaw, 25 October 2026: 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
  expect(
    runs(schedule({ type: 'daily', time: '02:30' }, 'Europe/Warsaw'), '2026-10-24T12:00:00Z', 2),
  ).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
})

test('nothing runs before the start', () => {
  expect(nextRun(schedule({ type: 'interval', every: 5 }), new Date('2025-06-01T00:00:00Z'))).toEqual(anchor)
})

const zones = [
  'UTC',
  'Europe/Warsaw',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
]
const wallClock = (date: Date, timeZone: string) =>
  new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    date,
  )

test('daily runs come once per local day, at the time where that exists, in every zone', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
      fc.date({ min: new Date('2026-01-01'), max: new Date('2029-12-31'), noInvalidDate: true }),
      (zone, hour, minute, start) => {
        const time = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
        const daily = schedule({ type: 'daily', time }, zone)
        const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone })
        let at = start
        const days = new Set<string>()
        for (let i = 0; i < 10; i++) {
          const run = nextRun(daily, at)
          if (run === null || run <= at) throw new Error('no later run')
          // No more than two hours off, and only where the clock jumped.
          if (wallClock(run, zone) !== time) expect(run.getTime() - at.getTime()).toBeLessThan(27 * 3_600_000)
          days.add(day.format(run))
          at = run
        }
        expect(days.size).toBe(10)
      },
    ),
    { numRuns: 60 },
  )
})

test.each([
  ['six fields', '0 0 6 * * 1'],
  ['nonsense', 'every day at six or so'],
  ['an hour there is not', '0 25 * * *'],
  ['a date there is not', '0 0 31 2 *'],
])('cron: %s is refused', (_name, cron) => {
  expect(Timetable.safeParse({ type: 'custom', cron }).success).toBe(false)
})

test('a time zone must exist', () => {
  expect(TimeZone.safeParse('Europe/Warsaw').success).toBe(true)
  expect(TimeZone.safeParse('Mars/Olympus').success).toBe(false)
})
