import { afterAll, describe, expect, test, vi } from 'vitest'
import { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { type Bridge, buildSandbox, type WorkflowError } from './sandbox.ts'
import { echoBridge, type JobChanges, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const run = (source: string, changes?: JobChanges, bridge: Bridge = echoBridge()) =>
  sandbox.run(jobFor(source, changes), bridge)
const runBody = (body: string, changes?: JobChanges, bridge?: Bridge) => run(workflow(body), changes, bridge)
async function failureOf(
  body: string,
  changes?: JobChanges,
  bridge?: Bridge,
): Promise<WorkflowError & { status: string }> {
  const result = await runBody(body, changes, bridge)
  if (result.status === 'completed') throw new Error(`completed with ${JSON.stringify(result.output)}`)
  return { ...result.error, status: result.status }
}

describe('what a workflow is given', () => {
  test('ctx carries the input, headers and who it runs for', async () => {
    const result = await runBody(
      'const { input, headers, execution, workflow, customer, environment, trigger } = ctx; return { input, headers, execution, workflow, customer, environment, trigger }',
      { input: { a: [1] }, headers: { 'x-shop': 'one' } },
    )
    expect(outputOf(result)).toEqual({
      input: { a: [1] },
      headers: { 'x-shop': 'one' },
      execution: { id: 'exec_1', attempt: 1 },
      workflow: { id: 'wf_1', slug: 'sync-orders', version: 3 },
      customer: { id: 'cus_1', name: 'Acme' },
      environment: 'dev',
      trigger: null,
    })
    expect(result.stats.durationMs).toBeGreaterThan(0)
    expect(result.stats.heapBytes).toBeGreaterThan(100_000)
  })

  test('ctx is frozen, and its input is the workflow’s own to change', async () => {
    const body = `
      const refused = []
      for (const change of [() => { ctx.state = 1 }, () => { ctx.customer.id = 'x' }, () => { ctx.state.get = 1 }, () => { delete ctx.log }, () => { ctx.connectors.slack = 1 }])
        try { change(); refused.push(false) } catch (error) { refused.push(error instanceof TypeError) }
      ctx.input.a = 2
      return { refused, a: ctx.input.a }`
    expect(outputOf(await runBody(body, { input: { a: 1 } }))).toEqual({
      refused: [true, true, true, true, true],
      a: 2,
    })
  })

  describe('lists', () => {
    /** Pages by their cursor; each call is kept. */
    const pagedBridge = (pages: Record<string, { items: Json[]; next: string | null; stopped?: string }>) => {
      const calls: Json[][] = []
      const bridge: Bridge = async ({ name, args }) => {
        calls.push([name, ...args])
        const options = args[3] as { next?: string }
        const page = pages[options.next ?? '']
        if (page === undefined) throw new AppError('upstream_error', 'It broke.')
        return { stopped: null, ...page }
      }
      return Object.assign(bridge, { calls })
    }

    test('items and pages are walked one page at a time, and no further than asked', async () => {
      const bridge = pagedBridge({
        '': { items: [1, 2], next: 'b' },
        b: { items: [], next: 'c' },
        c: { items: [3], next: null },
      })
      const body = `
        const items = [], pages = []
        for await (const item of ctx.connectors.slack.list.items({ q: 1 }, { connection: 'second' })) items.push(item)
        for await (const page of ctx.connectors.slack.list.pages({}, { next: 'b' })) pages.push(page)
        for await (const item of ctx.connectors.slack.list.items()) if (item === 2) break
        return { items, pages }`
      expect(outputOf(await runBody(body, {}, bridge))).toEqual({
        items: [1, 2, 3],
        pages: [
          { items: [], next: 'c' },
          { items: [3], next: null },
        ],
      })
      expect(bridge.calls).toHaveLength(3 + 2 + 1)
      expect(bridge.calls[1]).toEqual([
        'connectors.page',
        'slack',
        'list',
        { q: 1 },
        { next: 'b', connection: 'second' },
      ])
    })

    test('pages in a circle, a list that cannot be read on and too many pages are errors, after what was got', async () => {
      const walk = `const got = []
        try { for await (const item of ctx.connectors.slack.list.items({}, ctx.input)) got.push(item) }
        catch (error) { return [got, error.code, error.message.split('.')[0]] }`
      const walked = async (bridge: Bridge, input: Json = null) =>
        outputOf(await runBody(walk, { input }, bridge))
      const circle = pagedBridge({
        '': { items: [1], next: 'b' },
        b: { items: [2], next: 'c' },
        c: { items: [3], next: 'b' },
      })
      expect(await walked(circle)).toEqual([
        [1, 2, 3],
        'upstream_error',
        'The app led back to a page that was read already',
      ])
      const stuck = pagedBridge({ '': { items: [1], next: null, stopped: 'It is stuck.' } })
      expect(await walked(stuck)).toEqual([[1], 'upstream_error', 'It is stuck'])
      const long = pagedBridge({ '': { items: [1], next: 'b' }, b: { items: [2], next: 'c' } })
      expect(await walked(long, { maxPages: 2 })).toEqual([
        [1, 2],
        'limit_exceeded',
        '2 pages of list were read',
      ])
      expect(await walked(long)).toEqual([[1, 2], 'upstream_error', 'It broke'])
    })

    test('a list of a connector the workflow is not bound to is refused', async () => {
      const body = 'for await (const item of ctx.connectors.other.list.items()) return item'
      expect(await failureOf(body)).toMatchObject({ kind: 'dependency_error' })
    })
  })

  test('connector calls give the output, and raw the whole answer', async () => {
    const bridge = echoBridge()
    const body = `return [
      await ctx.connectors.slack.post({ text: 'hi' }),
      await ctx.connectors.google_sheets.append(),
      await ctx.connectors['google-sheets'].raw.read({ row: 1 }),
      await fastn.connector.slack.post({ b: 1 }),
    ]`
    expect(outputOf(await runBody(body, {}, bridge))).toEqual([
      ['slack', 'post', { text: 'hi' }],
      ['google-sheets', 'append', {}],
      { output: ['google-sheets', 'read', { row: 1 }], status: 200, headers: {}, durationMs: 1 },
      { output: ['slack', 'post', { b: 1 }], success: true, status: 200, error: null, durationMs: 1 },
    ])
    expect(bridge.calls).toHaveLength(4)
  })

  test('state, secrets, workflows and fastn reach the bridge by name', async () => {
    const bridge = echoBridge()
    await runBody(
      `await ctx.state.get('k'); await ctx.state.set('k', { a: 1 }, { scope: 'customer' }); await fastn.state.delete('k')
       await ctx.secrets.get('KEY'); await ctx.workflows.run('other', { x: 1 }); await fastn.flow.invoke('other'); await ctx.workflows.start('later', 1)`,
      {},
      bridge,
    )
    expect(bridge.calls).toEqual([
      { name: 'state.get', args: ['k', {}] },
      { name: 'state.set', args: ['k', { a: 1 }, { scope: 'customer' }] },
      { name: 'state.delete', args: ['k', {}] },
      { name: 'secrets.get', args: ['KEY'] },
      { name: 'workflows.run', args: ['other', { x: 1 }] },
      { name: 'workflows.run', args: ['other', null] },
      { name: 'workflows.start', args: ['later', 1] },
    ])
  })

  test('fetch sends a plain request and reads the answer as text, JSON and data', async () => {
    const calls: Json[] = []
    const bridge: Bridge = async (call) => {
      calls.push(call.args)
      return {
        status: 201,
        statusText: 'Created',
        headers: { 'content-type': 'application/json' },
        body: '{"id":7}',
      }
    }
    const body = `
      const first = await fetch('https://api.test/x?a=1', { method: 'post', headers: { 'X-A': 1 }, body: new URLSearchParams({ q: 'a b' }) })
      const second = await ctx.fetch(new URL('/y', 'https://api.test'))
      return { ok: first.ok, status: first.status, type: first.headers.get('Content-Type'), data: first.data, json: await first.json(), text: await second.text() }`
    expect(outputOf(await runBody(body, {}, bridge))).toEqual({
      ok: true,
      status: 201,
      type: 'application/json',
      data: { id: 7 },
      json: { id: 7 },
      text: '{"id":7}',
    })
    expect(calls).toEqual([
      [
        'https://api.test/x?a=1',
        {
          method: 'POST',
          body: 'q=a+b',
          headers: { 'x-a': '1', 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
        },
      ],
      ['https://api.test/y', { method: 'GET', headers: {} }],
    ])
  })

  test('web basics work as the standards say', async () => {
    const body = `
      const bytes = crypto.getRandomValues(new Uint8Array(64))
      return {
        url: new URL('../b?x=1#h', 'https://user@exämple.com:8080/a/c').href,
        query: [...new URLSearchParams('a=1&a=2&b=%20')],
        text: new TextDecoder().decode(new TextEncoder().encode('aé€😀\\ud800')),
        invalid: new TextDecoder().decode(new Uint8Array([0x61, 0xe2, 0x82, 0xff, 0x62])),
        base64: [btoa('hi!'), atob('aGkh')],
        clone: structuredClone({ at: new Date(0), list: [new Map([[1, 2]])] }).list[0].get(1),
        uuids: [crypto.randomUUID(), crypto.randomUUID()],
        random: new Set(bytes).size > 20,
      }`
    const output = outputOf(await runBody(body)) as { [key: string]: Json } & { uuids: string[] }
    expect(output).toMatchObject({
      url: 'https://user@xn--exmple-cua.com:8080/b?x=1#h',
      query: [
        ['a', '1'],
        ['a', '2'],
        ['b', ' '],
      ],
      text: 'aé€😀\ufffd',
      invalid: 'a\ufffd\ufffdb',
      base64: ['aGkh', 'hi!'],
      clone: 2,
      random: true,
    })
    expect(output.uuids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set([...output.uuids, ...(outputOf(await runBody(body)) as typeof output).uuids]).size).toBe(4)
  })

  test.each([
    ['a function', 'export default function (ctx) { return ctx.input }\n;[1].map(String)'],
    ['a named async function', 'export default async function main(ctx) { return main.name && ctx.input }'],
    ['an arrow kept in a constant', 'const main = (ctx) => ctx.input\nexport default main'],
    ['a renamed export', 'const main = (ctx) => ctx.input\nexport { main as default, main }'],
    [
      'TypeScript',
      'interface In { a: number }\nexport default async (ctx: { input: In }): Promise<In> => ctx.input as In',
    ],
    [
      'top-level await',
      'export const wait = await Promise.resolve(1)\nexport default (ctx) => wait && ctx.input',
    ],
    ['odd spacing', 'export\n/* here */ default\nasync (ctx) => ctx.input'],
  ])('the default export may be %s', async (_what, source) => {
    expect(outputOf(await run(source, { input: { a: 1 } }))).toEqual({ a: 1 })
  })
})

describe('logs', () => {
  test('console and ctx.log are captured with level and time', async () => {
    const { logs } = await runBody(
      `console.log('a', { b: [1] }, undefined, 2n); ctx.log.warn(new TypeError('bad')); console.error(null); ctx.log.debug(Symbol('s'), () => 1)`,
    )
    expect(logs.map(({ level, message }) => [level, message.split('\n')[0]])).toEqual([
      ['info', 'a {"b":[1]} undefined 2'],
      ['warn', 'TypeError: bad'],
      ['error', 'null'],
      ['debug', 'Symbol(s) [function]'],
    ])
    expect(Date.parse(logs[0]?.at ?? '')).toBeGreaterThan(Date.now() - 60_000)
  })

  test('logs stop at their limit and say so', async () => {
    const many = await runBody('for (let i = 0; i < 100_000; i++) console.log(i); return 1')
    expect(many.logs).toHaveLength(51)
    expect(many.logs.at(-1)?.message).toMatch(/^Log limit reached \(50 lines/)
    const long = await runBody(`for (let i = 0; i < 9; i++) console.log('x'.repeat(1e6))`)
    expect(long.logs.reduce((sum, line) => sum + line.message.length, 0)).toBeLessThan(25_000)
    expect(long.logs[0]?.message).toMatch(/… \[truncated\]$/)
  })

  test('logs written before a limit ended the workflow are kept', async () => {
    const result = await runBody(`console.log('started'); while (true);`, { limits: { cpuMs: 50 } })
    expect(result.logs.map((line) => line.message)).toEqual(['started'])
  })
})

describe('errors', () => {
  test('an error carries the workflow’s own frames, in lines of the source', async () => {
    const source =
      'type A = string\nfunction deep(): never {\n  throw new TypeError("boom")\n}\nexport default async (ctx: unknown) => {\n  await null\n  deep()\n}'
    const result = await run(source)
    expect(result).toMatchObject({
      status: 'failed',
      error: { kind: 'code_error', name: 'TypeError', message: 'boom', retryable: false },
    })
    expect('error' in result && result.error.stack).toBe(
      'TypeError: boom\n    at deep (sync-orders.js:3:9)\n    at default (sync-orders.js:7:3)',
    )
  })

  test.each([
    ['a string', `throw 'x'`, /threw a string: x/],
    ['null', 'throw null', /threw null/],
    ['undefined', 'throw undefined', /threw undefined/],
    ['a symbol', `throw Symbol('s')`, /threw a symbol: Symbol\(s\)/],
    ['a plain object', 'throw { a: 1 }', /not an Error/],
    [
      'a proxy that throws',
      `throw new Proxy({}, { get() { throw new Error('trap') }, getPrototypeOf() { throw 1 } })`,
      /not an Error/,
    ],
    [
      'an error with throwing getters',
      `const e = new Error('x'); for (const k of ['message', 'stack', 'name', 'cause', 'data', 'code']) Object.defineProperty(e, k, { get() { throw e } }); throw e`,
      /not an Error/,
    ],
    ['an error whose message is huge', `throw new Error('m'.repeat(5e6))`, /truncated/],
    [
      'an error whose fields have wrong types',
      `throw Object.assign(new Error('kept'), { code: {}, name: [], stack: 5, data: () => 1 })`,
      /kept/,
    ],
    [
      'a revoked proxy',
      'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy',
      /not an Error/,
    ],
    ['from a stack overflow', 'const f = () => f() + 1; f()', /Maximum call stack/],
  ])('throwing %s is a code error with a message', async (_what, body, message) => {
    const error = await failureOf(body)
    expect(error).toMatchObject({ status: 'failed', kind: 'code_error', retryable: false })
    expect(error.message).toMatch(message)
    expect(error.message.length).toBeLessThan(5_000)
  })

  test('missing globals come with what to use instead', async () => {
    expect((await failureOf('const wait = setTimeout')).hint).toMatch(/Timers do not exist/)
    expect((await failureOf('return Buffer.from("x")')).hint).toMatch(/TextEncoder/)
    expect((await failureOf('return process.env')).hint).toMatch(/ctx\.secrets/)
  })

  test('a bridge error reaches the workflow with its facts, and a rethrow keeps its kind', async () => {
    const bridge: Bridge = async () => {
      throw new AppError('upstream_error', 'Slack answered 503.', {
        retryAfterSeconds: 7,
        hint: 'Wait.',
        data: { status: 503, body: 'busy' },
      })
    }
    const caught = await runBody(
      `try { await ctx.connectors.slack.post() } catch (e) { return { is: e instanceof Error, name: e.name, message: e.message, code: e.code, status: e.status, retryable: e.retryable, data: e.data, hint: e.hint } }`,
      {},
      bridge,
    )
    expect(outputOf(caught)).toEqual({
      is: true,
      name: 'UpstreamError',
      message: 'Slack answered 503.',
      code: 'upstream_error',
      status: 503,
      retryable: true,
      data: { status: 503, body: 'busy' },
      hint: 'Wait.',
    })
    const uncaught = await failureOf('await ctx.connectors.slack.post()', {}, bridge)
    expect(uncaught).toMatchObject({
      kind: 'upstream_error',
      name: 'UpstreamError',
      code: 'upstream_error',
      retryable: true,
      retryAfterSeconds: 7,
      hint: 'Wait.',
      data: { status: 503 },
    })
    expect(uncaught.stack).toContain('at default (sync-orders.js:2:28)')
    const wrapped = await failureOf(
      'try { await ctx.connectors.slack.post() } catch (cause) { throw new Error("sync failed", { cause }) }',
      {},
      bridge,
    )
    expect(wrapped).toMatchObject({ kind: 'upstream_error', message: 'sync failed', retryable: true })
  })

  test('a missing connection is a dependency error, an unforeseen bridge failure shows nothing of the server', async () => {
    const missing = await failureOf('await ctx.connectors.slack.post()', {}, async () => {
      throw new AppError('not_found', 'No active connection.')
    })
    expect(missing).toMatchObject({ kind: 'dependency_error', retryable: false })
    const internal = await failureOf('await ctx.state.get("k")', {}, async () => {
      throw new Error('password=hunter2 at /srv/db.ts')
    })
    expect(JSON.stringify(internal)).not.toMatch(/hunter2|srv/)
  })

  test('a connector the workflow is not bound to is refused without a call', async () => {
    const bridge = echoBridge()
    const error = await failureOf('await ctx.connectors.hubspot.list()', {}, bridge)
    expect(error).toMatchObject({ kind: 'dependency_error', retryable: false })
    expect(error.message).toMatch(/'hubspot'.*slack, google-sheets/)
    expect(bridge.calls).toEqual([])
  })

  test('code that does not parse fails with its place', async () => {
    const result = await sandbox.run(
      { ...jobFor(workflow('')), code: 'export default async () => {\n  let a = ;\n}' },
      echoBridge(),
    )
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'code_error', name: 'SyntaxError' } })
    expect('error' in result && result.error.stack).toContain('sync-orders.js:2:11')
  })

  test.each([
    ['static import', 'import fs from "node:fs"\nexport default () => fs'],
    ['re-export', 'export * from "node:fs"\nexport default () => 1'],
    [
      'dynamic import',
      'export default async () => { const fs = await import("node:fs"); return Object.keys(fs) }',
    ],
    ['evaluated import', `export default () => (0, eval)('import("node:fs")')`],
  ])('%s gets nothing even when the checks were skipped', async (_what, code) => {
    const result = await sandbox.run({ ...jobFor(workflow('')), code, isolateKey: code }, echoBridge())
    expect(result).toMatchObject({ status: 'failed', error: { kind: 'code_error' } })
  })

  test('no default export function is told plainly', async () => {
    const result = await sandbox.run({ ...jobFor(workflow('')), code: 'export default 5' }, echoBridge())
    expect('error' in result && result.error.message).toMatch(/no default export that is a function/)
  })
})

describe('outputs', () => {
  test.each([
    ['a function', 'return { list: [1, { go: () => 1 }] }', 'output.list[1].go is a function'],
    ['a BigInt', 'return { total: 5n }', 'output.total is a BigInt'],
    ['a symbol', 'return [Symbol()]', 'output[0] is a symbol'],
    ['a Map', 'return { m: new Map() }', 'output.m is a Map'],
    ['a Set', 'return new Set()', 'output is a Set'],
    [
      'a forgotten await',
      'return { user: ctx.connectors.slack.post() }',
      'output.user is a Promise; await it',
    ],
    ['an Error', 'return { error: new Error("x") }', 'output.error is an Error'],
    ['bytes', 'return { b: new Uint8Array(2) }', 'output.b is binary data'],
    ['a cycle', 'const a = { b: {} }; a.b.c = a; return a', 'output.b.c refers back'],
    ['a deep nest', 'let a = {}; for (let i = 0; i < 5000; i++) a = { a }; return a', 'nested more than 200'],
    ['an async generator', 'return (async function* () {})()', 'output is an async generator'],
    [
      'a getter that throws',
      'return { get x() { throw new Error("no") } }',
      'could not be turned into JSON: no',
    ],
    ['a proxy that throws', 'return new Proxy({}, { ownKeys() { throw new Error("trap") } })', 'trap'],
    ['too much', 'return "x".repeat(200_000)', 'output is too large'],
    ['too many bytes', 'return "€".repeat(50_000)', 'output is too large'],
    ['a huge empty array', 'return new Array(1e9)', 'output'],
  ])('%s is refused with the place it is in', async (_what, body, message) => {
    const error = await failureOf(body)
    expect(error).toMatchObject({ status: 'failed', kind: 'output_invalid', retryable: false })
    expect(error.message).toContain(message)
  })

  test('what JSON can hold comes out as JSON has it', async () => {
    const body = `class Money { constructor() { this.cents = 5 } }
      return { at: new Date(0), gone: undefined, list: [undefined, NaN], money: new Money(), nul: Object.create(null), twice: [ctx.input, ctx.input], url: new URL('http://a/'), text: '\\ud800"\\u2028' }`
    expect(outputOf(await runBody(body, { input: { a: 1 } }))).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      list: [null, null],
      money: { cents: 5 },
      nul: {},
      twice: [{ a: 1 }, { a: 1 }],
      url: 'http://a/',
      text: '\ud800"\u2028',
    })
    expect(outputOf(await runBody(''))).toBeNull()
  })

  test('arguments that are not JSON are refused before the call', async () => {
    const bridge = echoBridge()
    const error = await failureOf('await ctx.connectors.slack.post({ at: 1n })', {}, bridge)
    expect(error).toMatchObject({ kind: 'code_error', code: 'invalid_input' })
    expect(error.message).toContain('connectors.call: arguments[2].at is a BigInt')
    expect(bridge.calls).toEqual([])
  })
})

describe('bridge limits', () => {
  test('calls still running when the workflow returns are aborted and reported', async () => {
    let aborted = false
    const bridge: Bridge = (_call, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true
          reject(new AppError('cancelled', 'Aborted.'))
        })
      })
    const result = await runBody(`ctx.state.get('k'); return 1`, {}, bridge)
    expect(outputOf(result)).toBe(1)
    expect(result.logs[0]?.message).toMatch(/1 call\(s\) were still running/)
    expect(aborted).toBe(true)
  })

  test('a flood of calls is refused inside, and the calls before it still answered', async () => {
    const bridge = echoBridge()
    const body = `const all = await Promise.allSettled(Array.from({ length: 5000 }, (_, i) => ctx.state.get(String(i))))
      return [all.filter((a) => a.status === 'fulfilled').length, all.at(-1).reason.code]`
    expect(outputOf(await runBody(body, {}, bridge))).toEqual([256, 'limit_exceeded'])
    expect(bridge.calls).toHaveLength(256)
  })

  test('those that wait for an answer make room, for as many again as there are places', async () => {
    const small = buildSandbox({ processes: 1, log: silentLog, maxConcurrentPerProcess: 2 })
    let asked = 0
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const bridge: Bridge = async () => {
      asked += 1
      await answered
      return asked
    }
    const job = jobFor(workflow(`return ctx.state.get('a')`))
    const runs = Array.from({ length: 6 }, () => small.run(job, bridge))
    await vi.waitFor(() => expect(asked).toBe(4), { timeout: 5_000 })
    await new Promise((next) => setTimeout(next, 100))
    expect(asked).toBe(4)
    answer()
    expect((await Promise.all(runs)).map(({ status }) => status)).toEqual(Array(6).fill('completed'))
    expect(asked).toBe(6)
    await small.close()
  })

  test('a workflow may run another while every place is taken', async () => {
    const small = buildSandbox({ processes: 1, log: silentLog, maxConcurrentPerProcess: 1 })
    const child = { ...jobFor(workflow('return ctx.input + 1')), depth: 1 }
    const bridge: Bridge = async (call) =>
      outputOf(await small.run({ ...child, input: call.args[1] ?? null }, echoBridge()))
    const parent = jobFor(workflow(`return ctx.workflows.run('child', 41)`))
    const results = await Promise.all([1, 2, 3].map(() => small.run(parent, bridge)))
    expect(results.map(outputOf)).toEqual([42, 42, 42])
    await small.close()
  })

  test('one put aside as its wait is answered says so', async () => {
    let answered = false
    const result = await runBody("return await ctx.wait.event('x')", {}, async (_call, _signal, turn) => {
      turn.park()
      // As long as nothing but a wait must go on before it is put aside: either may come first.
      await new Promise((next) => setTimeout(next, 25))
      answered = true
      return 'here'
    })
    if (result.status === 'completed') expect(result.output).toBe('here')
    else expect(result).toMatchObject({ status: 'suspended', ...(answered ? { answered: true } : {}) })
  })

  test('the server learns when the code does nothing but wait', async () => {
    const seen: string[] = []
    const body = `
      const slow = ctx.state.get('slow')
      for (let i = 0; i < 3; i++) { await ctx.state.get('quick'); const end = i * 3e6; for (let n = 0; n < end; n++); }
      await ctx.state.get('last')
      return await slow`
    await runBody(body, {}, async ({ args }, _signal, turn) => {
      seen.push(String(args[0]))
      if (args[0] !== 'quick') await turn.still()
      seen.push(`${String(args[0])} answered`)
      return null
    })
    expect(seen.slice(-3)).toEqual(['last', 'slow answered', 'last answered'])
  })
})

describe('what follows an answer', () => {
  test('random numbers and log lines depend on the answer alone, not on what was left out before it', async () => {
    const bridge: Bridge = async ({ name, args }, _signal, turn) => {
      turn.name(name === 'step.begin' ? 2 ** 52 + 1 : 7)
      if (name !== 'step.begin') return null
      return args[0] === 'done' ? { done: true, value: 1 } : { done: false, scope: 'a.0' }
    }
    const drawn = (name: string) =>
      runBody(
        `await ctx.step('${name}', () => { ctx.log.info('in'); return Math.random() }); ctx.log.info('out'); return [Math.random(), crypto.randomUUID()]`,
        { seed: 'x'.repeat(32), linesKept: { 7: 1 } },
        name === 'done'
          ? async (call, signal, turn) => {
              const answer = await bridge(call, signal, turn)
              turn.name(7)
              return answer
            }
          : bridge,
      )
    const [whole, skipped] = [await drawn('now'), await drawn('done')]
    expect(outputOf(whole)).toEqual(outputOf(skipped))
    expect(whole.logs).toMatchObject([{ message: 'in' }])
    expect(skipped.logs).toEqual([])
  })

  test('no clock but that of the answers is to be seen, in formats of dates neither', async () => {
    const body = `
      const format = new Intl.DateTimeFormat('en', { dateStyle: 'short', timeZone: 'UTC' })
      class Later extends Date {}
      return [format.format(), format.format(undefined), [0].map(format.format)[0], format.formatToParts().map((part) => part.value).join(''),
        new Date().toLocaleDateString('en', { timeZone: 'UTC' }), new Later().getTime(), new (Date.prototype.constructor)().getTime(), structuredClone(new Date()).getTime()]`
    const clock = Date.UTC(2001, 8, 9)
    expect(outputOf(await runBody(body, { clock }))).toEqual([
      ...['9/9/01', '9/9/01', '1/1/70', '9/9/01', '9/9/2001'],
      ...[clock, clock, clock],
    ])
  })
})
