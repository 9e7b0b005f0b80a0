import type { Json } from '../../../core/json.ts'
import type { SandboxJob, WorkflowError } from '../sandbox.ts'

/** Code that would keep a processor busy, or fill the memory, until something gives. */
export interface Bomb {
  /** Ends the sentence “… is contained”. */
  what: string
  body: string
  /** What it may end as: a limit, an error of the workflow's own, or this output. */
  ends: (WorkflowError['kind'] | { gives: Json })[]
  limits?: Partial<SandboxJob['limits']>
}

const CPU: Bomb['ends'] = ['cpu_limit']
const EITHER: Bomb['ends'] = ['cpu_limit', 'memory_limit']

/** Those the engine itself refuses: they cost next to nothing. */
export const refusedBombs: Bomb[] = [
  { what: 'a tower of BigInts', body: 'return String(2n ** (2n ** 40n)).length', ends: ['code_error'] },
  { what: 'a string longer than any', body: `let s = 'x'; while (true) s += s`, ends: ['code_error'] },
  { what: 'padding without end', body: `return 'x'.padEnd(2 ** 40).length`, ends: ['code_error'] },
  { what: 'an array longer than any', body: 'return new Array(2 ** 32).length', ends: ['code_error'] },
  {
    what: 'a typed array of eight gigabytes',
    body: 'return new Uint8Array(2 ** 33).length',
    ends: ['memory_limit'],
  },
  {
    what: 'an array buffer that grows past the limit',
    body: 'const b = new ArrayBuffer(1, { maxByteLength: 2 ** 31 }); b.resize(2 ** 31 - 1); return new Uint8Array(b).fill(1).length',
    ends: ['code_error'],
  },
  {
    what: 'an array of four thousand million holes, as output',
    body: 'const a = []; a.length = 2 ** 32 - 1; return a',
    ends: ['output_invalid'],
  },
  {
    what: 'an output nested without end by its getters',
    body: 'const next = () => ({ get a() { return next() } }); return next()',
    ends: ['output_invalid'],
  },
  {
    what: 'an output nested without end by its toJSON',
    body: 'const o = { toJSON: () => ({ o }) }; return o',
    ends: ['output_invalid'],
  },
  {
    what: 'a toJSON on every object',
    body: 'Object.prototype.toJSON = function () { return { x: this } }; return { a: 1 }',
    ends: ['output_invalid'],
  },
  {
    what: 'a proxy that says it has a thousand million elements',
    body: `return new Proxy([], { get: (t, k) => (k === 'length' ? 1e9 : k === 'toJSON' ? undefined : 1) })`,
    ends: ['output_invalid'],
  },
  {
    what: 'JSON nested a thousand deep as arguments',
    body: `return (await ctx.connectors.slack.post(JSON.parse('['.repeat(1000) + ']'.repeat(1000))).catch((e) => e.code))`,
    ends: [{ gives: 'invalid_input' }],
  },
  {
    what: 'structuredClone of something nested without end',
    body: 'let a = {}; for (let i = 0; i < 5e4; i++) a = { a }; try { structuredClone(a) } catch (e) { return e.name }',
    ends: [{ gives: 'RangeError' }],
  },
  {
    what: 'brackets nested by the hundred thousand in evaluated code',
    body: `try { Function('return ' + '('.repeat(1e5) + '1' + ')'.repeat(1e5)) } catch (e) { return e.name }`,
    ends: [{ gives: 'RangeError' }, { gives: 'EvalError' }, { gives: 'SyntaxError' }],
  },
  {
    what: 'a pattern nested by the ten thousand',
    body: `try { new RegExp('('.repeat(5e4) + ')'.repeat(5e4)) } catch (e) { return e.name }`,
    ends: [{ gives: 'SyntaxError' }],
  },
  {
    what: 'an error whose causes go in a circle',
    body: `const e = new Error('x'); e.cause = e; throw e`,
    ends: ['code_error'],
  },
  {
    what: 'a stack trace that is slow to read',
    body: `const e = new Error('x'); e.stack = ('    at ' + 'a (async '.repeat(50) + 'sync-orders.js:1:1)\\n').repeat(20) + '    at a (' + 'b '.repeat(2 ** 18) + ':1:1)'; throw e`,
    ends: ['code_error'],
  },
  {
    what: 'waiting on shared memory',
    body: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    ends: ['code_error'],
  },
]

/** Those a limit must end. */
export const bombs: Bomb[] = [
  { what: 'an empty loop', body: 'for (;;);', ends: CPU },
  { what: 'a loop of microtasks', body: 'for (;;) await null', ends: CPU },
  {
    what: 'microtasks that make microtasks',
    body: 'const f = () => { Promise.resolve().then(f) }; f(); f(); await new Promise(() => {})',
    ends: EITHER,
  },
  { what: 'a flood of promises', body: 'for (;;) Promise.resolve().then(() => 1)', ends: EITHER },
  {
    what: 'promises that wait for ever',
    body: 'const a = []; for (;;) a.push((async () => { await new Promise(() => {}) })())',
    ends: EITHER,
  },
  { what: 'a thenable that resolves to itself', body: 'return { then(r) { r(this) } }', ends: CPU },
  {
    what: 'thenables that resolve to thenables',
    body: 'const t = () => ({ then(r) { r(t()) } }); return t()',
    ends: CPU,
  },
  {
    what: 'a generator spread without end',
    body: 'return [...(function* () { for (;;) yield 1 })()]',
    ends: EITHER,
  },
  {
    what: 'an async generator without end',
    body: 'for await (const x of (async function* () { for (;;) yield 1 })());',
    ends: CPU,
  },
  {
    what: 'a pattern that backtracks (nested quantifiers)',
    body: `return /^(a+)+$/.test('a'.repeat(60) + 'b')`,
    ends: CPU,
  },
  {
    what: 'a pattern that backtracks (counted repetition)',
    body: `return /^(?:.*a){20}$/.test('a'.repeat(80) + 'b')`,
    ends: CPU,
  },
  {
    what: 'a pattern that backtracks (look-behind)',
    body: `return /(?<=(a+)+)b/.test('a'.repeat(5000) + 'c') || 'a'.repeat(1e5).match(/(a*)*b/)`,
    ends: CPU,
  },
  {
    what: 'a pattern that backtracks, in a replacement',
    body: `return 'x'.repeat(1e5).replace(/(x+x+)+y/g, '')`,
    ends: CPU,
  },
  { what: 'a BigInt that squares itself', body: 'let a = 3n; for (;;) a = a * a', ends: CPU },
  { what: 'a BigInt written out', body: 'return String(7n ** 3000000n).length', ends: CPU },
  { what: 'a comparator that never answers', body: 'return [3, 1, 2].sort(() => { for (;;); })', ends: CPU },
  {
    what: 'sorting an array of holes',
    body: 'const a = []; a[4294967294] = 1; return a.sort().length',
    ends: EITHER,
  },
  { what: 'searching an array of holes', body: 'return new Array(2 ** 32 - 1).indexOf(5)', ends: CPU },
  { what: 'an array from a length', body: 'return Array.from({ length: 2 ** 31 }).length', ends: EITHER },
  {
    what: 'an output of shared parts, a million million large',
    body: 'let x = [1]; for (let i = 0; i < 40; i++) x = [x, x]; return x',
    ends: CPU,
  },
  { what: 'a toJSON that never answers', body: 'return { toJSON() { for (;;); } }', ends: CPU },
  {
    what: 'keys of a proxy without end',
    body: `return new Proxy({}, { ownKeys: () => { for (;;); } })`,
    ends: CPU,
  },
  {
    what: 'data of an error that never ends',
    body: `throw Object.assign(new Error('x'), { data: { toJSON() { for (;;); } } })`,
    ends: CPU,
  },
  { what: 'a message that never ends', body: 'throw { get message() { for (;;); } }', ends: CPU },
  {
    what: 'functions compiled without end',
    body: `const a = []; for (let i = 0; ; i++) a.push(Function('return ' + i))`,
    ends: EITHER,
  },
  {
    what: 'symbols registered without end',
    body: `for (let i = 0; ; i++) Symbol.for('k' + i)`,
    ends: EITHER,
  },
  { what: 'a flood of logs', body: `for (;;) console.log('x'.repeat(1e5))`, ends: EITHER },
  {
    what: 'a flood of calls',
    body: `for (;;) ctx.state.get('x'.repeat(1e6)).catch(() => 0)`,
    ends: EITHER,
  },
  {
    what: 'a URL of a million parts',
    body: `return new URL('http://a/' + '../'.repeat(1e6)).href`,
    ends: EITHER,
  },
  {
    what: 'objects without end',
    body: 'const a = []; for (;;) a.push({ x: 1, y: [1, 2, 3] })',
    ends: EITHER,
  },
  { what: 'closures of closures', body: 'let f = () => {}; for (;;) f = f.bind(null)', ends: EITHER },
  {
    what: 'a map without end',
    body: 'const m = new Map(); for (let i = 0; ; i++) m.set(i, {})',
    ends: EITHER,
  },
  { what: 'a set without end', body: 'const s = new Set(); for (let i = 0; ; i++) s.add(i)', ends: EITHER },
  {
    what: 'typed arrays without end',
    body: 'const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1))',
    ends: EITHER,
  },
  {
    what: 'tiny array buffers without end',
    body: 'const a = []; for (;;) a.push(new ArrayBuffer(0))',
    ends: EITHER,
  },
  {
    what: 'errors kept with their traces',
    body: 'const a = []; for (;;) try { null.x } catch (e) { a.push(e) }',
    ends: EITHER,
  },
  {
    what: 'properties on a built-in',
    body: `for (let i = 0; ; i++) Array.prototype['k' + i] = i`,
    ends: EITHER,
  },
  { what: 'a long string taken to pieces', body: `return [...'x'.repeat(2 ** 27)].length`, ends: EITHER },
  {
    what: 'long strings made flat',
    body: `const s = 'x'.repeat(2 ** 27); for (let i = 0; ; i++) /y/.test(s + i)`,
    ends: EITHER,
  },
  {
    what: 'JSON text of half a gigabyte',
    body: `return JSON.stringify('\\u0001'.repeat(2 ** 26)).length`,
    ends: EITHER,
  },
  {
    what: 'JSON read five million deep',
    body: `return JSON.parse('['.repeat(5e6) + ']'.repeat(5e6)).length`,
    ends: [...EITHER, 'code_error'],
  },
  {
    what: 'formatters of Intl without end, which no heap counts',
    body: `const a = []; for (;;) a.push(new Intl.DateTimeFormat('en'))`,
    ends: ['memory_limit'],
    limits: { cpuMs: 20_000, timeoutMs: 30_000 },
  },
  {
    what: 'text normalized beside the heap',
    body: `const s = '\\u0390'.repeat(2 ** 28); return s.normalize('NFD').length`,
    ends: ['memory_limit'],
    limits: { cpuMs: 20_000, timeoutMs: 30_000 },
  },
  {
    what: 'an array the engine cannot make, for which it ends its process',
    body: `return 'x'.repeat(5e8).split('').length`,
    ends: ['sandbox_crashed', 'memory_limit'],
    limits: { cpuMs: 20_000, timeoutMs: 20_000 },
  },
]
