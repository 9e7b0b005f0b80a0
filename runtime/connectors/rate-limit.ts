import type { ConnectorDefinition } from './definition.ts'
import { retryAfter } from './retry-after.ts'

/** What an answer told about its rate limit. */
export interface RateLimitNote {
  /** Calls left until `resetAt`. */
  remaining: number
  /** When they are filled up again, in milliseconds since 1970. */
  resetAt: number
}

type CustomHeaders = NonNullable<ConnectorDefinition['rateLimit']>
type Unit = CustomHeaders['resetUnit'] | 'guess'

/** Resets further away are taken for mistakes: no limit of an API runs for longer. */
const MAX_RESET_MS = 31 * 24 * 60 * 60 * 1000
/** Below this a bare number is seconds from now, above it a Unix time: it was 1973 then. */
const LEAST_EPOCH_SECONDS = 100_000_000
const LEAST_EPOCH_MS = LEAST_EPOCH_SECONDS * 1000

/** Pairs in use, the commonest last: X-RateLimit-* (GitHub, Twitter), its spellings, the IETF draft's three headers. */
const COMMON: [remaining: string, reset: string][] = [
  ['ratelimit-remaining', 'ratelimit-reset'],
  ['x-rate-limit-remaining', 'x-rate-limit-reset'],
  ['x-ratelimit-remaining', 'x-ratelimit-reset'],
  ['x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
]

/**
 * The rate limit in an answer's headers: the connector's own ones where it names them, else the common ones
 * and `RateLimit` (draft-ietf-httpapi-ratelimit-headers: `"default";r=5;t=30` or `limit=10, remaining=5, reset=30`).
 * Undefined when they do not tell both how many calls are left and until when.
 */
export function rateLimitIn(
  headers: Record<string, string>,
  custom: CustomHeaders | undefined,
  now: number,
): RateLimitNote | undefined {
  if (custom !== undefined) {
    return noteOf(
      headers[custom.remainingHeader.toLowerCase()],
      headers[custom.resetHeader.toLowerCase()],
      custom.resetUnit,
      now,
    )
  }
  for (const [remaining, reset] of COMMON) {
    const note = noteOf(headers[remaining], headers[reset], 'guess', now)
    if (note !== undefined) return note
  }
  const structured = headers.ratelimit?.slice(0, 500)
  if (structured === undefined) return undefined
  const remaining = /(?:^|[;,\s])(?:r|remaining)\s*=\s*(\d+)/i.exec(structured)?.[1]
  const reset = /(?:^|[;,\s])(?:t|reset)\s*=\s*(\d+)/i.exec(structured)?.[1]
  return noteOf(remaining, reset, 'seconds', now)
}

function noteOf(
  remaining: string | undefined,
  reset: string | undefined,
  unit: Unit,
  now: number,
): RateLimitNote | undefined {
  // Several limits in one header (`100, 1000`): the first is the one that is nearest.
  const left = Number.parseInt(remaining?.trim() ?? '', 10)
  const resetAt = reset === undefined ? undefined : resetTime(reset.trim(), unit, now)
  if (!Number.isFinite(left) || resetAt === undefined) return undefined
  return resetAt - now > MAX_RESET_MS ? undefined : { remaining: Math.max(0, left), resetAt }
}

function resetTime(text: string, unit: Unit, now: number): number | undefined {
  const first = text.split(',')[0] ?? ''
  const number = /^\d+(\.\d+)?$/.test(first) ? Number(first) : undefined
  switch (unit) {
    case 'seconds':
      return number === undefined ? undefined : now + number * 1000
    case 'epoch_seconds':
      return number === undefined ? undefined : number * 1000
    case 'epoch_milliseconds':
      return number
    case 'date': {
      const at = Date.parse(text)
      return Number.isFinite(at) ? at : undefined
    }
    case 'guess': {
      if (number === undefined) {
        const duration = durationMs(first)
        if (duration !== undefined) return now + duration
        const seconds = retryAfter(text, now)
        return seconds === undefined ? undefined : now + seconds * 1000
      }
      if (number >= LEAST_EPOCH_MS) return number
      return number >= LEAST_EPOCH_SECONDS ? number * 1000 : now + number * 1000
    }
  }
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `1m30s`, `250ms`: durations as Go prints them, which some APIs send. */
function durationMs(text: string): number | undefined {
  if (text.length > 40 || !/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) return undefined
  let total = 0
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    total += Number(value) * (UNIT_MS[unit ?? ''] ?? 0)
  return total
}
