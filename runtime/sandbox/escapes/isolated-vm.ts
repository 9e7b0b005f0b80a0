import type { Escape } from './escape.ts'

/** What goes wrong where isolated-vm is used wrongly: its own objects inside the isolate. */
const crawl = `const kinds = new Set(); const seen = new WeakSet(); const queue = [globalThis, ctx, ctx.connectors.slack, ctx.connectors.slack.post, ctx.connectors.slack.raw, await ctx.connectors.slack.raw.post({}), await ctx.state.get(1n).catch((e) => e), console, fastn, crypto, crypto.subtle]
  let walked = 0
  while (queue.length > 0 && walked < 4000) { const x = queue.pop(); if (x === null || (typeof x !== 'object' && typeof x !== 'function') || seen.has(x)) continue
    seen.add(x); walked++; kinds.add(Object.prototype.toString.call(x)); kinds.add('name ' + (() => { try { return x.constructor?.name } catch { return '' } })())
    let keys = []; try { keys = Reflect.ownKeys(x) } catch {}
    for (const key of keys) { const d = Reflect.getOwnPropertyDescriptor(x, key); if (d) queue.push(d.value, d.get, d.set) }
    try { queue.push(Object.getPrototypeOf(x)) } catch {} }`

export const isolatedVm: Escape[] = [
  {
    by: 'a Reference, Callback, ExternalCopy or Isolate left within reach',
    source: 'isolated-vm README “Security”; CVE-2021-21413',
    body: `${crawl}
      return [walked > 500, [...kinds].filter((kind) => /Reference\\b|ExternalCopy|Isolate|Callback|Context|Script\\b|Inspector|NativeModule|Session/.test(kind))]`,
    gives: [true, []],
  },
  {
    by: 'methods of a Reference on what the bridge hands in',
    source: 'isolated-vm CVE-2021-21413 (references with inheritance)',
    body: `const things = [ctx, ctx.state, ctx.state.get, ctx.connectors.slack.post, ctx.log.info, fetch, console.log, crypto.subtle.sign, await ctx.connectors.slack.raw.post({})]
      const methods = ['applySync', 'applySyncPromise', 'applyIgnored', 'getSync', 'setSync', 'deref', 'derefInto', 'copySync', 'copyInto', 'deleteIgnored', 'release', 'dispose', 'transferIn']
      return [things.flatMap((x) => methods.filter((name) => name in Object(x))), loot(...things)]`,
    gives: [[], []],
  },
  {
    by: 'the module itself, or compiled code of its own',
    source: 'isolated-vm CVE-2022-39266 (cachedData); README: never hand in ivm',
    body: `return ['ivm', '_ivm', 'isolated_vm', 'isolate', 'cachedData', 'createSnapshot', 'compileScript'].filter((n) => n in globalThis || (0, eval)('typeof ' + n) !== 'undefined')`,
    gives: [],
  },
  {
    by: 'a synchronous call into the host',
    source: 'isolated-vm: applySyncPromise deadlocks and re-entry',
    body: `const kinds = [ctx.state.get('k'), ctx.secrets.get('K'), ctx.connectors.slack.post({}), fetch('http://a.test/').catch(() => 0), ctx.workflows.run('x', {}), crypto.subtle.digest('SHA-256', new Uint8Array(1)).catch(() => 0)]
      return [kinds.every((each) => each instanceof Promise), loot(...kinds)]`,
    gives: [true, []],
  },
  {
    by: 'messages of the protocol that it writes itself',
    source: 'forged messages between isolate and host',
    body: `const out = []; for (const name of ['done', 'fail', 'log', 'call', 'ready', 'doomed', 'exit']) out.push(await ctx.connectors.slack[name]({ type: name, run: 1, id: 1 }).then((a) => a[1], (e) => e.code))
      return out`,
    gives: ['done', 'fail', 'log', 'call', 'ready', 'doomed', 'exit'],
  },
  {
    by: 'calls of the bridge under names it may not use',
    source: 'confused deputies of a bridge',
    body: `const out = []; for (const f of [() => ctx.connectors.slack['../x']({}), () => ctx.connectors['slack/../hubspot'].post({}), () => ctx.connectors['hubspot'].post({}), () => ctx.connectors.slack.post.constructor('x')]) try { out.push((await f())[0] ?? 'made') } catch (e) { out.push(e.name) }
      return out`,
    gives: ['slack', 'ForbiddenError', 'ForbiddenError', 'made'],
  },
]
