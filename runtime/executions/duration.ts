import ms from 'ms'
import { invalidInput } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'

const DAY_MS = 86_400_000
/** As long as anything here waits. */
const MAX_WAIT_MS = 365 * DAY_MS

/**
 * A length of time as workflows give it: milliseconds, or text such as `90s`, `5 minutes`, `2d`.
 * @param where what it is for, e.g. `ctx.sleep`
 * @returns milliseconds, 0 to one year
 */
export function durationMs(value: Json, where: string): number {
  const given =
    typeof value === 'string' && value.length <= 100
      ? ms(value as ms.StringValue)
      : Number(value ?? Number.NaN)
  if (typeof value !== 'object' && Number.isFinite(given) && given >= 0 && given <= MAX_WAIT_MS) return given
  throw invalidInput(`'${JSON.stringify(value)}' is not a length of time from 0 to one year.`, {
    where,
    hint: "Give milliseconds, or text such as '30s', '5 minutes', '2 days'.",
  })
}

/** The moment `ctx.sleep` ends: after a length of time, or `{until: ISO 8601}`. */
export function wakeTime(value: Json, now: number): number {
  if (!isJsonObject(value) || typeof value.until !== 'string') return now + durationMs(value, 'ctx.sleep')
  const at = Date.parse(value.until)
  if (Number.isFinite(at) && at - now <= MAX_WAIT_MS) return at
  throw invalidInput(`'${value.until}' is not a moment within one year.`, {
    where: 'ctx.sleep',
    hint: "Give ISO 8601 with a time zone, e.g. {until: '2027-01-31T09:00:00Z'}.",
  })
}
