import type { Escape } from './escape.ts'

/** The function constructor, by every road that leads to it: what most escapes end in. */
export const functionConstructor: Escape[] = [
  {
    by: 'the constructor chain of a literal, of ctx and of the globals',
    source: 'node:vm “not a security mechanism”; safe-eval CVE-2017-16088; JSONPath-Plus CVE-2024-21534',
    body: `return loot({}, [], '', 0, () => {}, ctx, ctx.state.get, ctx.connectors.slack.post, ctx.connectors.slack.raw.post,
      ctx.log.info, ctx.execution, ctx.headers, fetch, console, fastn, crypto, crypto.subtle, globalThis)`,
    gives: [],
  },
  {
    by: 'the constructors of async functions and generators',
    source: 'SandboxJS CVE-2026-23830',
    body: `const probe = 'typeof process + typeof require + typeof module'
      const Async = (async () => {}).constructor, Gen = (function* () {}).constructor, AsyncGen = (async function* () {}).constructor
      return [await Async('return ' + probe)(), Gen('yield ' + probe)().next().value, (await AsyncGen('yield ' + probe)().next()).value]`,
    gives: Array(3).fill('undefined'.repeat(3)),
  },
  {
    by: 'getters looked up with __lookupGetter__',
    source: 'vm2 GHSA-grj5-jjm8-h35p; SandboxJS CVE-2026-25142',
    body: `const up = ({}).__lookupGetter__('__proto__'), set = ({}).__lookupSetter__('__proto__')
      const tops = [ctx, fetch, ctx.connectors, console.log, Symbol, new Error('x'), Promise.resolve()].map((x) => { let top = x; while (up.call(top)) top = up.call(top); return top })
      return loot(up, set, up.constructor, ...tops)`,
    gives: [],
  },
  {
    by: 'a constructor under a computed name',
    source: 'n8n CVE-2025-68613; static-eval CVE-2017-16226',
    body: `const name = ['con', 'structor'].join(''); const made = 'x'[name][name]('return this')()
      return [made === globalThis, loot(made, ({})[name][name])]`,
    gives: [true, []],
  },
  {
    by: 'the constructor found in a descriptor',
    source: 'vm2 docs/ATTACKS.md 15: descriptor extraction',
    body: `const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(() => {}))
      return loot(Object.entries(all).flat(3), all.constructor.value, Object.entries(Object.getOwnPropertyDescriptors(ctx)))`,
    gives: [],
  },
  {
    by: 'sloppy functions and the this of a callback',
    source: 'node:vm `this.constructor.constructor`; notevil CVE-2021-23771',
    body: `const self = Function('return this')
      const seen = [self(), [1].map(self)[0], await ctx.state.get('k').then(self), (0, eval)('this'), Reflect.apply(self, undefined, []), 'a'.replace(/a/, self) && globalThis]
      return [seen.every((each) => each === globalThis), loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'arguments.callee.caller up to the bridge',
    source: 'Function.caller walks, as in Caja and ADsafe',
    body: `const caller = Function('try { return String(arguments.callee.caller) } catch (e) { return e.name }')
      const named = Function('return function f() { try { return String(f.caller) } catch (e) { return e.name } }')()
      return [caller(), named(), [1].map(caller)[0], await ctx.connectors.slack.post({ toJSON: caller }), await ctx.state.get('k').then(caller)]`,
    gives: ['null', 'null', 'null', ['slack', 'post', 'null'], 'null'],
  },
  {
    by: 'the arguments objects of what calls it back',
    source: 'ADsafe: arguments of sloppy frames',
    body: `const seen = []; const keep = Function('seen', 'return function () { seen.push(arguments, this, arguments.callee) }')(seen)
      await ctx.state.get({ toJSON: keep }); console.log({ toJSON: keep }); await ctx.state.get('k').then(keep)
      return [seen.length, loot(...seen)]`,
    gives: [15, []],
  },
  {
    by: 'subclasses that are called for objects of the sandbox',
    source: 'vm2 docs/ATTACKS.md: Reflect.construct with a foreign new.target',
    body: `const made = [Reflect.construct(Promise, [() => {}], Function), Reflect.construct(Function, ['return 1'], Array), Reflect.construct(Error, ['x'], fetch.constructor), new (class extends Function { constructor() { super('return this') } })()]
      return loot(...made, made[3]())`,
    gives: [],
  },
]
