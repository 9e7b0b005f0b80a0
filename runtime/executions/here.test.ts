import { expect, test } from 'vitest'
import type { ExecutionRow } from '../../db/executions.ts'
import { buildSlots } from '../queue/slots.ts'
import { buildHere } from './here.ts'

const QUEUED = { tier: 'standard', status: 'queued' } as const
const WORKER = 'worker-1'

/** @param concurrency places; those that run keep them until `end` is called */
function world(concurrency: number) {
  const slots = buildSlots(concurrency)
  const begun: string[] = []
  const here = buildHere({
    worker: WORKER,
    slots,
    concurrency,
    run: async ({ id }, _at, patienceMs) => {
      if (await slots.take(patienceMs)) begun.push(id)
    },
  })
  /** Executions about to be stored, of which so many are taken on; `stored` says which came to be. */
  const offered = (count: number) => {
    let taken = 0
    let stored: (rows: ExecutionRow[]) => void = () => {}
    void here.storing(
      (workerFor) => {
        taken = Array.from({ length: count }, () => workerFor(QUEUED)).filter(
          (worker) => worker === WORKER,
        ).length
        return new Promise<ExecutionRow[]>((resolve) => (stored = resolve))
      },
      (rows) => rows,
    )
    return { taken, stored: (...ids: string[]) => stored(ids.map((id) => ({ id }) as ExecutionRow)) }
  }
  return { slots, here, begun, offered }
}

test('nothing is taken on before there is work here, after it ended, and of the long tier', async () => {
  const { here, offered } = world(2)
  expect(offered(1).taken).toBe(0)
  here.open()
  const workers = await here.storing(
    async (workerFor) => [
      workerFor({ ...QUEUED, tier: 'long' }),
      workerFor({ ...QUEUED, status: 'running' }),
    ],
    () => [],
  )
  expect(workers).toEqual([null, null])
  here.close()
  expect(offered(1).taken).toBe(0)
})

test('as many are taken on as are free or soon will be, and what was not stored makes room again', async () => {
  const { here, begun, offered } = world(4)
  here.open()
  // Runs of a second each: in a tenth of one no place becomes free.
  for (let n = 0; n < 100; n += 1) here.ran(1_000)
  const first = offered(10)
  expect(first.taken).toBe(4)
  expect(offered(10).taken).toBe(0)
  first.stored('a')
  await new Promise((next) => setImmediate(next))
  expect(begun).toEqual(['a'])
  const second = offered(10)
  expect(second.taken).toBe(3)
  second.stored()
  await new Promise((next) => setImmediate(next))
  // Runs of ten milliseconds: forty in that time.
  for (let n = 0; n < 200; n += 1) here.ran(9.9)
  expect(offered(100).taken).toBe(43)
})

test('what waits here already goes first', async () => {
  const { slots, here, offered } = world(1)
  here.open()
  for (let n = 0; n < 200; n += 1) here.ran(9.9)
  await slots.take()
  const line = Array.from({ length: 10 }, () => slots.take())
  expect(offered(5).taken).toBe(0)
  for (let n = 0; n < 10; n += 1) slots.leave()
  await Promise.all(line)
  // A worker that gave runs back waits for the next place.
  void slots.someFree()
  expect(offered(5).taken).toBe(0)
  slots.leave()
  expect(offered(5).taken).toBe(5)
  // What could not be stored gives its room back.
  const failed = here.storing(
    async (workerFor) => {
      expect(workerFor(QUEUED)).toBe(WORKER)
      throw new Error('away')
    },
    () => [],
  )
  await expect(failed).rejects.toThrow('away')
})
