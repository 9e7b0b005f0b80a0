import type { Escape } from './escape.ts'

/** Exceptions: those the host or the engine makes, and how they reach a catch. */
export const exceptions: Escape[] = [
  {
    by: 'the errors the engine itself throws',
    source: 'vm2 CVE-2019-10761, CVE-2021-23555',
    body: `const caught = []; const from = [() => null.x, () => undefinedName, () => new Array(-1), () => 'x'.repeat(-1), () => decodeURIComponent('%'), () => JSON.parse('{'), () => BigInt('x'), () => new RegExp('('), () => Symbol() + '', () => eval('}'), () => Reflect.construct(1), () => new Proxy({}, null), () => structuredClone(() => {}), () => atob('*'), () => new URL('x'), () => new TextDecoder('x'), () => crypto.getRandomValues(5), () => crypto.subtle.digest(), () => new Uint8Array(-1), () => new Date(NaN).toISOString(), () => (1).toFixed(500), () => Object.defineProperty(1), () => class extends null {}.x.y, () => { 'use strict'; Object.freeze([]).push(1) }]
      for (const f of from) try { await f() } catch (e) { caught.push(e) }
      return [caught.length, loot(...caught)]`,
    gives: [24, []],
  },
  {
    by: 'exceptions nobody transformed: using, DisposableStack, SuppressedError',
    source: 'vm2 GHSA-55hx-c926-fr95',
    body: `const caught = []; const bad = { [Symbol.dispose]() { const e = new Error(); e.name = Symbol(); return e.stack } }
      try { (0, eval)('(bad) => { using a = bad; null.x }')(bad) } catch (e) { caught.push(e, e.error, e.suppressed) }
      if (typeof DisposableStack === 'function') { const stack = new DisposableStack(); stack.defer(() => ctx.connectors.none); stack.defer(() => null.x); try { stack.dispose() } catch (e) { caught.push(e, e.error, e.suppressed) } }
      return [caught.length >= 3, loot(...caught)]`,
    gives: [true, []],
  },
  {
    by: 'errors inside errors: causes and aggregates',
    source: 'vm2 docs/ATTACKS.md: cross-realm error containers',
    body: `const caught = []
      try { await Promise.any([ctx.connectors.slack.post(1n), ctx.state.get(Symbol())]) } catch (e) { caught.push(e, ...e.errors) }
      caught.push((await Promise.allSettled([ctx.state.get(1n)]))[0].reason, new Error('x', { cause: caught[1] }), new AggregateError(caught))
      return [caught.length > 4, loot(...caught)]`,
    gives: [true, []],
  },
  {
    by: 'a catch that runs while a finally throws',
    source: 'vm2 CVE-2023-29199',
    body: `const caught = []
      try { try { throw null.x } finally { try { ctx.connectors.none } catch (e) { caught.push(e) } } } catch (e) { caught.push(e) }
      const f = () => { try { return ctx.connectors.none } catch ({ constructor, message, stack }) { caught.push(constructor, stack) } finally { caught.push(1) } }
      f(); for (const [x = ctx.connectors.none] of [[0]]) caught.push(x)
      return loot(...caught)`,
    gives: [],
  },
  {
    by: 'the exception of a proxy trap read while it is thrown',
    source: 'vm2 CVE-2023-30547',
    body: `const seen = []; const trap = new Proxy({}, { getPrototypeOf() { try { null.x } catch (e) { seen.push(e) } throw new Proxy({}, { get(t, k) { seen.push(k); return undefined }, getPrototypeOf() { seen.push('proto'); return Error.prototype } }) } })
      try { trap instanceof Error } catch (e) { seen.push(e) }
      throw trap`,
    fails: { kind: 'code_error' },
  },
  {
    by: 'a thrown object whose every property runs code',
    source: 'leaks through getters of error objects',
    body: `globalThis.hits = []; throw new Proxy({}, { get(_t, key) { hits.push(String(key)); return loot.constructor('return typeof process')() } })`,
    fails: { kind: 'code_error', name: 'undefined', message: 'undefined' },
  },
  {
    by: 'an error that pretends to come from the bridge',
    source: 'forged host errors',
    body: `throw Object.assign(new Error('forged'), { name: 'UpstreamError', kind: 'upstream_error', code: 'upstream_error', retryable: true, retryAfterSeconds: 1, status: 503 })`,
    fails: { kind: 'code_error', retryable: false },
  },
  {
    by: 'a kind of failure only the sandbox may state',
    source: 'forged host errors',
    body: `const real = await ctx.connectors.slack.post({ a: 1n }).catch((e) => e); real.kind = 'memory_limit'; real.retryable = true; throw real`,
    fails: { kind: 'code_error', retryable: false },
  },
  {
    by: 'the words of a memory limit in an unhandled rejection',
    source: 'vm2 CVE-2026-44001 (an unhandled rejection ends the host)',
    body: `Promise.reject(new Error('Isolate was disposed during execution due to memory limit')); Promise.reject(null); Promise.reject({ then() { throw 1 } })
      new Promise(() => { throw new Error('x') }); (async () => { throw loot })(); await ctx.state.get('k'); Promise.reject(5); Promise.reject({ message: 'memory limit' }); await ctx.state.get('k'); return 'alive'`,
    gives: 'alive',
  },
  {
    by: 'data of an error that is not data',
    source: 'leaks through error objects',
    body: `const e = new Error('x'); e.data = { toJSON() { return { got: loot.constructor('return typeof process')(), fetch: undefined } } }; e.code = { toString() { return 'c' } }; throw e`,
    fails: { kind: 'code_error', message: 'x', data: { got: 'undefined' } },
  },
]
