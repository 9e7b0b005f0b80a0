import type { Escape } from './escape.ts'

/** What one execution tries to leave behind for the next one of the same isolate, or for another customer. */
export const leftovers: Escape[] = [
  {
    by: 'globals and prototypes it leaves changed',
    source: 'warm isolates: state between executions',
    body: `globalThis.left = 1; globalThis.fetch = () => 'mine'; Object.prototype.polluted = 1; Array.prototype.map = () => 'mapped'; Promise.prototype.then = function () { return this }; JSON.stringify = () => '"forged"'; String.prototype.slice = () => 'cut'; delete globalThis.URL; console.log = null; return null`,
    gives: null,
  },
  {
    by: 'the symbol registry',
    source: 'state an isolate shares between contexts',
    body: `const key = Symbol.for('left'); key.constructor.prototype.left = 1; Symbol.prototype[key] = () => 'left'; return typeof Symbol().left`,
    gives: 'number',
  },
  {
    by: 'template objects, which are made once per place in the code',
    source: 'state an isolate shares between contexts',
    body: 'const tag = (strings) => strings; const once = tag`a`; const before = Object.isFrozen(once) && once.raw.left === undefined; try { once.left = 1 } catch {} return before',
    gives: true,
  },
  {
    by: 'RegExp.$1 and the last match',
    source: 'legacy static properties of RegExp',
    body: `const before = [RegExp.$1, RegExp.lastMatch, RegExp.input]; /(secret)/.exec('a secret here'); return before`,
    gives: ['', '', ''],
  },
  {
    by: 'the stack trace limit and hooks of Error',
    source: 'warm isolates: state between executions',
    body: `const before = [Error.stackTraceLimit, typeof Error.prepareStackTrace]; Error.stackTraceLimit = 0; Error.prepareStackTrace = () => 'hooked'; return before`,
    gives: [25, 'undefined'],
  },
  {
    by: 'promises and loops that outlive the return',
    source: 'work that outlives its execution',
    body: `const again = () => Promise.resolve().then(() => { Object.prototype.polluted = 1 }); for (let i = 0; i < 100; i++) again(); ctx.state.get('k').then(again); return 'gone'`,
    gives: 'gone',
  },
  {
    by: 'randomness of an earlier execution',
    source: 'snapshots with seeded generators',
    body: `return [crypto.randomUUID() !== crypto.randomUUID(), Math.random() !== Math.random(), new Set(crypto.getRandomValues(new Uint8Array(256))).size > 80]`,
    gives: [true, true, true],
  },
  {
    by: 'lazily loaded globals, replaced while they load',
    source: 'lazy loading inside the sandbox',
    body: `const seen = []; Object.defineProperty(Object.prototype, 'exports', { configurable: true, set(v) { seen.push(v) }, get() { seen.push(this); return undefined } }); Function.prototype.call = function () { seen.push(this); return undefined }
      try { seen.push(URL, new URL('http://a/')) } catch (e) { seen.push(e) } delete Object.prototype.exports; return loot(...seen)`,
    gives: [],
  },
]
