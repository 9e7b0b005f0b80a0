import type { Escape } from './escape.ts'

/** Stack traces: call sites that hold the host's functions, and hooks that the host runs. */
export const stackTraces: Escape[] = [
  {
    by: 'call sites of the bridge in Error.prepareStackTrace',
    source: 'vm2 CVE-2022-36067 (SandBreak)',
    body: `const seen = []
      Error.prepareStackTrace = (_e, sites) => { for (const s of sites) seen.push(s.getThis(), s.getFunction(), s.getTypeName()); return 'x' }
      await ctx.connectors.slack.post({ get x() { return typeof new Error().stack } })
      try { ctx.connectors.none } catch (e) { e.stack }
      return [seen.length > 0, loot(...seen), seen.filter((s) => typeof s === 'function').length]`,
    gives: [true, [], 0],
  },
  {
    by: 'another Error put in place of the global one',
    source: 'vm2 CVE-2022-36067, GHSA-xj72-wvfv-8985',
    body: `const seen = []; globalThis.Error = { prepareStackTrace: (e, sites) => { seen.push(e, sites); return sites } }
      const thrown = []; try { null.x } catch (e) { thrown.push(e, e.stack) } try { ctx.connectors.none } catch (e) { thrown.push(e, e.stack) }
      await ctx.state.get('k'); return loot(...seen, ...thrown)`,
    gives: [],
  },
  {
    by: 'the call sites of async frames',
    source: 'vm2 CVE-2023-29017',
    body: `const seen = []; Error.prepareStackTrace = (e, sites) => { seen.push(e, sites, ...sites.map((s) => s.getThis?.())); return sites }
      const deep = async () => { await null; throw new Error('deep') }
      try { await deep() } catch (e) { seen.push(e.stack) }
      try { await ctx.connectors.slack.post({ a: 1n }) } catch (e) { seen.push(e.stack) }
      return [seen.length > 3, loot(...seen)]`,
    gives: [true, []],
  },
  {
    by: 'an error whose name cannot be text, so that formatting it throws',
    source: 'vm2 GHSA-55hx-c926-fr95, GHSA-cchq-frgv-rjh5 (error generation primitive)',
    body: `const e = new Error(); e.name = Symbol(); let caught = []
      try { e.stack } catch (x) { caught.push(x) } try { String(e) } catch (x) { caught.push(x) } try { Error.captureStackTrace(e); e.stack } catch (x) { caught.push(x) }
      console.log(e); return [caught.length > 0, loot(e, ...caught)]`,
    gives: [true, []],
  },
  {
    by: 'a prepareStackTrace taken away and given back',
    source: 'vm2 docs/ATTACKS.md: host fallback of prepareStackTrace',
    body: `const found = []
      for (const hook of [undefined, null, 5, {}, async () => 'x', class {}, new Proxy(() => 'y', {})]) { Error.prepareStackTrace = hook; for (const fail of [() => ctx.connectors.none, () => undefinedName]) try { fail() } catch (e) { found.push(e); try { found.push(e.stack) } catch (x) { found.push(x) } } }
      delete Error.prepareStackTrace; Object.freeze(Error); try { ctx.connectors.none } catch (e) { found.push(e.stack) }
      return loot(...found)`,
    gives: [],
  },
  {
    by: 'a prepareStackTrace that throws',
    source: 'vm2 CVE-2023-29199',
    body: `Error.prepareStackTrace = () => { throw new RangeError('from the hook') }
      const caught = []; try { ctx.connectors.none } catch (e) { caught.push(e) } try { await ctx.connectors.slack.post({ a: 1n }) } catch (e) { caught.push(e) }
      await ctx.state.get('k'); return [caught.length, loot(...caught)]`,
    gives: [2, []],
  },
  {
    by: 'a stack trace without end',
    source: 'vm2 CVE-2019-10761 (errors of the stack’s end)',
    body: `Error.stackTraceLimit = 2000; const caught = []; const fall = () => fall() + 1
      try { fall() } catch (e) { caught.push(e, e.stack) }
      Error.stackTraceLimit = { valueOf() { throw 1 } }; try { ctx.connectors.none } catch (e) { caught.push(e) }
      return [caught.length, caught[0].name, loot(...caught)]`,
    gives: [3, 'RangeError', []],
  },
  {
    by: 'the end of the stack inside the bridge',
    source: 'vm2 CVE-2019-10761; CVE-2021-23555',
    body: `const caught = []; let depth = 0, ends = 0
      const fall = () => { depth++; try { fall() } catch (e) { if (ends++ < 20) try { ctx.state.get('k').catch((x) => caught.push(x)); ctx.connectors.none } catch (x) { caught.push(e, x) } if (ends < 20) throw e } }
      try { fall() } catch (e) { caught.push(e) }
      return [depth > 1000 && caught.length > 10, loot(...caught), await ctx.state.get('after')]`,
    gives: [true, [], 'after'],
  },
  {
    by: 'text that looks like frames of the host',
    source: 'leaks through error objects',
    body: `const e = new Error('at x (/etc/passwd:1:1)'); e.stack = 'Error\\n    at Object.<anonymous> (/etc/passwd:1:1)\\n    at sync-orders.js:1:1\\n    at run (node:internal/x:1:1)'; throw e`,
    fails: {
      kind: 'code_error',
      stack: 'Error: at x (/etc/passwd:1:1)\n    at sync-orders.js:1:1',
    },
  },
]
