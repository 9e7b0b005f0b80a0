import { expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { buildBatcher } from './batcher.ts'

test('items that come together are flushed together, and each gets its own result', async () => {
  const batches: number[][] = []
  const batcher = buildBatcher<number, number>(async (items) => {
    batches.push(items)
    return items.map((item) => item * 2)
  }, 10)
  expect(await Promise.all([1, 2, 3].map((item) => batcher.add(item)))).toEqual([2, 4, 6])
  expect(batches).toEqual([[1, 2, 3]])
})

test('an item that cannot be flushed fails alone, not with the others of its batch', async () => {
  const batcher = buildBatcher<number, number>(async (items) => {
    if (items.includes(2)) throw new RangeError('poison')
    return items
  }, 10)
  const outcomes = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  await batcher.idle()
})

test('a database that is away is asked once for the whole batch', async () => {
  let asked = 0
  const batcher = buildBatcher<number, number>(async () => {
    asked += 1
    throw new AppError('unavailable', 'away')
  }, 10)
  const outcomes = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)))
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(asked).toBe(1)
})
