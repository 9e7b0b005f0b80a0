import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { buildLogger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { describeOnEachDatabase, embeddedRun, openTestDatabase } from '../../tests/setup/database.ts'
import { buildTraffic } from '../connectors/traffic.ts'
import { buildCallCounter, type CallCounter } from './call-counter.ts'

const LIMIT = 25
const log = buildLogger('silent')

function promises(counters: (count: number) => CallCounter[] | Promise<CallCounter[]>): void {
  const closing: CallCounter[] = []
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((counter) => counter.close()))
  })
  const start = async (count: number) => {
    const made = await counters(count)
    closing.push(...made)
    return made
  }

  test('of many calls at once through several counters, exactly as many as the limit get through', async () => {
    const all = await start(2)
    const counts = await Promise.all(
      Array.from({ length: 4 * LIMIT }, (_, n) => all[n % all.length]?.count('a', LIMIT, 60)),
    )
    expect(counts.filter((count) => (count?.used ?? 0) <= LIMIT)).toHaveLength(LIMIT)
    // Each got a place of its own.
    const within = counts.flatMap((count) => (count !== undefined && count.used <= LIMIT ? [count.used] : []))
    expect(within.sort((a, b) => a - b)).toEqual(Array.from({ length: LIMIT }, (_, n) => n + 1))
  })

  test('another key has its own count, and a window that is over begins anew', async () => {
    const [counter] = (await start(1)) as [CallCounter]
    expect((await counter.count('b', 1, 1)).used).toBe(1)
    const over = await counter.count('b', 1, 1)
    expect(over.used).toBe(2)
    expect(over.leftMs).toBeGreaterThan(0)
    expect((await counter.count('c', 1, 1)).used).toBe(1)
    await new Promise((next) => setTimeout(next, over.leftMs + 20))
    expect((await counter.count('b', 1, 1)).used).toBe(1)
  })

  test('calls through one connection keep its rate, whichever process makes them', async () => {
    const all = await start(2)
    const connector = { slug: 'app', callRate: { limit: 4, seconds: 60 } }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, async (_, n) => {
        const counter = all[n % all.length]
        if (counter === undefined) throw new Error('no counter')
        const traffic = buildTraffic(Date.now, (account, { limit, seconds }) =>
          counter.count(`calls ${account}`, limit, seconds),
        )
        const leave = await traffic.enter('cxn_1', connector, { slug: 'send' }, performance.now() + 10_000)
        leave()
      }),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'limit_exceeded', retryable: true })
  })
}

describeOnEachDatabase('counting calls', (kind) => {
  let db: Database
  beforeAll(async () => {
    db = await openTestDatabase(kind)
  })
  afterAll(() => db.close())
  // On the embedded database one process counts for all.
  promises((count) =>
    Array.from({ length: kind === 'embedded' ? 1 : count }, () =>
      buildCallCounter({ db, redisUrl: undefined, redisPrefix: 'patchbay', log }),
    ),
  )
})

describe.skipIf(!embeddedRun || inject('redisUrl') === null)(
  'counting calls in Redis (needs a Redis server)',
  () => {
    let db: Database
    beforeAll(async () => {
      db = await openTestDatabase()
    })
    afterAll(() => db.close())
    promises(async (count) => {
      const redisUrl = `${inject('redisUrl')}/9`
      const counters = Array.from({ length: count }, () =>
        buildCallCounter({ db, redisUrl, redisPrefix: 'patchbay', log }),
      )
      await new Promise((next) => setTimeout(next, 500)) // until they are connected
      return counters
    })
  },
)
