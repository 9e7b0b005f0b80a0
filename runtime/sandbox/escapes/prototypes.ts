import type { Escape } from './escape.ts'

/** Prototypes and built-ins changed under the feet of the code that runs between the workflow and the host. */
export const prototypes: Escape[] = [
  {
    by: 'properties of descriptors and options on Object.prototype',
    source: 'vm2 CVE-2021-23449 and its prototype pollution class',
    body: `const seen = []; for (const key of ['get', 'set', 'value', 'writable', 'enumerable', 'configurable', 'connectors', 'problem', 'kind', 'json', 'pick', 'stack', 'code', 'toJSON', 'reference', 'copy', 'result'])
        Object.defineProperty(Object.prototype, key, { __proto__: null, configurable: true, get() { seen.push(this); return undefined }, set(v) { seen.push(v) } })
      const answer = await ctx.connectors.slack.raw.post({ a: 1 }); try { ctx.connectors.none } catch (e) { seen.push(e) } console.log({ a: 1 })
      return [answer.status, loot(...seen)]`,
    gives: [200, []],
  },
  {
    by: 'every built-in replaced',
    source: 'vm2 CVE-2022-25893 (WeakMap.prototype.set looked up)',
    body: `const seen = []; const spy = function (a) { seen[seen.length] = this; seen[seen.length] = a; return undefined }
      const keep = { loot, define: Object.defineProperty, names: Object.getOwnPropertyNames }
      for (const host of [WeakMap, Map, Set, WeakSet, String, Array, Promise, Function, Error, Symbol, Number]) for (const name of keep.names(host.prototype)) try { if (name !== 'constructor') keep.define(host.prototype, name, { value: spy, configurable: true, writable: true }) } catch {}
      for (const host of [JSON, Reflect, Object, Math]) for (const name of keep.names(host)) try { keep.define(host, name, { value: spy, configurable: true, writable: true }) } catch {}
      const answer = await ctx.state.get('k'); console.log(answer, { a: 1 }); try { ctx.connectors.none } catch (e) { seen[seen.length] = e }
      return { answer, found: keep.loot(...seen) }`,
    gives: { answer: 'k', found: [] },
  },
  {
    by: 'the globals replaced by classes of its own',
    source: 'vm2 docs/ATTACKS.md: built-in override',
    body: `const mine = loot; const seen = []; class Spy { constructor(...list) { seen.push(...list) } static [Symbol.hasInstance]() { return true } }
      globalThis.Promise = globalThis.Error = globalThis.Array = globalThis.Object = globalThis.String = globalThis.WeakMap = globalThis.Proxy = globalThis.Uint8Array = globalThis.TypeError = Spy
      const answer = await ctx.connectors.slack.raw.post({ a: 1 }); const bytes = await crypto.subtle.digest; try { ctx.connectors.none } catch (e) { seen.push(e) }
      return { status: answer.status, nothing: [undefined], found: mine(...seen) }`,
    gives: { status: 200, nothing: [null], found: [] },
  },
  {
    by: 'getters and setters on the indexes of arrays',
    source: 'vm2 CVE-2026-44008',
    body: `globalThis.hits = []; for (let i = 0; i < 8; i++) Object.defineProperty(Array.prototype, i, { configurable: true, get() { hits[hits.length] = this; return undefined }, set(v) { globalThis.hit = v } })
      const answer = await ctx.connectors.slack.post({ a: [{ b: 1 }] }); console.log({ a: [1] }, [2]); try { ctx.connectors.none } catch {}
      for (let i = 0; i < 8; i++) delete Array.prototype[i]
      return [answer, typeof hit, loot(hits)]`,
    gives: [['slack', 'post', { a: [{ b: 1 }] }], 'undefined', []],
  },
  {
    by: 'the species of arrays that the host sent',
    source: 'vm2 docs/ATTACKS.md 18: array species self-return',
    body: `const sent = await ctx.connectors.slack.post({ list: [{ a: 1 }, { b: 2 }] }); const seen = []
      const trap = function (n) { seen.push(n, this); return sent }; sent.constructor = { [Symbol.species]: trap }; Object.assign(sent[2].list, { constructor: { [Symbol.species]: trap } })
      seen.push(sent.map((x) => x), sent[2].list.filter(Boolean), sent.concat([1]), sent.slice(0)); return loot(...seen)`,
    gives: [],
  },
  {
    by: '__proto__ in JSON that goes out and comes back',
    source: 'prototype pollution through JSON (CVE-2019-10744 class)',
    body: `const sent = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 2}}}')
      const back = (await ctx.connectors.slack.post(sent))[2]
      return [Object.hasOwn(back, '__proto__'), ({}).polluted ?? null, Object.getPrototypeOf(back) === Object.prototype, loot(back)]`,
    gives: [true, null, true, []],
  },
  {
    by: 'keys of state, headers and options that are names of prototypes',
    source: 'SandboxJS CVE-2026-25520 class: host maps without own-property checks',
    body: `const out = []; for (const key of ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'prototype', '__defineGetter__']) out.push(await ctx.state.get(key), typeof ctx.connectors.slack[key], await ctx.connectors.slack[key]?.({}))
      return [out.filter((x) => typeof x === 'function').length, loot(...out)]`,
    gives: [0, []],
  },
  {
    by: 'frozen and sealed built-ins',
    source: 'denial through Object.freeze of intrinsics',
    body: `for (const each of [Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Error.prototype, globalThis, Promise, JSON]) try { Object.freeze(each) } catch {}
      const answer = await ctx.connectors.slack.post({ a: 1 }); const error = await ctx.state.get(1n).catch((e) => e.code); return [answer, error]`,
    gives: [['slack', 'post', { a: 1 }], 'invalid_input'],
  },
  {
    by: 'deleted built-ins',
    source: 'vm2 docs/ATTACKS.md: built-in deletion',
    body: `const names = Object.getOwnPropertyNames(globalThis); const { get } = ctx.state; const { deleteProperty } = Reflect; const scope = globalThis
      for (const name of names) deleteProperty(scope, name)
      return [await get('k'), typeof Promise, typeof JSON]`,
    gives: ['k', 'undefined', 'undefined'],
  },
  {
    by: 'toString and valueOf that change their mind',
    source: 'SandboxJS CVE-2026-25641 (time of check, time of use)',
    body: `let turn = 0; const shifty = { toJSON() { return turn++ === 0 ? { a: 1 } : () => 1 } }; const list = []; Object.defineProperty(list, 'length', { writable: true, value: 3 })
      const answers = [await ctx.connectors.slack.post({ shifty }).catch((e) => e.code), await ctx.state.get({ get a() { return turn++ % 2 ? 1n : 1 } }).catch((e) => e.code ?? e.name)]
      return [answers[0]?.[2] ?? answers[0], loot(...answers)]`,
    gives: [{}, []],
  },
]
