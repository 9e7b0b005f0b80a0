import type { Escape } from './escape.ts'

/** Promises: those of the host, and the callbacks it resolves them with. */
export const promises: Escape[] = [
  {
    by: 'the species of promises',
    source: 'vm2 CVE-2023-37466, GHSA-qvjj-29qf-hp7p',
    body: `class Spy extends Promise { constructor(run) { super(run); Spy.seen.push(run) } static seen = []; static get [Symbol.species]() { return Spy } }
      Object.defineProperty(Promise.prototype, 'constructor', { get: () => Spy })
      const answer = await ctx.state.get('k'); const p = ctx.connectors.slack.post(1n); Object.defineProperty(p, 'constructor', { value: { [Symbol.species]: Spy } })
      const error = await p.then(() => 0, (e) => e); await p.finally(() => 0).catch(() => 0)
      return [answer, loot(...Spy.seen, error)]`,
    gives: ['k', []],
  },
  {
    by: 'Promise.prototype.then replaced, to catch what the host resolves with',
    source: 'vm2 CVE-2026-22709, CVE-2026-44000',
    body: `const seen = []; const then = Promise.prototype.then
      Promise.prototype.then = function (...handlers) { seen.push(this, ...handlers); return Reflect.apply(then, this, handlers) }
      const answer = await ctx.state.get('k'); await ctx.connectors.slack.raw.post({}).catch(() => 0); await fetch('http://a.test/').catch(() => 0)
      ctx.state.get('other').then((v) => seen.push(v)); await null
      return [answer, loot(...seen)]`,
    gives: ['k', []],
  },
  {
    by: 'the rejections of async functions',
    source: 'vm2 CVE-2026-22709',
    body: `const e = new Error(); e.name = Symbol(); const seen = []
      await (async () => e.stack)().catch((x) => seen.push(x)); await (async () => ctx.connectors.none)().catch((x) => seen.push(x)); await (async () => { for await (const x of ctx.connectors.slack.list.items()) return x })().catch((x) => seen.push(x))
      return [seen.length >= 2, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'then of async generators that end',
    source: 'vm2 CVE-2026-45411',
    body: `const seen = []; const inner = { [Symbol.asyncIterator]: () => ({ next: () => ({ value: 1, done: false }), return: (v) => { seen.push(v); return { then(resolve, reject) { seen.push(resolve, reject); null.x } } } }) }
      async function* outer() { try { yield* inner } catch (e) { seen.push(e); yield e } }
      const g = outer(); await g.next(); seen.push(await g.return({ then(resolve) { seen.push(resolve); resolve(ctx) } }).catch((e) => e))
      const pages = ctx.connectors.slack.list.pages({}); seen.push(await pages.return({ then(r) { seen.push(r); r(1) } }))
      return [seen.length > 5, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'static methods of Promise on another class',
    source: 'vm2 docs/ATTACKS.md: promise static method stealing',
    body: `const seen = []; function Fake(run) { run((v) => seen.push(v), (e) => seen.push(e)) } Fake.resolve = (v) => v
      for (const name of ['all', 'allSettled', 'any', 'race', 'try', 'resolve', 'reject', 'withResolvers']) try { Promise[name].call(Fake, name === 'try' ? () => null.x : [ctx.state.get('k'), Promise.reject(1)]) } catch (e) { seen.push(e) }
      await ctx.state.get('k'); return [seen.length > 4, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'a thenable where the host waits for a value',
    source: 'vm2 docs/ATTACKS.md: PromiseResolveThenableJob',
    body: `return { then(resolve, reject) { const got = loot(resolve, reject, this); resolve({ got, then: undefined }) } }`,
    gives: { got: [] },
  },
  {
    by: 'a then that appears on every object',
    source: 'vm2 GHSA-cchq-frgv-rjh5',
    body: `const seen = []; Object.defineProperty(Object.prototype, 'then', { configurable: true, get() { seen.push(this); return undefined } })
      const answer = await ctx.connectors.slack.raw.post({ a: 1 }); delete Object.prototype.then
      return [answer.status, loot(...seen)]`,
    gives: [200, []],
  },
  {
    by: 'a then that takes over the answers of the bridge',
    source: 'vm2 GHSA-cchq-frgv-rjh5',
    body: `const seen = []; Object.prototype.then = function (resolve, reject) { seen.push(this, resolve, reject); delete Object.prototype.then; resolve(1) }
      const answer = await ctx.connectors.slack.raw.post({ a: 1 }); return [answer, loot(...seen)]`,
    gives: [1, []],
  },
  {
    by: 'a workflow function that is no function, or answers twice',
    source: 'double resolution of host promises',
    body: `let twice; const p = new Promise((resolve) => { twice = resolve; resolve('first'); resolve('second') }); Promise.resolve().then(() => twice('third')); return p`,
    gives: 'first',
  },
  {
    by: 'Array.fromAsync and async iteration of what the host sends',
    source: 'vm2 docs/ATTACKS.md: Array.fromAsync',
    body: `const seen = [await Array.fromAsync([ctx.state.get('k')]), await Array.fromAsync(ctx.connectors.slack.list.items()).catch((e) => e)]
      function Spy() { seen.push(new.target) } await Array.fromAsync.call(Spy, [1, ctx.state.get('k')]).catch((e) => seen.push(e))
      return loot(...seen)`,
    gives: [],
  },
]
