import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { buildLogger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import type { QueuedExecution } from '../../db/queued-execution.ts'
import { describeOnEachDatabase, embeddedRun, openTestDatabase } from '../../tests/setup/database.ts'
import { buildExecutionQueue, type DueRun, type ExecutionQueue } from './execution-queue.ts'

const due = (n: number, priority = 2): QueuedExecution => ({
  id: `exec_${n}`,
  run: 1,
  tier: 'standard',
  priority,
  admission: 'admitted',
  delay_ms: 0,
})

const IN_ORDER = 'the urgent are taken first, those given back before others as urgent, the rest as they came'

/** Jobs that a worker fetches at once may come in any order among themselves. */
const AT_ONCE = 4

async function takenInOrder(queue: ExecutionQueue) {
  const fill = Array.from({ length: 12 }, (_, n) => 200 + n)
  for (const n of [...fill, 400, 401, 300, 301, 100, 101]) await queue.add([due(n, Math.floor(n / 100))])
  const taken: string[] = []
  const refused: string[] = []
  const { promise: place, resolve: makePlace } = Promise.withResolvers<void>()
  const take = async ({ id }: DueRun) => {
    if (['exec_200', 'exec_201'].includes(id) && !refused.includes(id)) return refused.push(id) < 0
    return taken.push(id) > 0
  }
  await queue.work({ take, hasPlace: () => place })
  // It takes nothing more until there is a place; what it had in hand by then is taken.
  await vi.waitFor(() => expect(refused).toHaveLength(2), { timeout: 30_000 })
  await new Promise((next) => setTimeout(next, 500))
  const inHand = taken.splice(0)
  expect(inHand.length).toBeLessThan(8)
  expect(inHand).toEqual(expect.arrayContaining(['exec_100', 'exec_101']))
  await queue.add([due(102, 1)])
  makePlace()
  await vi.waitFor(() => expect(taken.length + inHand.length).toBe(19), { timeout: 30_000 })
  await queue.stopWork()
  const expected = [102, 200, 201, ...fill.slice(2), 300, 301, 400, 401]
    .map((n) => `exec_${n}`)
    .filter((id) => !inHand.includes(id))
  expect(taken.toSorted()).toEqual(expected.toSorted())
  const moved = taken.map((id, at) => Math.abs(expected.indexOf(id) - at))
  expect(Math.max(...moved), taken.join(' ')).toBeLessThan(AT_ONCE)
}

describeOnEachDatabase('the queue of executions', (kind) => {
  let db: Database
  let queue: ExecutionQueue
  beforeAll(async () => {
    db = await openTestDatabase(kind)
    queue = buildExecutionQueue({
      connection: db.connection,
      redisUrl: undefined,
      redisPrefix: 'patchbay',
      log: buildLogger('error'),
    })
  })
  afterAll(async () => {
    await queue.close()
    await db.close()
  })

  test(IN_ORDER, () => takenInOrder(queue), 60_000)

  test('runs queued together share jobs, and each is taken once, the urgent first', async () => {
    await queue.add([...Array.from({ length: 40 }, (_, n) => due(n, 3)), due(100, 1)])
    expect(await queue.waiting()).toBeLessThan(20)
    await queue.addAgain([due(200), due(201)])
    const before = await queue.waiting()
    await queue.addAgain([due(200), due(201)])
    expect(await queue.waiting()).toBe(before)

    const taken: string[] = []
    let refused = 0
    const { promise: all, resolve } = Promise.withResolvers<void>()
    const take = async ({ id }: DueRun) => {
      // Those that were refused come back.
      if (taken.length >= 10 && refused < 5) {
        refused += 1
        return false
      }
      taken.push(id)
      if (taken.length === 43) resolve()
      return true
    }
    await queue.work({ take, hasPlace: async () => undefined })
    await all
    await queue.stopWork()
    expect(taken[0]).toBe('exec_100')
    expect(new Set(taken).size).toBe(43)
    expect(refused).toBe(5)
    expect(await queue.waiting()).toBe(0)
  })

  test.skipIf(kind === 'embedded')(
    'a worker that could not give runs back takes jobs again all the same',
    async () => {
      const client = new pg.Client(db.connection)
      await client.connect()
      const taken: string[] = []
      let asked = 0
      const take = async ({ id }: DueRun) => {
        if (id !== 'exec_300') return taken.push(id) > 0
        asked += 1
        // The queue is away as the run is to go back to it.
        await client.query('ALTER SCHEMA bullmq RENAME TO away')
        setTimeout(() => client.query('ALTER SCHEMA away RENAME TO bullmq'), 1_000)
        return false
      }
      await queue.add([due(300)])
      await queue.work({ take, hasPlace: async () => undefined })
      await vi.waitFor(() => expect(asked).toBe(1), { timeout: 10_000 })
      await new Promise((next) => setTimeout(next, 1_500))
      await queue.add([due(301)])
      await vi.waitFor(() => expect(taken).toEqual(['exec_301']), { timeout: 15_000 })
      await queue.stopWork()
      await client.end()
    },
  )
})

describe.skipIf(!embeddedRun || inject('redisUrl') === null)('on Redis (needs redis-server)', () => {
  test(IN_ORDER, async () => {
    const redisUrl = `${inject('redisUrl')}/11`
    const queue = buildExecutionQueue({
      connection: {},
      redisUrl,
      redisPrefix: 'order',
      log: buildLogger('error'),
    })
    try {
      await takenInOrder(queue)
    } finally {
      await queue.close()
    }
  })

  test('installations that share a Redis database do not take each other’s jobs', async () => {
    const redisUrl = `${inject('redisUrl')}/10`
    const build = (redisPrefix: string) =>
      buildExecutionQueue({ connection: {}, redisUrl, redisPrefix, log: buildLogger('error') })
    const [one, other] = [build('one'), build('other')]
    try {
      await one.add([due(1), due(2)])
      expect([await one.waiting(), await other.waiting()]).toEqual([2, 0])
      const taken: string[] = []
      const { promise: both, resolve } = Promise.withResolvers<void>()
      const take = async ({ id }: DueRun) => {
        taken.push(id)
        if (taken.length === 2) resolve()
        return true
      }
      // Jobs are taken as soon as one worker is connected; none is closed before it is.
      await one.work({ take, hasPlace: async () => undefined })
      await both
      expect(taken.toSorted()).toEqual(['exec_1', 'exec_2'])
    } finally {
      await Promise.all([one.close(), other.close()])
    }
  })
})
