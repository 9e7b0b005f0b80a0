import { expect, test } from 'vitest'
import { WARM_ISOLATES } from '../../core/config.ts'
import { soakSandbox } from './soak.ts'

const MB = 1024 * 1024

/** `npm run soak:sandbox` does the same with 100,000. */
test('a sandbox process holds after 4,000 executions of all kinds what it held half-way', async () => {
  const [, half, end] = await soakSandbox(4_000)
  if (half === undefined || end === undefined) throw new Error('No figures.')
  expect(end.pid).toBe(half.pid)
  expect(end.executions).toBe(0)
  expect(end.files).toBe(half.files)
  expect(end.idleIsolates).toBeLessThanOrEqual(WARM_ISOLATES)
  expect(end.handles).toBeLessThanOrEqual(half.handles + 3)
  // Thread pools of V8, libuv and isolated-vm grow to their own size at their own time, heaps are collected when
  // V8 likes; a leak would be of the order of the executions.
  expect(end.threads).toBeLessThanOrEqual(half.threads + 20)
  expect(end.heapBytes).toBeLessThan(half.heapBytes + 40 * MB)
  expect(end.rssBytes).toBeLessThan(half.rssBytes + 150 * MB)
  expect(end.mappings).toBeLessThan(half.mappings + 1_000)
})
