import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { buildSandbox } from '../sandbox.ts'
import { childPids, echoBridge, jobFor, outputOf, silentLog, workflow } from '../testing.ts'
import { bombs } from './bombs.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())
const bridge = echoBridge()
const after = 'return [await ctx.state.get("k"), typeof {}.k]'
const MOST_MEGABYTES = 2_000

/** The most memory each sandbox process ever had, by its id. */
const peaks = new Map<number, number>()
function lookAtMemory() {
  for (const pid of childPids()) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peak))
    } catch {
      // It ended between the list and the look.
    }
  }
}

describe('with the next executions as ever,', () => {
  test.each(bombs)('$what is contained', async ({ body, ends, limits }) => {
    const looking = setInterval(lookAtMemory, 100)
    const job = {
      ...jobFor(workflow(`if (ctx.input === 'after') { ${after} }\n${body}`), {
        limits: { cpuMs: 400, memoryMb: 32, timeoutMs: 10_000, ...limits },
      }),
      isolateKey: 'bomber',
    }
    const result = await sandbox.run(job, bridge)
    clearInterval(looking)
    lookAtMemory()
    const contained =
      result.status === 'completed'
        ? ends.some((end) => typeof end === 'object' && end.gives === result.output)
        : ends.includes(result.error.kind)
    expect(contained || result).toBe(true)
    if (result.status !== 'completed' && result.error.kind !== 'sandbox_crashed')
      expect(result.error.retryable).toBe(false)
    expect(outputOf(await sandbox.run({ ...job, input: 'after' }, bridge))).toEqual(['k', 'undefined'])
    const other = { ...jobFor(workflow(after)), isolateKey: 'another customer' }
    expect(outputOf(await sandbox.run(other, bridge))).toEqual(['k', 'undefined'])
    for (const megabytes of peaks.values()) expect(megabytes).toBeLessThan(MOST_MEGABYTES)
  })
})

test('a bomb that takes memory beside its heap ends alone, when another runs in the same process', async () => {
  let answer: (value: string) => void = () => undefined
  const waiting = sandbox.run(
    {
      ...jobFor(workflow('return ctx.state.get("k")'), { limits: { timeoutMs: 60_000 } }),
      isolateKey: 'waits',
    },
    () => new Promise((resolve) => (answer = resolve)),
  )
  const bomb = jobFor(workflow(`const a = []; for (;;) a.push(new Intl.DateTimeFormat('en'))`), {
    limits: { cpuMs: 20_000, timeoutMs: 30_000 },
  })
  expect(await sandbox.run(bomb, bridge)).toMatchObject({ error: { kind: 'memory_limit' } })
  answer('still here')
  expect(outputOf(await waiting)).toBe('still here')
})
