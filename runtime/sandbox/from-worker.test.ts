import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { buildRunCheck, readMessage } from './from-worker.ts'
import { type Bridge, type SandboxResult, unstarted } from './sandbox.ts'
import { startSandboxProcess } from './sandbox-process.ts'
import { CALL_NAMES } from './step-names.ts'
import { jobFor, silentLog, workflow } from './testing.ts'

const A = `${'A'.repeat(22)}.0`
const B = `${A}/${'B'.repeat(22)}.1`
const call = { type: 'call', run: 1, id: 1, name: 'state.get', args: '["k"]', within: undefined }
const begin = { what: 'begin', scope: A, args: '["a"]', within: undefined, at: 1_700_000_000_000 }
const end = { what: 'end', scope: A, args: '["a"]', seq: 0, at: 1_700_000_000_000 }
const told = (step: object) => ({ type: 'told', run: 1, step })
const line = { at: '2026-01-01T00:00:00.000Z', level: 'info', message: 'hello', turn: -1 }
const done = {
  type: 'done',
  run: 1,
  status: 'completed',
  output: '1',
  error: undefined,
  logs: [line],
  stats: { durationMs: 1.5, cpuMs: 0.2, heapBytes: 1, bridgeCalls: 0 },
  waiting: 0,
}
const error = { kind: 'code_error', name: 'Error', message: 'no', stack: 'Error: no', retryable: false }
const failed = (change: object) => ({
  ...done,
  status: 'failed',
  output: undefined,
  error: { ...error, ...change },
})
const figures = { pid: 1, rssBytes: 1, heapBytes: 1, idleIsolates: 0, executions: 0, handles: 2 }
const circle: unknown[] = []
circle.push(circle)

describe('of what a sandbox process says', () => {
  test('everything that ours says is heard', () => {
    const all = [
      { type: 'ready' },
      { type: 'pong', figures },
      { type: 'doomed', reason: 'why' },
      { type: 'still', run: 1, waiting: 2 },
      call,
      { ...call, within: B },
      told(begin),
      told({ ...begin, scope: B, within: A }),
      told(end),
      told({ what: 'fail', scope: A }),
      done,
      failed({ code: 'x', retryAfterSeconds: 0.5, hint: 'h', data: { a: [1, null, { b: true }] } }),
    ]
    for (const message of all) expect(readMessage(message)).toBe(message)
  })

  const REFUSED: Record<string, unknown> = {
    'no message': 'ready',
    'of no type': {},
    'a type it has not': { type: 'exit' },
    'figures that are none': { type: 'pong', figures: { ...figures, pid: '1' } },
    'a run that is no number': { ...call, run: '1' },
    'a call without a number': { ...call, id: 1.5 },
    'a call nobody has': { ...call, name: 'vault.open' },
    'a call by an inherited name': { ...call, name: 'constructor' },
    'arguments that are no text': { ...call, args: ['k'] },
    'a scope that is none': { ...call, within: 'a.0' },
    'a scope that is a list': { ...call, within: [A] },
    'a step that is none': told({ what: 'skip', scope: A }),
    'a step of no scope': told({ ...begin, scope: '../x' }),
    'a step elsewhere than in its own': told({ ...begin, scope: B, within: `${'C'.repeat(22)}.0` }),
    'a step two deep at once': told({ ...begin, scope: B }),
    'a step at no time': told({ ...begin, at: Number.NaN }),
    'a step at a place before the first': told({ ...end, seq: -1 }),
    'a step with too much in it': told({ ...end, args: 'x'.repeat(2 ** 20 + 1) }),
    'a status it has not': { ...done, status: 'queued' },
    'a failure without an error': { ...done, status: 'failed', output: undefined },
    'a completion without an output': { ...done, output: undefined },
    'a failure with an output': { ...failed({}), output: '1' },
    'a failure of no kind': failed({ kind: 'organization' }),
    'a failure with more in it': failed({ organization_id: 'org_2' }),
    'a failure with endless text': failed({ message: 'x'.repeat(100_000) }),
    'a failure whose delay is none': failed({ retryAfterSeconds: Number.POSITIVE_INFINITY }),
    'a failure with data that is no JSON': failed({ data: new Map() }),
    'a failure with data that is a circle': failed({ data: circle }),
    'lines that are no list': { ...done, logs: { length: 1, 0: line } },
    'a line with more in it': { ...done, logs: [{ ...line, execution_id: 'exec_2' }] },
    'a line of no level': { ...done, logs: [{ ...line, level: 'fatal' }] },
    'a line at no time': { ...done, logs: [{ ...line, at: 'now' }] },
    'a line of no turn': { ...done, logs: [{ ...line, turn: Number.NaN }] },
    'figures of a run that are none': { ...done, stats: { ...done.stats, durationMs: Number.NaN } },
    'figures of a run with more': { ...done, stats: { ...done.stats, x: 1 } },
  }
  for (const [title, message] of Object.entries(REFUSED)) {
    test(`${title} is not heard`, () => expect(readMessage(message)).toBeUndefined())
  }

  test('an execution says no more than it was asked, and its calls have numbers that grow', () => {
    const job = jobFor(workflow('return 1'))
    const check = () => buildRunCheck(job)
    const said = (message: object) =>
      readMessage(message) as Parameters<ReturnType<typeof check>['accepts']>[0]
    const one = check()
    expect([1, 3, 3, 2, 4].map((id) => one.accepts(said({ ...call, id })))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ])

    const many = check()
    const ids = Array.from({ length: 257 }, (_, at) => at + 1)
    expect(ids.filter((id) => !many.accepts(said({ ...call, id })))).toEqual([257])
    many.answered(7)
    expect(many.accepts(said({ ...call, id: 258 }))).toBe(true)

    const large = check()
    const half = { ...call, args: 'x'.repeat(17 * 2 ** 20) }
    expect([1, 2].map((id) => large.accepts(said({ ...half, id })))).toEqual([true, false])

    const steps = check()
    const told1001 = Array.from({ length: 1_001 }, () => steps.accepts(said(told(begin))))
    expect(told1001.indexOf(false)).toBe(1_000)

    for (const status of ['suspended', 'cancelled'] as const) {
      const ending = said({ ...failed({}), status })
      const asked = check()
      expect(asked.accepts(ending)).toBe(false)
      asked.asked(status)
      expect(asked.accepts(ending)).toBe(true)
    }
    expect(check().accepts(said({ ...done, output: `"${'ä'.repeat(60_000)}"` }))).toBe(false)
    expect(check().accepts(said({ ...done, logs: Array(52).fill(line) }))).toBe(false)
    expect(check().accepts(said({ ...done, logs: [{ ...line, message: 'x'.repeat(200_000) }] }))).toBe(false)
  })

  test('every call that the code in an isolate makes is known', () => {
    const folder = new URL('./guest/', import.meta.url)
    const texts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
    const names = texts.flatMap((text) =>
      [...text.matchAll(/\bcall\(\s*'([\w.]+)'/g)].map(([, name]) => name),
    )
    expect(names.length).toBeGreaterThan(30)
    expect(names.filter((name) => !CALL_NAMES.has(name))).toEqual([])
  })
})

/** A process in the place of a sandbox process that says what it is given, once it gets a run. */
const folder = mkdtempSync(join(tmpdir(), 'patchbay-liar-'))
const script = join(folder, 'liar.mjs')
writeFileSync(
  script,
  `process.on('message', (messages) => {
     for (const { type, run } of messages) if (type === 'run') for (const said of globalThis.lies) process.send(said.map((m) => ({ run, ...m })))
   })
   globalThis.lies = (0, eval)(process.argv[2])
   process.send([{ type: 'ready' }])`,
)
afterAll(() => rmSync(folder, { recursive: true }))

/** What became of two runs in a process that says such lists of messages of each. */
async function runWith(lies: string, bridge: Bridge = async () => null) {
  const child: ChildProcess = fork(script, [lies], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const { promise: crashed, resolve: onExit } = Promise.withResolvers<string[]>()
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
  const events = {
    onReady,
    onRoom() {},
    onDoomed() {},
    onExit: (_was: boolean, _how: string, keys: string[]) => onExit(keys),
  }
  const handle = startSandboxProcess(1, silentLog, events, child)
  await ready
  const run = (id: number, isolateKey: string) =>
    new Promise<SandboxResult>((resolve) =>
      handle.start({
        id,
        job: { ...jobFor(workflow('return 1')), isolateKey },
        bridge,
        calls: new AbortController(),
        startedAt: 0,
        waiting: 0,
        parked: 0,
        onWaiting() {},
        onStill: [],
        resolve,
      }),
    )
  const results = await Promise.all([run(1, 'a'), run(2, 'b')])
  const alive = child.exitCode === null && child.signalCode === null && !child.killed
  handle.kill()
  return { results, alive, crashed: await crashed }
}

describe('a sandbox process that was taken over', () => {
  const good = `{ type: 'done', status: 'completed', output: '7', logs: [], stats: { durationMs: 1, cpuMs: 1, heapBytes: 1, bridgeCalls: 0 }, waiting: 0 }`
  const broken = unstarted('sandbox_crashed', 'The sandbox process was ended: it broke the protocol.')

  test('and behaves is heard', async () => {
    const { results, alive } = await runWith(`[[${good}]]`)
    expect(results).toMatchObject([{ output: 7 }, { output: 7 }])
    expect(alive).toBe(true)
  })

  const call = (id: number, more = '') =>
    `{ type: 'call', id: ${id}, name: 'state.get', args: '["k"]', within: undefined${more} }`
  const LIES: Record<string, string> = {
    'a call nobody has': `[[${call(1)}], [${call(2, ", name: 'vault.open'")}, ${good}]]`,
    'a number twice': `[[${call(1)}, ${call(1)}, ${good}]]`,
    'that it was put aside': `[[${good.replace('completed', 'suspended').replace("output: '7'", `error: ${JSON.stringify(error)}`)}]]`,
    'that it is ready, again': `[[{ type: 'ready' }], [${good}]]`,
    'no list of messages': `[Object.assign([], { map: () => ({ type: 'done' }) }), [${good}]]`,
  }
  for (const [title, lies] of Object.entries(LIES)) {
    test(`and says ${title} is ended with what runs in it, and may have been any of that`, async () => {
      let calls = 0
      const { results, alive, crashed } = await runWith(lies, async () => ++calls)
      expect(results).toEqual([broken, broken])
      expect(alive).toBe(false)
      expect(crashed).toEqual(['a', 'b'])
      expect(calls).toBeLessThanOrEqual(1)
    })
  }

  test.each(['nonsense', '{"length":1}'])(
    'and carries %s from an isolate ends that run alone',
    async (text) => {
      const wrong = `{ type: 'call', id: 1, name: 'state.get', args: '${text}', within: undefined }`
      let made = 0
      const { results, alive } = await runWith(`[[${wrong}, ${good}]]`, async () => ++made)
      expect(results).toMatchObject([{ output: 7 }, { output: 7 }])
      expect(made).toBe(0)
      expect(alive).toBe(true)
      const bad = await runWith(`[[${good.replace("'7'", "'seven'")}]]`)
      expect(bad.results).toMatchObject([
        { error: { kind: 'sandbox_crashed' } },
        { error: { kind: 'sandbox_crashed' } },
      ])
      expect(bad.alive).toBe(true)
    },
  )
})
