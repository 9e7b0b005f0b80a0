import type { Escape } from './escape.ts'

/** What got out of n8n's expressions and its Code node: names that a checker of the syntax did not see. */
export const n8n: Escape[] = [
  {
    by: 'this of a plain function in an expression',
    source: 'n8n CVE-2025-68613',
    body: `const found = (0, eval)('(function () { return this })()'); return [typeof found.process, typeof found.require, loot(found)]`,
    gives: ['undefined', 'undefined', []],
  },
  {
    by: 'constructor as a bare name inside with',
    source: 'n8n CVE-2026-1470',
    body: `const made = Function('with (function () {}) { return constructor("return [this, typeof process, typeof require]")() }')()
      const deeper = Function('ctx', 'with (ctx.connectors) with (ctx.state.get) return constructor("return typeof process")()')(ctx)
      return [made.slice(1), made[0] === globalThis, deeper]`,
    gives: [['undefined', 'undefined'], true, 'undefined'],
  },
  {
    by: 'destructuring the constructor',
    source: 'n8n CVE-2026-25049',
    body: `const { constructor } = () => {}; const { constructor: { constructor: outer } } = ctx; const { ['constr' + 'uctor']: named } = fetch
      const { __proto__: { constructor: { constructor: deep } } } = ctx.input ?? {}
      return [constructor, outer, named.constructor, deep].map((F) => F('return typeof process + typeof require')())`,
    gives: Array(4).fill('undefinedundefined'),
  },
  {
    by: 'template literals as names',
    source: 'n8n CVE-2026-25049',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the workflow's own template literal
    body: 'const ending = "uctor"; return [`x`[`constructor`][`constr${ending}`](`return typeof process`)(), (() => {})[`constructor`]`return typeof require```]',
    gives: ['undefined', 'undefined'],
  },
  {
    by: 'the constructor of an arrow function, optionally chained and spread',
    source: 'n8n expression sandbox, bypasses of its AST checks',
    body: `return [(() => {})?.constructor?.('return typeof process')?.(), (async () => {})['constructor'] !== Function, [...[(_ => _).constructor]][0]('return typeof require')()]`,
    gives: ['undefined', true, 'undefined'],
  },
  {
    by: 'Reflect and Object.getPrototypeOf in place of dots',
    source: 'n8n expression sandbox; SandboxJS CVE-2026-25142',
    body: `const F = Reflect.get(Object.getPrototypeOf(Object.getPrototypeOf(ctx.log.info)), 'constructor')
      const G = Reflect.getOwnPropertyDescriptor(Object.getPrototypeOf(fetch), 'constructor').value
      const H = Reflect.apply(Reflect.get, null, [console.log, 'constructor'])
      return loot(F, G, H, Reflect.construct(G, ['return this'])())`,
    gives: [],
  },
  {
    by: 'Error.captureStackTrace with a prepareStackTrace of its own',
    source: 'n8n Code node; vm2 CVE-2022-36067',
    body: `const seen = []; Error.prepareStackTrace = (error, sites) => { seen.push(error, ...sites); for (const site of sites) seen.push(site.getThis(), site.getFunction(), site.getEvalOrigin(), site.getFileName()); return '' }
      const holder = {}; Error.captureStackTrace(holder); holder.stack; await ctx.connectors.slack.post({ get a() { const o = {}; Error.captureStackTrace(o); return typeof o.stack } })
      Error.prepareStackTrace = undefined
      return [seen.length > 10, loot(...seen).filter((each) => !each.startsWith('text of the host'))]`,
    gives: [true, []],
  },
  {
    by: 'a name of Node that a rewriter of globals misses',
    source: 'n8n CVE-2026-27577',
    body: `const names = ['process', 'require', 'module', 'exports', 'global', 'Buffer', '__dirname', 'setTimeout', 'setImmediate', 'MessageChannel', 'navigator', 'performance', 'Worker', 'WebSocket']
      const found = names.filter((name) => { try { return (0, eval)('typeof ' + name) !== 'undefined' } catch { return true } })
      const { process = null, require: load = null } = globalThis
      return [found, process, load, ({ process }).process, [(({ process: p }) => p)(globalThis) ?? null]]`,
    gives: [[], null, null, null, [null]],
  },
  {
    by: 'the global object under its other names',
    source: 'n8n CVE-2026-27495 (task runner)',
    body: `const names = ['self', 'window', 'global', 'top', 'frames', 'parent', 'document']
      return [names.filter((name) => (0, eval)('typeof ' + name) !== 'undefined'), loot(globalThis, (0, eval)('this'), Object.getPrototypeOf(globalThis))]`,
    gives: [[], []],
  },
]
