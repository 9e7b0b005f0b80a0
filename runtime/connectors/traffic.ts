import { LRUCache } from 'lru-cache'
import { AppError } from '../../core/errors.ts'
import type { ActionDefinition } from './action-definition.ts'
import type { ConnectorDefinition } from './definition.ts'
import { buildLanes } from './lanes.ts'
import { rateLimitIn } from './rate-limit.ts'
import { retryAfter } from './retry-after.ts'

const DEFAULT_CONCURRENCY = 20
const REMEMBERED_CONNECTIONS = 10_000
const LIMITS_PER_CONNECTION = 50
/** Of up to 50 MB each, in each direction. */
const MAX_LARGE_BODIES = 4
/** A limit that is over this soon is waited for; otherwise the caller is told when to come back. */
const MAX_WAIT_MS = 5_000
/** Clocks differ: a call right at the reset often comes a little early. */
const RESET_MARGIN_MS = 50

type Limits = Pick<ConnectorDefinition, 'slug' | 'rateLimit' | 'concurrency' | 'callRate'>

/** Counts a call in a window that all processes share; see runtime/access/call-counter.ts. */
export type CountCall = (
  account: string,
  rate: { limit: number; seconds: number },
) => Promise<{ used: number; leftMs: number }>

/** The calls of this process, kept within what each account may do. */
export interface Traffic {
  /**
   * Waits for a turn on the account, and for its rate limit when that is filled up again within seconds.
   * @param account whose limits count: the connection, or the connector for calls without one
   * @param deadline when the call must be over, by performance.now()
   * @returns what ends the turn
   * @throws AppError `limit_exceeded` with `retryAfterSeconds`; `timeout` when no turn came in time; `cancelled`
   */
  enter(
    account: string,
    connector: Limits,
    action: Pick<ActionDefinition, 'slug'>,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<() => void>
  /**
   * Waits for a turn to hold a body over 1 MB in memory: a few may at once, of all accounts together.
   * @throws AppError as `enter`
   */
  enterLarge(what: 'request' | 'response', deadline: number, signal?: AbortSignal): Promise<() => void>
  /** Remembers what an answer told about the account's limits. */
  note(
    account: string,
    connector: Limits,
    action: Pick<ActionDefinition, 'slug'>,
    answer: { status: number; headers: Record<string, string> },
  ): void
}

interface AccountLimits {
  /** When a limit that is used up is filled again, in milliseconds since 1970, by name. */
  resets: Map<string, number>
  /** Which limit an action was counted against, where the API names them. */
  limitOf: Map<string, string>
}

/**
 * Limits per account: remembered in this process, so that a call that would be refused is not sent. An API may
 * keep several limits (GitHub's `x-ratelimit-resource`), and a 429 with nothing but Retry-After may be about one
 * action alone (Slack): that one holds for the action only.
 */
export function buildTraffic(now: () => number = Date.now, countCall?: CountCall): Traffic {
  const lanes = buildLanes()
  const accounts = new LRUCache<string, AccountLimits>({ max: REMEMBERED_CONNECTIONS })

  const waitMs = (account: string, action: string): number => {
    const known = accounts.get(account)
    if (known === undefined) return 0
    const shared = known.resets.get(known.limitOf.get(action) ?? '') ?? 0
    const own = known.resets.get(`action:${action}`) ?? 0
    const until = Math.max(shared, own)
    return until <= now() ? 0 : until - now() + RESET_MARGIN_MS
  }

  /** Counts the call; what comes over the rate waits for the next window, if that is near. */
  const keepRate = async (
    account: string,
    connector: Limits,
    action: Pick<ActionDefinition, 'slug'>,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const rate = connector.callRate
    if (rate === undefined || countCall === undefined) return
    for (;;) {
      const { used, leftMs } = await countCall(account, rate)
      if (used <= rate.limit) return
      if (leftMs > Math.min(MAX_WAIT_MS, deadline - performance.now()))
        throw limitReached(`${connector.slug}.${action.slug}`, leftMs)
      await pause(leftMs + RESET_MARGIN_MS, signal)
    }
  }

  return {
    enter: async (account, connector, action, deadline, signal) => {
      const limit = connector.concurrency ?? DEFAULT_CONCURRENCY
      const leave = await lanes.enter(account, limit, Math.max(0, deadline - performance.now()), signal)
      try {
        const wait = waitMs(account, action.slug)
        if (wait > Math.min(MAX_WAIT_MS, deadline - performance.now())) {
          throw limitReached(`${connector.slug}.${action.slug}`, wait)
        }
        if (wait > 0) await pause(wait, signal)
        await keepRate(account, connector, action, deadline, signal)
        return leave
      } catch (error) {
        leave()
        throw error
      }
    },
    enterLarge: (what, deadline, signal) =>
      lanes.enter(`large ${what}`, MAX_LARGE_BODIES, Math.max(0, deadline - performance.now()), signal),
    note: (account, connector, action, { status, headers }) => {
      const found = rateLimitIn(headers, connector.rateLimit, now())
      const after = status === 429 ? retryAfter(headers['retry-after'], now()) : undefined
      if (found === undefined && after === undefined) return
      const known = accounts.get(account) ?? { resets: new Map(), limitOf: new Map() }
      accounts.set(account, known)
      if (found !== undefined) {
        const name = headers['x-ratelimit-resource'] ?? ''
        if (name !== '') keep(known.limitOf, action.slug, name)
        if (found.remaining === 0 && found.resetAt > now()) keep(known.resets, name, found.resetAt)
        else known.resets.delete(name)
      }
      if (after !== undefined && after > 0) {
        keep(known.resets, `action:${action.slug}`, now() + after * 1000)
      }
    },
  }
}

/** Adds to a map that drops its oldest entry when it is full. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > LIMITS_PER_CONNECTION && oldest !== undefined) map.delete(oldest)
}

/** Waits `ms` unless the signal aborts first. @throws AppError `cancelled` */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const cancelled = () => new AppError('cancelled', 'The call was cancelled while it waited.')
  if (signal?.aborted === true) throw cancelled()
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(cancelled())
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

function limitReached(call: string, waitMs: number): AppError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  return new AppError(
    'limit_exceeded',
    `${call} was not sent: the app's rate limit for this account is used up.`,
    {
      retryAfterSeconds,
      hint: `Wait ${retryAfterSeconds} s, then try again.`,
    },
  )
}
