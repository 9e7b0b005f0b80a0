import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { type Bridge, buildSandbox, type Sandbox } from './sandbox.ts'
import { childPids, echoBridge, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const open: Sandbox[] = []
let ready = 0
const log = {
  ...silentLog,
  debug: (_fields: object, message: string) => void (/is ready$/.test(message) && ready++),
}
const build = (processes: number) => {
  ready = 0
  const sandbox = buildSandbox({ processes, log })
  open.push(sandbox)
  return sandbox
}
afterEach(async () => {
  for (const sandbox of open.splice(0)) await sandbox.close()
})

const never: Bridge = () => new Promise(() => undefined)
const trivial = jobFor(workflow('return 1'))
const waiting = (isolateKey: string) => ({
  ...jobFor(workflow('await ctx.state.get("k")'), { limits: { timeoutMs: 60_000 } }),
  isolateKey,
})

async function until(condition: () => boolean) {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition was never met.')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A run that is inside its process: its bridge call has come out. */
function started(sandbox: Sandbox, isolateKey: string) {
  let reached = false
  const result = sandbox.run(waiting(isolateKey), () => {
    reached = true
    return new Promise(() => undefined)
  })
  return { result, reached: () => reached }
}

describe('a sandbox process', () => {
  test('that is killed fails its own runs as retryable and no others, and is replaced', async () => {
    const sandbox = build(2)
    await until(() => ready === 2)
    const runs = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => started(sandbox, key))
    await until(() => runs.every((run) => run.reached()))
    const before = childPids()
    expect(before).toHaveLength(2)
    const ended: { status: string; error?: { kind: string; retryable: boolean } }[] = []
    for (const { result } of runs) void result.then((each) => ended.push(each))
    process.kill(before[0] ?? 0, 'SIGKILL')
    await until(() => ended.length > 0 && childPids().length === 2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(ended.length).toBeLessThan(runs.length)
    for (const each of ended) {
      expect(each).toMatchObject({ status: 'failed', error: { kind: 'sandbox_crashed', retryable: true } })
    }
    expect(childPids()).toContain(before[1])
    expect(outputOf(await sandbox.run(trivial, echoBridge()))).toBe(1)
    expect(sandbox.processes).toBe(2)
  })

  test('brought down by a workflow goes down once: that workflow then runs alone, and is told it is the cause', async () => {
    const sandbox = build(1)
    const crash = jobFor(workflow('if (ctx.input) return 1; return "x".repeat(5e8).split("").length'), {
      limits: { cpuMs: 20_000, timeoutMs: 20_000 },
    })
    const bystander = started(sandbox, 'bystander')
    await until(bystander.reached)
    // V8 ends its process over an array of this size, whatever the isolate's memory limit.
    const first = await sandbox.run(crash, echoBridge())
    expect(first).toMatchObject({ error: { kind: 'sandbox_crashed', retryable: true } })
    expect(await bystander.result).toMatchObject({ error: { kind: 'sandbox_crashed', retryable: true } })

    const neighbour = started(sandbox, 'neighbour')
    await until(neighbour.reached)
    const again = await sandbox.run(crash, echoBridge())
    expect(again).toMatchObject({ error: { kind: 'sandbox_crashed', retryable: false } })
    expect(await sandbox.run(crash, echoBridge(), AbortSignal.timeout(20))).toMatchObject({
      status: 'cancelled',
    })
    expect(outputOf(await sandbox.run({ ...crash, input: true }, echoBridge()))).toBe(1)
    await until(() => sandbox.processes === 1)

    let settled = false
    void neighbour.result.then(() => {
      settled = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(settled).toBe(false)
  })

  test('taken down with workflows that call one another lets them end all the same, one alone each', async () => {
    const sandbox = build(1)
    await until(() => ready === 1)
    const child = { ...jobFor(workflow('return ctx.input + 1')), isolateKey: 'called', depth: 1 }
    const parent = {
      ...jobFor(workflow("return ctx.workflows.run('called', ctx.input)"), { limits: { timeoutMs: 30_000 } }),
      isolateKey: 'calling',
    }
    // As many as may be alone at once, and each of them waits for one that has to be.
    const running = [started(sandbox, 'called'), started(sandbox, 'calling')]
    await until(() => running.every((run) => run.reached()))
    process.kill(childPids()[0] ?? 0, 'SIGKILL')
    await Promise.all(running.map(({ result }) => result))
    const bridge: Bridge = async ({ args }) =>
      outputOf(await sandbox.run({ ...child, input: args[1] ?? null }, echoBridge()))
    const results = await Promise.all([1, 2, 3, 4].map((input) => sandbox.run({ ...parent, input }, bridge)))
    expect(results.map(outputOf)).toEqual([2, 3, 4, 5])
  }, 60_000)

  test('with a thread beyond control finishes its other runs and is replaced', async () => {
    const sandbox = build(1)
    let answer: (value: string) => void = () => undefined
    const other = sandbox.run(waiting('other'), () => new Promise((resolve) => (answer = resolve)))
    await until(() => sandbox.processes === 1 && childPids().length === 1)
    const [old] = childPids()
    // A Map that grows in one step past the limit ends V8's control over the isolate, not the process.
    const map = jobFor(workflow('const m = new Map(); let i = 0; while (true) m.set(i++, {})'), {
      limits: { memoryMb: 16 },
    })
    expect(await sandbox.run(map, echoBridge())).toMatchObject({
      status: 'failed',
      error: { kind: 'memory_limit' },
    })
    expect(outputOf(await sandbox.run(trivial, echoBridge()))).toBe(1)
    answer('late')
    expect(outputOf(await other)).toBeNull()
    await until(() => !childPids().includes(old ?? 0))
    await until(() => sandbox.processes === 1)
  })

  test('that stops answering is killed by the watchdog, and its run is a timeout', async () => {
    const sandbox = build(1)
    await until(() => ready === 1)
    const run = sandbox.run(
      jobFor(workflow('await ctx.state.get("k")'), { limits: { timeoutMs: 200 } }),
      never,
    )
    process.kill(childPids()[0] ?? 0, 'SIGSTOP')
    expect(await run).toMatchObject({ status: 'timeout', error: { kind: 'timeout' } })
    expect(outputOf(await sandbox.run(trivial, echoBridge()))).toBe(1)
  })

  test('has no environment, and can neither read the disk nor start anything', async () => {
    process.env.PATCHBAY_TEST_SECRET = 'hunter2'
    const sandbox = build(1)
    await sandbox.run(trivial, echoBridge())
    const [pid] = childPids()
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    expect(environment).not.toMatch(/hunter2|HOME|PATH=/)
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    expect(command).toContain('--permission')
    expect(command.join(' ')).not.toMatch(
      /allow-fs-write|allow-child-process|allow-worker|allow-fs-read=(\/|\*)(\s|$)/,
    )
    delete process.env.PATCHBAY_TEST_SECRET
  })

  test('ends with close(), which resolves what was running as it goes', async () => {
    const sandbox = build(2)
    const run = started(sandbox, 'a')
    await until(run.reached)
    await sandbox.close()
    expect((await run.result).status).not.toBe('completed')
    expect(childPids()).toEqual([])
    expect(await sandbox.run(trivial, echoBridge())).toMatchObject({ status: 'cancelled' })
  })
})
