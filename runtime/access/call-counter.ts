import { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Logger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { useWindows } from '../../db/rate-windows.ts'
import { buildBatcher } from '../queue/batcher.ts'

const MAX_BATCH = 500
const MAX_BLOCKED = 10_000
const REDIS_ANSWER_MS = 1_000

export interface Count {
  /** Uses of the window so far, this one included. */
  used: number
  /** Until the window ends. */
  leftMs: number
}

/** Counts calls in windows that all processes share. */
export interface CallCounter {
  count(key: string, limit: number, seconds: number): Promise<Count>
  close(): Promise<void>
}

/**
 * In Redis when there is one, else in the database, where many calls share a statement. On the embedded database in
 * this process, which is the only server it has. What is over its limit stays so until its window ends, and is not
 * counted again: a flood costs nothing.
 */
export function buildCallCounter(deps: {
  db: Database
  redisUrl: string | undefined
  /** What keys in Redis begin with. */
  redisPrefix: string
  log: Logger
}): CallCounter {
  const { db, redisUrl } = deps
  const shared =
    redisUrl !== undefined
      ? onRedis(redisUrl, deps.redisPrefix, deps.log)
      : db.kind === 'embedded'
        ? inProcess()
        : onPostgres(db)
  const blocked = new LRUCache<string, { used: number; until: number }>({ max: MAX_BLOCKED })
  return {
    count: async (key, limit, seconds) => {
      const known = blocked.get(key)
      const now = Date.now()
      if (known !== undefined && known.until > now && known.used > limit)
        return { used: known.used, leftMs: known.until - now }
      const counted = await shared.count(key, limit, seconds)
      if (counted.used > limit) blocked.set(key, { used: counted.used, until: now + counted.leftMs })
      return counted
    },
    close: shared.close,
  }
}

/** The rejections of the library are counts too. */
const countOf = async (consumed: Promise<RateLimiterRes>): Promise<Count> => {
  const { consumedPoints, msBeforeNext } = await consumed.catch((refusal: unknown) => {
    if (refusal instanceof RateLimiterRes) return refusal
    throw refusal
  })
  return { used: consumedPoints, leftMs: msBeforeNext }
}

function limiters<T>(make: (points: number, duration: number) => T): (points: number, duration: number) => T {
  const made = new Map<string, T>()
  return (points, duration) => {
    const name = `${points}/${duration}`
    const known = made.get(name) ?? make(points, duration)
    made.set(name, known)
    return known
  }
}

function inProcess(): CallCounter {
  const limiter = limiters((points, duration) => new RateLimiterMemory({ points, duration }))
  return {
    count: (key, limit, seconds) => countOf(limiter(limit, seconds).consume(key)),
    close: async () => {},
  }
}

function onRedis(url: string, prefix: string, log: Logger): CallCounter {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: REDIS_ANSWER_MS,
  })
  redis.on('error', (error: Error) =>
    log.warn({ err: error.message }, 'Redis: calls are counted here meanwhile'),
  )
  const limiter = limiters(
    (points, duration) =>
      new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `${prefix}:calls`,
        points,
        duration,
        // While Redis is away each process counts for itself: better than refusing everybody, or nobody.
        insuranceLimiter: new RateLimiterMemory({ points, duration }),
      }),
  )
  return {
    count: (key, limit, seconds) => countOf(limiter(limit, seconds).consume(key)),
    close: async () => redis.disconnect(),
  }
}

/**
 * Not the library's Postgres store: that takes a statement, and so a commit, for every call, and compares the clocks
 * of processes.
 */
function onPostgres(db: Database): CallCounter {
  const batcherFor = limiters((_points, seconds) =>
    buildBatcher<string, Count>(async (keys) => {
      const wanted = new Map<string, number>()
      for (const key of keys) wanted.set(key, (wanted.get(key) ?? 0) + 1)
      const uses = [...wanted].map(([key, count]) => ({ key, count }))
      const rows = new Map((await useWindows(db, uses, seconds)).map((row) => [row.key, row]))
      // Each call of a batch has its own place in the count.
      const before = new Map(uses.map(({ key, count }) => [key, (rows.get(key)?.used ?? count) - count]))
      return keys.map((key) => {
        const used = (before.get(key) ?? 0) + 1
        before.set(key, used)
        return { used, leftMs: rows.get(key)?.left_ms ?? seconds * 1000 }
      })
    }, MAX_BATCH),
  )
  return {
    count: (key, _limit, seconds) => batcherFor(0, seconds).add(key),
    close: async () => {},
  }
}
