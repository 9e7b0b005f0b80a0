import { afterAll, describe, expect, test } from 'vitest'
import { buildSandbox } from './sandbox.ts'
import { echoBridge, jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const bridge = echoBridge()
const run = (body: string, isolateKey = 'key') =>
  sandbox.run({ ...jobFor(workflow(body)), isolateKey }, bridge)

/**
 * Ways out of a sandbox that have worked elsewhere, and the harmless thing each must come to here. Each runs
 * in the key `attack`, and the next execution of that key must find nothing of it.
 */
const escapes: { by: string; body: string; gives: unknown }[] = [
  {
    by: 'the constructor chain of ctx',
    body: `const reach = [ctx, ctx.state.get, ctx.connectors.slack.post, ctx.connectors.slack.raw.post, ctx.log.info, ctx.execution, ctx.headers, fetch, console.log, ctx.state.get('k')]
      return reach.map((o) => o.constructor.constructor('return typeof process + typeof require')())`,
    gives: Array(10).fill('undefinedundefined'),
  },
  {
    by: 'the prototypes of proxies',
    body: `return [Object.getPrototypeOf(ctx.connectors), Object.getPrototypeOf(ctx.connectors.slack), Reflect.ownKeys(ctx.connectors)]`,
    gives: [null, null, []],
  },
  {
    by: 'the constructor of bridge answers and errors',
    body: `const answer = await ctx.connectors.slack.raw.post({}); let error; try { ctx.connectors.none } catch (e) { error = e }
      return [answer, answer.headers, error, error.message].map((o) => o.constructor.constructor('return typeof process')())`,
    gives: Array(4).fill('undefined'),
  },
  {
    by: 'call sites in Error.prepareStackTrace',
    body: `const seen = []
      Error.prepareStackTrace = (_e, sites) => { for (const s of sites) seen.push(typeof s.getThis(), typeof s.getFunction()); return 'x' }
      await ctx.connectors.slack.post({ get x() { return typeof new Error().stack } })
      try { ctx.connectors.none } catch (e) { e.stack }
      return [seen.length > 0, seen.every((s) => s === 'undefined')]`,
    gives: [true, true],
  },
  {
    by: 'getters in arguments',
    body: `await ctx.connectors.slack.post({ get a() { return this.constructor.constructor('globalThis.hit = typeof process')() } }); return hit`,
    gives: 'undefined',
  },
  {
    by: 'a thenable output',
    body: `return { then(resolve) { resolve(resolve.constructor('return typeof process')()) } }`,
    gives: 'undefined',
  },
  {
    by: 'a proxy as arguments',
    body: `return ctx.connectors.slack.post(new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }), get: (_t, key) => key === 'toJSON' ? undefined : typeof process }))`,
    gives: ['slack', 'post', { a: 'undefined' }],
  },
  {
    by: 'arguments.callee.caller',
    body: `const sloppy = Function('try { return String(arguments.callee.caller) } catch (e) { return e.name }')
      return [sloppy(), [1].map(sloppy)[0], await ctx.connectors.slack.post({ toJSON: sloppy })]`,
    gives: ['null', 'null', ['slack', 'post', 'null']],
  },
  {
    by: 'polluted prototypes',
    body: `Object.prototype.polluted = 1; Array.prototype.map = () => 'mapped'
      for (const key of ['connectors', 'problem', 'value', 'get', 'kind']) Object.defineProperty(Object.prototype, key, { __proto__: null, get: () => 'got', configurable: true })
      return 'alive'`,
    gives: 'alive',
  },
  {
    by: 'replaced intrinsics',
    body: `JSON.stringify = () => '{"forged":1}'; JSON.parse = () => { throw 1 }; Promise.prototype.then = () => { throw 2 }
      Reflect.apply = Function.prototype.call = Function.prototype.apply = () => { throw 3 }
      Map.prototype.get = WeakMap.prototype.get = String.prototype.slice = Array.prototype.join = Array.prototype[Symbol.iterator] = () => { throw 4 }
      globalThis.Promise = globalThis.Error = globalThis.Array = globalThis.Object = globalThis.String = class {}
      return { answer: await ctx.state.get('k'), nothing: [undefined] }`,
    gives: { answer: 'k', nothing: [null] },
  },
  {
    by: 'setters on array indexes',
    body: `globalThis.hits = 0
      for (let i = 0; i < 5; i++) Object.defineProperty(Array.prototype, i, { set() { hits++ }, configurable: true })
      await ctx.connectors.slack.post({ a: [{ b: 1 }] }); console.log({ a: [1] })
      return hits`,
    gives: 0,
  },
  {
    by: 'the species of promises',
    body: `class Spy extends Promise { static get [Symbol.species]() { return Spy } }
      Object.defineProperty(Promise.prototype, 'constructor', { get: () => Spy })
      return ctx.state.get('k')`,
    gives: 'k',
  },
  {
    by: 'the globals',
    body: `return Object.getOwnPropertyNames(globalThis).filter((n) => /process|require|module|ivm|isolat|connect|^Buffer|global$|Shared|WebAssembly|Atomics|WeakRef|Finaliz|setTimeout/.test(n))`,
    gives: [],
  },
  {
    by: 'async generators',
    body: `const g = (async function* () { try { yield 1 } finally { yield typeof process } })()
      await g.next(); const { value } = await g.return(ctx)
      return [value, (await (async function* () {}).constructor('yield typeof process')().next()).value]`,
    gives: ['undefined', 'undefined'],
  },
  {
    by: 'the function constructors',
    body: `return [Function('return typeof process')(), await (async () => {}).constructor('return typeof require')(), (function* () {}).constructor('yield typeof process')().next().value]`,
    gives: ['undefined', 'undefined', 'undefined'],
  },
  {
    by: 'sloppy this and indirect eval',
    body: `return [Function('return typeof this.process')(), (0, eval)('typeof process'), await ctx.state.get('k').then(Function('return typeof this.process'))]`,
    gives: ['undefined', 'undefined', 'undefined'],
  },
  {
    by: 'modules through eval',
    body: `const out = []
      for (const code of ['import.meta', 'import("node:fs")', 'require("fs")', 'process.binding("fs")']) { try { out.push(typeof await (0, eval)(code)) } catch (e) { out.push(e.name) } }
      return out`,
    gives: ['SyntaxError', 'Error', 'ReferenceError', 'ReferenceError'],
  },
  {
    by: 'names of the bootstrap',
    body: `return typeof send + typeof control + typeof __connect + typeof connect + typeof p`,
    gives: 'undefined'.repeat(5),
  },
]

describe('a workflow', () => {
  test.each(escapes)('gets nowhere by $by', async ({ body, gives }) => {
    const result = await run(body, 'attack')
    expect(outputOf(result)).toEqual(gives)
    expect(JSON.stringify(result)).not.toMatch(
      /node:internal|node_modules|runtime\/sandbox|patchbay:guest|isolated-vm/,
    )
    const next = await run(
      `return [typeof {}.polluted, {}.value ?? null, [1].map((x) => x + 1), JSON.stringify({ a: 1 }), await ctx.state.get('k'), typeof hits, typeof hit]`,
      'attack',
    )
    expect(outputOf(next)).toEqual(['undefined', null, [2], '{"a":1}', 'k', 'undefined', 'undefined'])
  })

  test('finds no globals of an earlier execution with the same key', async () => {
    const body = `const before = [typeof globalThis.left, Array.prototype.left]; globalThis.left = 1; Array.prototype.left = 1; return before`
    expect(outputOf(await run(body, 'same'))).toEqual(['undefined', null])
    expect(outputOf(await run(body, 'same'))).toEqual(['undefined', null])
  })

  test('finds no module state of an earlier execution with the same key', async () => {
    const job = jobFor('let count = 0\nexport default () => ++count')
    expect([outputOf(await sandbox.run(job, bridge)), outputOf(await sandbox.run(job, bridge))]).toEqual([
      1, 1,
    ])
  })

  test('shares nothing with another key running at the same time', async () => {
    const body = (mine: string) =>
      `globalThis.owner = '${mine}'; Object.prototype.owner = '${mine}'; await ctx.state.get('k'); return [globalThis.owner, {}.owner]`
    const results = await Promise.all(['a', 'b', 'a'].map((key) => run(body(key), key)))
    expect(results.map(outputOf)).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['a', 'a'],
    ])
  })

  test('gets the answers to its own calls only', async () => {
    const job = jobFor(
      workflow(
        `return Promise.all(Array.from({ length: 20 }, (_, i) => ctx.state.get(ctx.input + ':' + i)))`,
      ),
    )
    const results = await Promise.all(['x', 'y', 'z'].map((input) => sandbox.run({ ...job, input }, bridge)))
    for (const [at, input] of ['x', 'y', 'z'].entries()) {
      expect(results[at] && outputOf(results[at])).toEqual(
        Array.from({ length: 20 }, (_, i) => `${input}:${i}`),
      )
    }
  })
})
