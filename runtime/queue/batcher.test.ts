import { expect, test } from 'vitest'
import { buildBatcher } from './batcher.ts'

const turn = () => new Promise((next) => setTimeout(next, 1))

test('items that come while a batch is under way go together in the next, each with its own result', async () => {
  const batches: number[][] = []
  const batcher = buildBatcher<number, string>(async (items) => {
    batches.push(items)
    await turn()
    return items.map((item) => `done ${item}`)
  }, 100)
  const first = batcher.add(0)
  await turn()
  const rest = [1, 2, 3, 4].map((item) => batcher.add(item))
  expect(await Promise.all([first, ...rest])).toEqual(['done 0', 'done 1', 'done 2', 'done 3', 'done 4'])
  expect(batches.length).toBeLessThan(5)
  expect(batches.flat()).toEqual([0, 1, 2, 3, 4])
})

test('no batch is larger than it may be', async () => {
  const sizes: number[] = []
  const batcher = buildBatcher<number, number>(async (items) => {
    sizes.push(items.length)
    return items
  }, 3)
  await Promise.all(Array.from({ length: 10 }, (_, item) => batcher.add(item)))
  expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
})

test('a batch that fails rejects its own items, and the next ones are served', async () => {
  let fail = true
  const batcher = buildBatcher<number, number>(async (items) => {
    if (fail) throw new Error('down')
    return items
  }, 10)
  const outcomes = await Promise.allSettled([batcher.add(1), batcher.add(2)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  fail = false
  expect(await batcher.add(3)).toBe(3)
  await batcher.idle()
})
