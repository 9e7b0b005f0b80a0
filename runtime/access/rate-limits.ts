import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { CallCounter } from './call-counter.ts'

const WINDOW_SECONDS = 60

/** What the `X-RateLimit-*` headers tell. */
export interface RateLimitState {
  limit: number
  remaining: number
  /** Unix time in seconds at which the window ends. */
  resetAt: number
}

export interface RateLimits {
  /**
   * Counts one call of the actor's key. Windows of a minute, counted over all processes.
   * @throws AppError `limit_exceeded` with `retryAfterSeconds` (a Hard Block: nothing was run)
   */
  consume(actor: Actor): Promise<RateLimitState>
}

export function buildRateLimits(defaultPerMinute: number, counter: CallCounter): RateLimits {
  return {
    consume: async (actor) => {
      const limit = actor.ratePerMinute ?? defaultPerMinute
      const { used, leftMs } = await counter.count(actor.id, limit, WINDOW_SECONDS)
      const state = {
        limit,
        remaining: Math.max(0, limit - used),
        resetAt: Math.ceil((Date.now() + leftMs) / 1000),
      }
      if (used <= limit) return state
      throw new AppError('limit_exceeded', `This API key made more than ${limit} calls in a minute.`, {
        hint: 'Wait as long as retryAfterSeconds says, then go on more slowly.',
        retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
        data: { ...state },
      })
    },
  }
}
