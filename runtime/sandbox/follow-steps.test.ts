import { AsyncLocalStorage } from 'node:async_hooks'
import { runInThisContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildFollow, type Follow } from './guest/follow.ts'
import { primordials } from './guest/primordials.ts'
import { wrapModule } from './wrap-module.ts'

type Main = (world: object) => Promise<unknown>
type Seen = [what: unknown, step: string | undefined][]

/** What a program can do, in a world that knows by some means which step the code is part of. */
function worldOf(
  now: () => string | undefined,
  answer: (settle: () => void) => void,
  within: (step: string, run: Main) => unknown,
  out: (step: string | undefined) => void,
) {
  const seen: Seen = []
  let turns = 0
  let failures = 0
  const see = (what: unknown) => {
    seen.push([typeof what === 'object' ? 'object' : what, now()])
    return what
  }
  const asked = (fails = false) =>
    new Promise<number>((resolve, reject) =>
      answer(() => (fails ? reject(new Error('no')) : resolve(++turns % 3))),
    )
  const world: Record<string, unknown> = {
    see,
    call(what: number) {
      see(what)
      return asked()
    },
    fail(what: number) {
      see(what)
      return asked(true)
    },
    odd: () => ++failures < 100 && failures % 2 === 1,
    tick: async (count: number) => {
      for (let i = 0; i < count; i++) await null
    },
    disposer: (what: number) => ({
      [Symbol.asyncDispose]: async () => {
        await null
        see(what)
      },
    }),
    async step(name: string, run: Main) {
      const outer = now()
      await asked()
      let value: unknown
      try {
        value = await within(outer === undefined ? name : `${outer}/${name}`, run)
      } catch (error) {
        out(outer)
        await asked()
        throw error
      }
      out(outer)
      await asked()
      return value
    },
  }
  return { world, seen }
}

const still = async () => {
  for (let i = 0; i < 200; i++) await new Promise((next) => setImmediate(next))
}

/** Undefined: the program is none. */
function compiled(body: string): (() => Main) | undefined {
  try {
    return runInThisContext(`(() => { 'use strict'; return async (w) => {${body}} })`) as () => Main
  } catch {
    return undefined
  }
}

/** As the engine runs it, which knows for itself what code is part of. */
async function plainly(build: () => Main): Promise<Seen> {
  const steps = new AsyncLocalStorage<string | undefined>()
  const now = () => steps.getStore()
  const { world, seen } = worldOf(
    now,
    (settle) => setImmediate(settle),
    (step, run) => steps.run(step, () => run(world)),
    () => {},
  )
  await steps
    .run(undefined, () => build()(world))
    .then(world.see as (output: unknown) => unknown, () => seen.push(['failed', undefined]))
  await still()
  return seen
}

/** As a sandbox does, whose promises and generators this process has meanwhile. */
async function rewritten(body: string): Promise<Seen> {
  const own = primordials()
  const generators = (Object.getPrototypeOf(async function* () {}) as { prototype: object }).prototype
  const replaced = [Promise.prototype, generators].map(
    (of) => [of, Object.getOwnPropertyDescriptors(of)] as const,
  )
  const { queueMicrotask } = globalThis
  const follow = buildFollow(own)
  globalThis.queueMicrotask = (callback) => queueMicrotask(follow.bind(callback) as () => void)
  try {
    return await followed(body, follow)
  } finally {
    globalThis.queueMicrotask = queueMicrotask
    for (const [of, descriptors] of replaced) Object.defineProperties(of, descriptors)
  }
}

async function followed(body: string, { stepNow, goOnIn }: Follow): Promise<Seen> {
  const { world, seen } = worldOf(
    stepNow,
    (settle) => {
      const asker = stepNow()
      setImmediate(() => {
        goOnIn(asker)
        settle()
      })
    },
    (inner, run) => {
      goOnIn(inner)
      return run(world)
    },
    goOnIn,
  )
  const { code } = wrapModule(`export default async (w) => {${body}}`)
  const module = runInThisContext(code) as (...given: unknown[]) => Promise<Main>
  const main = await module(stepNow, goOnIn)
  goOnIn(undefined)
  await main(world).then(world.see as (output: unknown) => unknown, () => seen.push(['failed', undefined]))
  await still()
  return seen
}

/** A program, from a list of choices: the first of several when the list is at its end. */
function programOf(choices: readonly number[]): string {
  let at = 0
  let tag = 0
  const pick = (count: number) => (choices[at++] ?? 0) % count
  const among = (...of: (() => string)[]) => (of[pick(of.length)] as () => string)()
  const next = () => String(++tag)
  interface Where {
    depth: number
    labels: string[]
    inLoop: boolean
    generates: boolean
  }
  const deeper = (where: Where): Where => ({ ...where, depth: where.depth - 1 })
  const own = (where: Where): Where => ({ ...deeper(where), labels: [], inLoop: false, generates: false })
  const end = () =>
    among(
      () => '\n',
      () => ';',
      () => '\r\n',
      () => ' // )\n',
      () => '\u2028',
      () => ' /* ) */;',
    )

  function value(where: Where): string {
    if (where.depth <= 0) return `w.see(${next()})`
    const inner = deeper(where)
    const v = () => value(inner)
    const arrow = () =>
      among(
        () => `() => w.see(${next()})`,
        () => `async () => { ${some(own(where))} }`,
        () => `async () => (${value(own(where))})`,
        () => `(0, async () => { ${some(own(where))} })`,
      )
    return among(
      () => `w.see(${next()})`,
      () => `await w.call(${next()})`,
      () => `await w.tick(${pick(4)})`,
      () => `(await ${v()})`,
      () => `(await ${v()}, ${v()})`,
      () => `\`a\${await ${v()}}b\${await w.see(${next()})}\``,
      () => `w.see(typeof await ${v()})`,
      () => `w.see((${v()}) ? ${v()} : await ${v()})`,
      () => `w.see([${v()}, ...[await ${v()}]].length)`,
      () => `((await w.call(${next()})) ** 2)`,
      () => `(await ${v()})?.x?.[await ${v()}].y`,
      () => `(/[)\`]/).test(await ${v()}) /* ) */`,
      () =>
        `({ [await ${v()}]: await ${v()}, async m() { ${some(own(where))} } }).m?.()?.catch((() => w.see(${next()})))`,
      () => `await (async () => { ${some(own(where))} })().catch(${arrow()}).finally(() => w.see(${next()}))`,
      () => `await w.call(${next()}).then(${arrow()}, ${arrow()}).catch(() => w.see(${next()}))`,
      () => `await w.tick(3).then(((${arrow()}), () => w.see(${next()})))`,
      () => `await w.call(${next()})['then'](...[${arrow()}, ${arrow()}]).catch(() => w.see(${next()}))`,
      () => `await Promise.prototype.then.call(w.tick(2), ${arrow()}).catch(() => w.see(${next()}))`,
      () =>
        `await Reflect.apply((async () => {})().then, w.fail(${next()}), [null, ${arrow()}]).catch(() => w.see(${next()}))`,
      () => `await w.tick(1)?.['finally'](${arrow()}).catch(() => w.see(${next()}))`,
      () => `await new (await class { constructor() { w.see(${next()}) } })`,
      () => `await w.step('s${pick(2)}', async () => { ${some(own(where))} }).catch(() => w.see(${next()}))`,
      () =>
        `await Promise.${['all', 'allSettled', 'race', 'any'][pick(4)]}([${beside(where)}]).catch(() => w.see(${next()}))`,
      () => `(queueMicrotask(() => { w.see(${next()}) }), ${v()})`,
      () => `((async () => { ${some(own(where))} })().catch(() => w.see(${next()})), ${v()})`,
      () => (where.generates ? `(yield ${v()})` : v()),
    )
  }
  const beside = (where: Where) =>
    Array.from({ length: 2 + pick(2) }, () =>
      among(
        () => `(async () => { ${some(own(where))} })()`,
        () => `w.step('s${pick(2)}', async () => { ${some(own(where))} })`,
      ),
    ).join(', ')
  const list = (where: Where) =>
    among(
      () => `[w.call(${next()}), 1]`,
      () => `[1, 2]`,
      () =>
        `(async function* () { ${some({ ...own(where), generates: true })} yield w.see(${next()}); ${some({ ...own(where), generates: true })} yield 2 })()`,
      () =>
        `(async function* () { try { yield* [1, w.call(${next()})] } finally { w.see(${next()}) } w.see(${next()}) })()`,
      () =>
        `(async function* () { yield* (async function* () { yield await ${value(own(where))} })(); w.see(${next()}); yield 1 })()`,
    )
  const head = (where: Where) =>
    among(
      () => 'const x',
      () => 'let x',
      () => `const { x = w.see(${next()}) }`,
      () => `const { x = await ${value(own(where))} }`,
      () => `const { x: [y = (w.see(${next()}), 1)] = (0, []) }`,
    )

  function statement(where: Where): string {
    if (where.depth <= 0) return `w.see(${next()});`
    const inner = deeper(where)
    const block = (labels = where.labels, inLoop = where.inLoop) =>
      `{ ${some({ ...inner, labels, inLoop })} }`
    const label = `l${next()}`
    const body = () => {
      const within = { ...inner, labels: [...where.labels, label], inLoop: true }
      return among(
        () => `{ ${some(within)} }`,
        () => statement(within),
        () => ` w.see(${next()})\n`,
      )
    }
    const v = () => value(inner)
    return among(
      () => `w.see(${next()})${end()}`,
      () => `await w.call(${next()})${end()}`,
      () => `${v()};`,
      () => `await ${v()}${end()};`,
      () => `try ${block()} catch ${block()}`,
      () => `try ${block()} finally ${block()}`,
      () =>
        `try { ${some(inner)} await w.fail(${next()}) } catch ({ message = ${v()} }) ${block()} finally ${block()}`,
      () => `if (${v()}) try ${block()} catch {} else ${statement(inner)}`,
      () => `if (w.odd()) throw 0${end()};`,
      () => `if (w.odd()) return ${v()}${end()};`,
      () => `${label}: for await (${head(where)} of ${list(where)}) ${body()}`,
      () => `a${label}: ${label}: for await (${head(where)} of ${list(where)}) ${body()}`,
      () => `${label}: for (let i = 0; i < 2; i++) ${body()}`,
      () => `${label}: do ${body()} while (w.odd() && !await ${v()})${end()}`,
      () =>
        where.labels.length === 0
          ? ';'
          : `if (w.odd()) ${['break', 'continue'][pick(2)]} ${where.labels[pick(where.labels.length)]}${end()};`,
      () => (where.inLoop ? `if (w.odd()) ${['break', 'continue'][pick(2)]}${end()};` : ';'),
      () => `{ await using x = w.disposer(${next()}); ${some(inner)} }`,
      () =>
        `try { await using x = w.disposer(${next()}); ${some(inner)} } catch { await using x = w.disposer(${next()}); ${some(inner)} }`,
      () => `${label}: for (await using x of [w.disposer(${next()}), null]) ${body()}`,
      () =>
        `switch (await ${v()}) { case ${v()}: ${some(inner)} default: try ${block()} finally ${block()} }`,
      () =>
        `{ const f = async (n) => { if (n > 0) { ${some(own(where))} await f(n - 1) } }; await f(2)${end()}; }`,
      () => `{ const { x = await ${v()} } = {}${end()}; }`,
      () =>
        `{ class C { [await ${v()}] = 1; static { try { w.see(${next()}) } finally { w.see(${next()}) } } static async m() { ${some(own(where))} } } await C.m()${end()}; }`,
      () =>
        `{ const it = ${list(where)}; if (it.next) await Promise.all([it.next(), it.next(), it.return()]).catch(() => 0)${end()}; }`,
      () => (where.generates ? `yield${end()}; yield ${v()}${end()};` : ';'),
      () => (where.generates ? `try { yield ${v()}; return 1 } finally ${block()}` : ';'),
    )
  }
  function some(where: Where): string {
    return Array.from({ length: 1 + pick(3) }, () => statement(where)).join(' ')
  }
  return some({ depth: 4, labels: [], inLoop: false, generates: false })
}

/** More on demand: `FOLLOW_PROGRAMS=2000`. */
const PROGRAMS = Number(process.env.FOLLOW_PROGRAMS ?? 150)

test('rewritten code does what it did, each part of it in the step that the engine itself would tell', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1000), { minLength: 10, maxLength: 130 }), async (choices) => {
      const body = programOf(choices)
      const main = compiled(body)
      fc.pre(main !== undefined)
      expect(await rewritten(body)).toEqual(await plainly(main as () => Main))
    }),
    { numRuns: PROGRAMS },
  )
})
