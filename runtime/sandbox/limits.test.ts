import { afterAll, describe, expect, test } from 'vitest'
import { type Bridge, buildSandbox } from './sandbox.ts'
import { echoBridge, type JobChanges, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const bridge = echoBridge()
const run = (body: string, changes?: JobChanges) => sandbox.run(jobFor(workflow(body), changes), bridge)
/** The process still answers, with the same key and with another. */
async function expectHealthy(body: string) {
  expect(outputOf(await sandbox.run(jobFor(workflow('return 1')), bridge))).toBe(1)
  expect(
    outputOf(await sandbox.run({ ...jobFor(workflow('return 2')), isolateKey: workflow(body) }, bridge)),
  ).toBe(2)
  expect(sandbox.processes).toBe(1)
}

describe('time', () => {
  test.each([
    ['a loop', 'while (true);'],
    ['a loop of microtasks', 'while (true) await null'],
    [
      'a loop of promises',
      'return new Promise(() => { const again = () => Promise.resolve().then(again); again() })',
    ],
    ['a regular expression', 'return /^(a+)+$/.test("a".repeat(50) + "b")'],
    ['a getter of the output', 'return { get x() { while (true); } }'],
    ['a getter of the error', 'throw { get message() { while (true); } }'],
    ['a thenable', 'return { then() { while (true); } }'],
    ['a toString of a log', 'console.log({ toJSON() { while (true); } })'],
  ])('%s that never ends meets the CPU limit', async (_what, body) => {
    const result = await run(body, { limits: { cpuMs: 60, memoryMb: 64 } })
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'cpu_limit', retryable: false } })
    expect(result.stats.durationMs).toBeLessThan(2_000)
    await expectHealthy(body)
  })

  test('a loop outside any function meets the CPU limit', async () => {
    const result = await sandbox.run(
      jobFor('while (true);\nexport default () => 1', { limits: { cpuMs: 60 } }),
      bridge,
    )
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'cpu_limit' } })
  })

  test('a loop meets the wall-clock limit when that comes first', async () => {
    const result = await run('while (true);', { limits: { timeoutMs: 80 } })
    expect(result).toMatchObject({ status: 'timeout', error: { kind: 'timeout' } })
  })

  test('waiting for a call that does not come back is a timeout', async () => {
    const never: Bridge = () => new Promise(() => undefined)
    const result = await sandbox.run(
      jobFor(workflow('await ctx.state.get("k")'), { limits: { timeoutMs: 80 } }),
      never,
    )
    expect(result).toMatchObject({
      status: 'timeout',
      error: { kind: 'timeout', name: 'WorkflowTimeout', retryable: true },
    })
    expect(result.stats.bridgeCalls).toBe(1)
  })

  test('a promise nobody can resolve is found long before the limit', async () => {
    const result = await run('await new Promise(() => {})', { limits: { timeoutMs: 60_000 } })
    expect(result).toMatchObject({ status: 'timeout', error: { name: 'WorkflowStalled', retryable: false } })
    expect(result.stats.durationMs).toBeLessThan(4_000)
  })

  test('work left looping after the return ends with its isolate, the output stands', async () => {
    const body = '(async () => { while (true) await null })(); return "done"'
    const result = await run(body)
    expect(outputOf(result)).toBe('done')
    expect(result.stats.durationMs).toBeLessThan(1_000)
    await expectHealthy(body)
  })

  test('cancelling ends a loop and a wait', async () => {
    for (const body of ['while (true);', 'await ctx.state.get("k")']) {
      const controller = new AbortController()
      const waiting = sandbox.run(
        jobFor(workflow(body)),
        () => new Promise(() => undefined),
        controller.signal,
      )
      setTimeout(() => controller.abort(), 60)
      expect(await waiting).toMatchObject({
        status: 'cancelled',
        error: { kind: 'cancelled', retryable: false },
      })
    }
    const aborted = await sandbox.run(jobFor(workflow('return 1')), bridge, AbortSignal.abort())
    expect(aborted.status).toBe('cancelled')
    await expectHealthy('')
  })

  test('looping workflows do not hold up the others of their process', async () => {
    const loops = Array.from({ length: 6 }, (_, i) =>
      run(`while (true) ${i};`, { limits: { cpuMs: 60_000, timeoutMs: 700 } }),
    )
    let over = false
    void Promise.all(loops).then(() => {
      over = true
    })
    expect(outputOf(await run('return ctx.state.get("k")'))).toBe('k')
    expect(over).toBe(false)
    for (const result of await Promise.all(loops)) expect(result.status).toBe('timeout')
  })
})

describe('memory', () => {
  test.each([
    ['objects', 'const a = []; while (true) a.push({ x: 1, y: [1, 2, 3] })'],
    ['promises', 'const a = []; while (true) a.push(new Promise(() => {}))'],
    ['array buffers', 'const a = []; while (true) a.push(new Uint8Array(1e6).fill(1))'],
    ['large arrays', 'const a = []; while (true) a.push(new Array(1e5).fill(0))'],
  ])('%s without end meet the memory limit', async (_what, body) => {
    const result = await run(body, { limits: { memoryMb: 16, cpuMs: 8_000, timeoutMs: 10_000 } })
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'memory_limit', retryable: false } })
    await expectHealthy(body)
  })

  test('strings without end fail in the workflow', async () => {
    const result = await run('let s = "x"; while (true) s += s')
    expect(result).toMatchObject({
      status: 'failed',
      error: { kind: 'code_error', message: 'Invalid string length' },
    })
  })

  test('one isolate serves hundreds of executions in a small memory', async () => {
    const job = jobFor(
      workflow('const a = Array.from({ length: 2000 }, (_, i) => ({ i })); return a.length'),
      { limits: { memoryMb: 16 } },
    )
    for (let i = 0; i < 150; i++) expect(outputOf(await sandbox.run(job, bridge))).toBe(2000)
  })
})
