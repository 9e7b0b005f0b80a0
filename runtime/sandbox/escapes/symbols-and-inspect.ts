import type { Escape } from './escape.ts'

/** Symbols that Node.js reacts to, and everything the host prints, formats or inspects. */
const inspect = `const custom = Symbol.for('nodejs.util.inspect.custom'); const seen = []
  const spy = (...list) => { seen.push(...list); return 'x' }; const bomb = { [custom]: spy, toString: spy, toJSON: () => ({ a: 1 }), [Symbol.toPrimitive]: spy, [Symbol.toStringTag]: 'Error', valueOf: undefined, constructor: undefined }`

export const symbolsAndInspect: Escape[] = [
  {
    by: 'a custom inspect function, logged',
    source: 'vm2 CVE-2023-37903, CVE-2023-32313',
    body: `${inspect}
      console.log(bomb); console.error(bomb); console.dir(bomb, { showProxy: true }); ctx.log.info([bomb], { a: bomb }); return [seen.some((x) => typeof x === 'function'), loot(...seen)]`,
    gives: [false, []],
  },
  {
    by: 'a custom inspect function, thrown',
    source: 'vm2 CVE-2023-37903, GHSA-v37h-5mfm-c47c',
    body: `${inspect}
      globalThis.seen = seen; throw Object.assign(new Error('thrown'), bomb, { message: 'thrown' })`,
    fails: { kind: 'code_error', message: 'thrown' },
  },
  {
    by: 'a custom inspect function among arguments, output and errors',
    source: 'vm2 CVE-2023-37903',
    body: `${inspect}
      await ctx.connectors.slack.post(bomb); await ctx.state.set('k', bomb); await fetch(bomb, { headers: bomb }).catch(() => 0); for (const f of [() => new URL(bomb), () => new URL('http://a/', bomb), () => structuredClone(bomb), () => atob(bomb), () => crypto.getRandomValues(bomb), () => new TextDecoder(bomb)]) try { f() } catch (e) { seen.push(e) }
      return [seen.some((x) => typeof x === 'function'), loot(...seen)]`,
    gives: [false, []],
  },
  {
    by: 'symbols the host shares through the registry',
    source: 'vm2 docs/ATTACKS.md 20: cross-realm symbols',
    body: `const names = ['nodejs.util.inspect.custom', 'nodejs.util.promisify.custom', 'nodejs.rejection', 'nodejs.dispose', 'nodejs.webstream.isClosedPromise']
      const bag = {}; for (const name of names) { bag[Symbol.for(name)] = () => 'ran'; Object.prototype[Symbol.for(name)] = (...list) => { globalThis.ran = list } }
      await ctx.connectors.slack.post(bag); console.log(bag); for (const each of [ctx, fetch, ctx.state, console, crypto]) bag.found = (bag.found ?? 0) + Object.getOwnPropertySymbols(each).length
      return [typeof ran, bag.found]`,
    gives: ['undefined', 0],
  },
  {
    by: 'Symbol.hasInstance, toStringTag, isConcatSpreadable and iterator',
    source: 'vm2 docs/ATTACKS.md: well-known symbols',
    body: `const seen = []; const spy = function (...list) { seen.push(this, ...list); return false }
      for (const host of [Promise, Error, Array, Object, Uint8Array, ArrayBuffer]) Object.defineProperty(host, Symbol.hasInstance, { value: spy })
      Object.defineProperty(Object.prototype, Symbol.toStringTag, { configurable: true, get() { seen.push(this); return 'Promise' } }); Object.prototype[Symbol.isConcatSpreadable] = true
      Array.prototype[Symbol.iterator] = function* () { seen.push(this); yield 1 }
      const answer = await ctx.connectors.slack.raw.post({ a: 1 }); console.log({ a: 1 }); try { ctx.connectors.none } catch (e) { seen.push(e) }
      return { status: answer.status, found: loot(seen) }`,
    gives: { status: 200, found: [] },
  },
  {
    by: 'format directives and terminal codes in a log',
    source: 'util.format through console.log',
    body: `console.log('%s %o %O %j %c', { a: 1 }, () => 1); console.log('%', 1n, Symbol('s')); console.table([{ a: 1 }]); console.dir({ b: 1 }); return 1`,
    gives: 1,
  },
  {
    by: 'a console made to write elsewhere',
    source: 'vm2 CVE-2023-32313',
    body: `const { log } = console; console.log = (...list) => log('mine', ...list); console._stdout = { write: (x) => log('stdout', x) }; console.log('x')
      Reflect.apply(log, { _stdout: null, write: null }, ['detached']); return loot(log, console)`,
    gives: [],
  },
]
