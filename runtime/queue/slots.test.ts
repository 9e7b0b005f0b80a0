import { expect, test, vi } from 'vitest'
import { buildSlots } from './slots.ts'

test('no more are in at once than there are places, and who waits gets in in the order they came', async () => {
  const slots = buildSlots(2)
  const entered: number[] = []
  const ask = [1, 2, 3, 4].map(async (n) => {
    expect(await slots.take()).toBe(true)
    entered.push(n)
  })
  await Promise.all(ask.slice(0, 2))
  expect(entered).toEqual([1, 2])
  slots.leave()
  await ask[2]
  expect(entered).toEqual([1, 2, 3])
  slots.leave()
  await Promise.all(ask)
  expect(entered).toEqual([1, 2, 3, 4])
})

test('closed, it sends away who waits and who comes', async () => {
  const slots = buildSlots(1)
  await slots.take()
  const waiting = slots.take()
  slots.close()
  expect([await waiting, await slots.take()]).toEqual([false, false])
})

test('who has waited long enough goes away, and no place is lost by it', async () => {
  const slots = buildSlots(1)
  expect([slots.free(), await slots.take(), slots.free()]).toEqual([1, true, 0])
  expect(await slots.take(5)).toBe(false)
  const waiting = slots.take(60_000)
  const free = vi.fn()
  const told = slots.someFree().then(free)
  slots.leave()
  expect(await waiting).toBe(true)
  expect(free).not.toHaveBeenCalled()
  slots.leave()
  await told
  expect(slots.free()).toBe(1)
  await slots.someFree()
})
