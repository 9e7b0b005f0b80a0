import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLogger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import type { QueuedExecution } from '../../db/execution-queue.ts'
import { describeOnEachDatabase, openTestDatabase } from '../../tests/setup/database.ts'
import { buildExecutionQueue, type ExecutionQueue } from './execution-queue.ts'

const due = (n: number, priority = 2): QueuedExecution => ({
  id: `exec_${n}`,
  run: 1,
  tier: 'standard',
  priority,
  admission: 'admitted',
  delay_ms: 0,
})

describeOnEachDatabase('the queue of executions', (kind) => {
  let db: Database
  let queue: ExecutionQueue
  beforeAll(async () => {
    db = await openTestDatabase(kind)
    queue = buildExecutionQueue({ connection: db.connection, redisUrl: undefined, log: buildLogger('error') })
  })
  afterAll(async () => {
    await queue.close()
    await db.close()
  })

  test('runs queued together share jobs, and each is taken once, the urgent first', async () => {
    await queue.add([...Array.from({ length: 40 }, (_, n) => due(n, 3)), due(100, 1)])
    expect(await queue.waiting()).toBeLessThan(20)
    await queue.addAgain([due(200), due(201)])
    const before = await queue.waiting()
    await queue.addAgain([due(200), due(201)])
    expect(await queue.waiting()).toBe(before)

    const taken: string[] = []
    let refused = 0
    await new Promise<void>((resolve) => {
      void queue.work(async ({ id }) => {
        // Those that were refused come back.
        if (taken.length >= 10 && refused < 5) {
          refused += 1
          return false
        }
        taken.push(id)
        if (taken.length === 43) resolve()
        return true
      })
    })
    await queue.stopWork()
    expect(taken[0]).toBe('exec_100')
    expect(new Set(taken).size).toBe(43)
    expect(refused).toBe(5)
    expect(await queue.waiting()).toBe(0)
  })
})
