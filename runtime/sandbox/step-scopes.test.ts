import { afterAll, expect, test } from 'vitest'
import { buildSandbox } from './sandbox.ts'
import { jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const scopeOf = (name: unknown) => `${String(name).repeat(22)}.0`

/** What it was said to be part of when a call of this name was made. */
async function withinOf(name: string, body: string): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  const result = await sandbox.run(jobFor(workflow(body)), async (call) => {
    if (call.name === name) found.push(call.within)
    if (call.name === 'step.begin') return { done: false, scope: scopeOf(call.args[0]) }
    if (call.name === 'connectors.page')
      return { items: [1, 2, 3], next: String(found.length), stopped: null }
    return null
  })
  outputOf(result)
  return found
}

test('pages that are asked for at once belong to the step that reads the list', async () => {
  const body = `
    const { promise, resolve } = Promise.withResolvers()
    const ticks = async () => { for (let i = 0; i < 50; i++) await null }
    await Promise.all([
      ctx.step('a', async () => {
        const list = ctx.connectors.slack.list.items({})
        await Promise.all([list.next().then(resolve), ...Array.from({ length: 6 }, () => list.next())])
      }),
      ctx.step('b', async () => { await promise; await ticks() }),
    ])`
  expect(await withinOf('connectors.page', body)).toEqual(Array(3).fill(scopeOf('a')))
})

test('a callback is part of the step it was given in, however it was given', async () => {
  const ways = {
    spread: 'then(...[f])',
    computed: "['then'](f)",
    borrowed: 'then.call(slow, f)',
    reflected: 'x(Reflect.apply(slow.then, slow, [f]))',
    bound: 'then(f.bind(null))',
    caught: 'finally.call(slow, f)',
    micro: 'then(() => queueMicrotask(f))',
  }
  for (const way of Object.values(ways)) {
    const given = way.startsWith('x(') ? way.slice(1) : way.startsWith('[') ? `slow${way}` : `slow.${way}`
    const body = `
      const { promise: slow, resolve } = Promise.withResolvers()
      let done
      const asked = new Promise((resolve) => { done = resolve })
      const f = function () { ctx.state.get('k').then(done) }
      await ctx.step('a', async () => { ${given} })
      await ctx.step('b', async () => { resolve(); await asked })`
    expect(await withinOf('state.get', body), way).toEqual([scopeOf('a')])
  }
})

test('a step that asks the generator of another for a value goes on as itself', async () => {
  const body = `
    let it
    await ctx.step('a', async () => { it = (async function* () { for (;;) { yield 1; await ctx.state.get('inner') } })(); await it.next() })
    await ctx.step('b', async () => { it.next(); await ctx.secrets.get('one'); it.return(); await ctx.secrets.get('two') })`
  expect(await withinOf('secrets.get', body)).toEqual([scopeOf('b'), scopeOf('b')])
  expect(await withinOf('state.get', body)).toEqual([scopeOf('a')])
})

test('promises and generators look as those of the language do', async () => {
  const body = `
    const { prototype } = Object.getPrototypeOf(async function* () {})
    class Mine extends Promise { static made = 0; constructor(run) { super(run); Mine.made++ } }
    const mine = Mine.resolve(1).then((x) => x + 1)
    const shape = (of, name) => { const { value: f, ...rest } = Object.getOwnPropertyDescriptor(of, name); let made; try { made = Reflect.construct(Object, [], f) } catch { made = null }; return [f.name, f.length, made, Object.hasOwn(f, 'prototype'), rest] }
    let thrown; try { Promise.prototype.then.call({}, () => 1) } catch (error) { thrown = error.name }
    return { shapes: [...['then', 'finally'].map((name) => shape(Promise.prototype, name)), ...['next', 'return', 'throw'].map((name) => shape(prototype, name))],
      mine: [mine instanceof Mine, Mine.made, await mine], thrown, thenable: await { then: (resolve) => resolve(4) } }`
  const result = await sandbox.run(jobFor(workflow(body)), async () => null)
  const rest = { writable: true, enumerable: false, configurable: true }
  expect(outputOf(result)).toEqual({
    shapes: [
      ['then', 2],
      ['finally', 1],
      ['next', 1],
      ['return', 1],
      ['throw', 1],
    ].map((one) => [...one, null, false, rest]),
    mine: [true, 2, 2],
    thrown: 'TypeError',
    thenable: 4,
  })
})

test('code that gets hold of what tells its step can say nothing that could not be one', async () => {
  const body = `
    await ctx.step('a', async () => { await ctx.state.get('k') })
    for (const forged of ['/'.repeat(700), ' ', '\\0', 'a.0', {}]) { \\u0024wr(forged); await ctx.state.get('k').catch(() => 0) }`
  const within = await withinOf('state.get', body)
  expect(new Set(within)).toEqual(new Set([scopeOf('a'), undefined]))
})
