import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'

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
   * Counts one call of the actor's key. Windows of a minute, counted in this process.
   * @throws AppError `limit_exceeded` with `retryAfterSeconds` (a Hard Block: nothing was run)
   */
  consume(actor: Actor): Promise<RateLimitState>
}

export function buildRateLimits(defaultPerMinute: number): RateLimits {
  const limiters = new Map<number, RateLimiterMemory>()
  const limiterFor = (limit: number) => {
    const known = limiters.get(limit)
    if (known !== undefined) return known
    const limiter = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS })
    limiters.set(limit, limiter)
    return limiter
  }
  return {
    consume: async (actor) => {
      const limit = actor.ratePerMinute ?? defaultPerMinute
      const outcome = await limiterFor(limit)
        .consume(actor.id)
        .catch((refusal: unknown) => {
          if (refusal instanceof RateLimiterRes) return refusal
          throw refusal
        })
      const state = {
        limit,
        remaining: Math.max(0, outcome.remainingPoints),
        resetAt: Math.ceil((Date.now() + outcome.msBeforeNext) / 1000),
      }
      if (outcome.consumedPoints <= limit) return state
      throw new AppError('limit_exceeded', `This API key made more than ${limit} calls in a minute.`, {
        hint: 'Wait as long as retryAfterSeconds says, then go on more slowly.',
        retryAfterSeconds: Math.max(1, Math.ceil(outcome.msBeforeNext / 1000)),
        data: { ...state },
      })
    },
  }
}
