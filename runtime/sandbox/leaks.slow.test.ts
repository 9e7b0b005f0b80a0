import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { buildSandbox } from './sandbox.ts'
import { childPids, echoBridge, jobFor, silentLog, workflow } from './testing.ts'

const trivial = jobFor(workflow('return 1'))

test('a sandbox process serves 2,000 runs with the processes, files and memory it started with', async () => {
  const sandbox = buildSandbox({ processes: 1, log: silentLog })
  onTestFinished(() => sandbox.close())
  const bridge = echoBridge()
  for (let i = 0; i < 100; i++) await sandbox.run(trivial, bridge)
  const [pid] = childPids()
  const files = () => readdirSync(`/proc/${pid}/fd`).length
  const threads = () => readdirSync(`/proc/${pid}/task`).length
  const megabytes = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  const before = { files: files(), threads: threads(), megabytes: megabytes() }
  for (let i = 0; i < 2_000; i++) {
    const result = await sandbox.run(trivial, bridge)
    if (result.status !== 'completed') throw new Error(result.error.message)
  }
  expect(childPids()).toEqual([pid])
  expect(files()).toBe(before.files)
  // Thread pools of V8, libuv and isolated-vm grow to their own size at their own time; a leak
  // would be of the order of the runs.
  expect(threads()).toBeLessThanOrEqual(before.threads + 20)
  expect(megabytes()).toBeLessThan(before.megabytes + 100)
})
