import type { Escape } from './escape.ts'

/** What the bridge hands in and takes out: answers, errors, arguments, and what they could carry along. */
export const bridge: Escape[] = [
  {
    by: 'prototype tricks on everything the bridge sends in',
    source: 'vm2 CVE-2026-44000 (identity of host objects)',
    body: `const answers = [await ctx.connectors.slack.raw.post({ deep: { list: [{}] } }), await ctx.connectors.slack.post({}), await ctx.state.get('k'), ctx.input, ctx.headers, ctx.execution, ctx.workflow, ctx.customer, ctx.trigger]
      const seen = []
      for (const x of answers) if (x && typeof x === 'object') { try { Object.setPrototypeOf(x, new Proxy({}, { get: (t, k, r) => { seen[0] = r } })); x.missing } catch (e) { seen.push(e) } try { Object.defineProperty(x, 'extra', { get() { return this } }); seen.push(x.extra) } catch (e) { seen.push(e) } }
      return loot(...answers, ...seen)`,
    gives: [],
  },
  {
    by: 'functions of ctx called with another this, as constructors and with new.target',
    source: 'vm2 docs/ATTACKS.md: receivers and constructors',
    body: `const seen = []; for (const f of [ctx.state.get, ctx.log.info, ctx.connectors.slack.post, fetch, ctx.secrets.get, ctx.workflows.run, crypto.randomUUID, crypto.subtle.digest, console.log])
        for (const use of [() => f.call(null), () => f.call(globalThis, 'k'), () => Reflect.apply(f, ctx, ['k']), () => new f('k'), () => Reflect.construct(Object, ['k'], f), () => f.bind(f)('k')]) try { seen.push(await use()) } catch (e) { seen.push(e) }
      return [seen.length > 40, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'what an error of the bridge carries',
    source: 'leaks through error objects',
    body: `const seen = []; for (const f of [() => ctx.secrets.get({}), () => ctx.connectors.slack.post(() => 1), () => ctx.workflows.run(Symbol()), () => ctx.files.read({ file: 1n }), () => ctx.connectors.hubspot, () => fetch('x', { body: {} }), () => ctx.fetch(Symbol())]) try { await f() } catch (e) { seen.push(e, e.stack, e.message, ...Object.values(e)) }
      return [seen.length > 14, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'the failure of the host itself',
    source: 'leaks through error objects: messages of internal errors',
    body: `const e = await ctx.state.get('host-fails').catch((x) => x); return [e.code, JSON.stringify([e, e.message, e.stack]).includes('hunter2'), loot(e)]`,
    gives: ['internal', false, []],
  },
  {
    by: 'getters in what it sends',
    source: 'leaks through getters',
    body: `const seen = []; const answer = await ctx.connectors.slack.post({ get a() { seen.push(this); return this.constructor.constructor('return typeof process')() }, get b() { seen.push(new Error('x').stack); return 1 } })
      return [answer[2], loot(...seen)]`,
    gives: [{ a: 'undefined', b: 1 }, []],
  },
  {
    by: 'code that runs while the bridge reads its arguments',
    source: 're-entry through toJSON and getters',
    body: `const inner = []; const answer = await ctx.connectors.slack.post({ toJSON() { inner.push(ctx.state.get('inner')); console.log('in'); try { ctx.connectors.none } catch (e) { inner.push(e.code) } return { ok: 1 } } })
      return [answer, await inner[0], inner[1]]`,
    gives: [['slack', 'post', { ok: 1 }], 'inner', 'forbidden'],
  },
  {
    by: 'handlers of promises that run during the answer',
    source: 're-entry through promise jobs',
    body: `const order = []; const p = ctx.state.get('a').then((v) => { order.push(v); return ctx.state.get('b') }).then((v) => { order.push(v); throw ctx.connectors })
      const last = await p.catch((x) => x); return [order, last === ctx.connectors, loot(last)]`,
    gives: [['a', 'b'], true, []],
  },
  {
    by: 'a return while calls are still out',
    source: 'answers that arrive after the end, at the next execution',
    body: `for (let i = 0; i < 20; i++) ctx.state.get('late' + i).then((v) => { globalThis.late = v; Object.prototype.polluted = v }); return 'returned'`,
    gives: 'returned',
  },
  {
    by: 'the page iterators of a list',
    source: 'vm2 CVE-2026-45411 (async generators of the host)',
    body: `const pages = ctx.connectors.slack.list.pages({}); const items = ctx.connectors.slack.list.items({})
      const seen = [pages, Object.getPrototypeOf(pages), pages.constructor, items[Symbol.asyncIterator](), await pages.return(1), await items.throw(new Error('mine')).catch((e) => e)]
      return loot(...seen)`,
    gives: [],
  },
  {
    by: 'the web classes, subclassed and picked apart',
    source: 'vm2: host classes handed in (Buffer, URL)',
    body: `class Mine extends URL { get href() { return super.href } } class Mine2 extends TextDecoder {} const made = [new Mine('http://a/'), new Mine2(), new URLSearchParams('a=1'), structuredClone({ a: [new Date(0), new Map([[1, {}]]), new Error('x')] }), new TextEncoder().encode('x')]
      return loot(...made, URL, URLSearchParams, TextEncoder, TextDecoder, structuredClone, atob, btoa)`,
    gives: [],
  },
]
