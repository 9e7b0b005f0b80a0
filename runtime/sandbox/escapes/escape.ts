import type { Json } from '../../../core/json.ts'
import type { WorkflowError } from '../sandbox.ts'

/** One way out of a sandbox that worked somewhere, written anew for this one, and what it must come to here. */
export interface Escape {
  /** Ends the sentence “a workflow gets nowhere by …”. */
  by: string
  /** Where it worked: an advisory, or the manual that warns of it. */
  source: string
  /** The body of the workflow's function. `loot(…)` is there: see LOOT. */
  body: string
  /** Contained means: it completes with this output … */
  gives?: Json
  /** … or fails like this. */
  fails?: Partial<WorkflowError>
}

/**
 * `loot(...things)`: everything an attacker tries on what he got hold of. Walks properties, getters, symbols,
 * prototypes and constructors, and lists what is not of the workflow's own realm: a prototype chain that ends
 * elsewhere, a function constructor that sees Node.js, text that tells of the host's files. `[]` is containment.
 */
export const LOOT = String.raw`const loot = (() => {
  const { apply, getPrototypeOf, ownKeys, getOwnPropertyDescriptor } = Reflect
  const root = Object.prototype, has = WeakSet.prototype.has, add = WeakSet.prototype.add, Seen = WeakSet
  const test = RegExp.prototype.test, Text = String
  const host = /node:|node_modules|runtime\/sandbox|isolated-vm\/|\.ts:\d/
  const probe = 'return [typeof process, typeof require, typeof module, typeof Buffer, typeof global, typeof setTimeout].join()'
  const nothing = 'undefined,undefined,undefined,undefined,undefined,undefined'
  const isObject = (x) => (typeof x === 'object' && x !== null) || typeof x === 'function'
  return (...things) => {
    const found = [], seen = new Seen()
    let count = 0, budget = 600
    const note = (text) => { found[count++] = text }
    const use = (F) => {
      if (typeof F !== 'function') return
      let saw
      try { saw = F(probe)() } catch { return }
      try { if (isObject(saw) && typeof saw.next === 'function') saw = saw.next().value } catch {}
      if (typeof saw === 'string' && saw !== nothing && apply(test, /undefined|function|object/, [saw])) note('a function constructor saw ' + saw)
    }
    const look = (x, depth) => {
      if (typeof x === 'string' && apply(test, host, [x])) return note('text of the host: ' + x)
      if (!isObject(x) || budget-- <= 0 || apply(has, seen, [x])) return
      apply(add, seen, [x])
      let last = x
      try {
        for (let up = getPrototypeOf(x); up !== null; up = getPrototypeOf(up)) last = up
        if (last !== root && typeof getOwnPropertyDescriptor(last, 'hasOwnProperty')?.value === 'function') note('an object of another realm')
        use(x.constructor)
        use(x.constructor?.constructor)
        use(x.__proto__?.constructor?.constructor)
      } catch {}
      if (depth <= 0) return
      let keys = []
      try { keys = ownKeys(x) } catch {}
      for (let i = 0; i < keys.length && i < 60; i++) {
        let descriptor
        try { descriptor = getOwnPropertyDescriptor(x, keys[i]) } catch {}
        if (descriptor === undefined) continue
        look(descriptor.value, depth - 1)
        look(descriptor.get, depth - 1)
        look(descriptor.set, depth - 1)
        if (descriptor.get !== undefined) try { look(x[keys[i]], depth - 1) } catch (error) { look(error, depth - 1) }
      }
      try { look(getPrototypeOf(x), depth - 1) } catch {}
    }
    for (let i = 0; i < things.length; i++) look(things[i], 3)
    return found
  }
})()`

/** A workflow that is the attack, or with the input `check` the question whether anything of an attack is left. */
export const attackSource = (body: string): string =>
  `${LOOT}\nexport default async (ctx) => {\nif (ctx.input === 'check') return (${fingerprint})(ctx)\n${body}\n}`

/** The state of everything a workflow finds around it, as text that is the same in every untouched context. */
const fingerprint = String.raw`async (ctx) => {
  const shape = (name, of) => name + ':' + Reflect.ownKeys(of).map((key) => {
    const { value, get, set } = Reflect.getOwnPropertyDescriptor(of, key)
    const kind = (f) => (typeof f === 'function' ? f.name + String(f).length : typeof f)
    return String(key) + '=' + kind(value) + kind(get) + kind(set)
  }).join(';')
  const prototypes = [Object, Function, Array, String, Number, Promise, Error, Map, WeakMap, RegExp, Symbol, Uint8Array, ArrayBuffer]
  return [
    shape('global', globalThis), shape('JSON', JSON), shape('Reflect', Reflect), shape('crypto', crypto), shape('console', console), shape('ctx', ctx),
    ...prototypes.flatMap((each) => [shape(each.name, each), shape(each.name + '.prototype', each.prototype)]),
    await ctx.state.get('k'), JSON.stringify({ a: [1] }), typeof {}.polluted,
  ].join('\n')
}`
export const checkSource = `export default async (ctx) => (${fingerprint})(ctx)`
