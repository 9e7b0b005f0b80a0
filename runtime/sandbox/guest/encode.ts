import type { Primordials } from './primordials.ts'

/** Why a value cannot become JSON, and where in it: `output.items[3].total`. */
export interface EncodeProblem {
  path: string
  message: string
}

/**
 * Runs inside the isolate. Builds `encode(value, root, maxLength)`: the value as JSON text, or the first place where
 * JSON would lose or refuse something (functions, symbols, BigInt, Map, cycles, …). `undefined` properties
 * are left out and Date becomes ISO text, as JSON does.
 */
export function buildEncoder(p: Primordials) {
  /** Deeper nesting breaks the readers further on (databases, JSON Schema validators) and is a bug anyway. */
  const MAX_DEPTH = 200

  const refused: Record<string, string> = {
    __proto__: null as never,
    '[object Map]': 'is a Map; return Object.fromEntries(map) instead',
    '[object Set]': 'is a Set; return [...set] instead',
    '[object WeakMap]': 'is a WeakMap, which JSON cannot hold',
    '[object WeakSet]': 'is a WeakSet, which JSON cannot hold',
    '[object Promise]': 'is a Promise; await it first',
    '[object RegExp]': 'is a RegExp; return its source as text instead',
    '[object Error]': 'is an Error; return its message instead',
    '[object ArrayBuffer]': 'is binary data; return base64 text instead',
    '[object Generator]': 'is a generator; collect its values into an array first',
    '[object AsyncGenerator]': 'is an async generator; collect its values into an array first',
  }

  function problemWith(
    value: unknown,
    depth: number,
    parents: unknown[],
    maxLength: number,
  ): EncodeProblem | undefined {
    const type = typeof value
    if (
      value === null ||
      type === 'string' ||
      type === 'number' ||
      type === 'boolean' ||
      type === 'undefined'
    ) {
      return undefined
    }
    if (type === 'function') return { path: '', message: 'is a function, which JSON cannot hold' }
    if (type === 'symbol') return { path: '', message: 'is a symbol, which JSON cannot hold' }
    if (type === 'bigint') {
      return { path: '', message: 'is a BigInt; return String(value) or Number(value) instead' }
    }
    if (depth > MAX_DEPTH) return { path: '', message: `is nested more than ${MAX_DEPTH} levels deep` }
    for (let i = 0; i < depth; i++) {
      if (parents[i] === value)
        return { path: '', message: 'refers back to an object that contains it (a cycle)' }
    }
    const object = value as Record<string, unknown>
    const isArray = p.isArray(object)
    if (!isArray) {
      const prototype = p.getPrototypeOf(object)
      if (prototype !== p.ObjectPrototype && prototype !== null) {
        const message = refused[p.tagOf(object)]
        if (message !== undefined) return { path: '', message }
        if (p.isView(object)) return { path: '', message: 'is binary data; return base64 text instead' }
      }
    }
    const toJson = object.toJSON
    if (typeof toJson === 'function') {
      const replaced = p.apply(toJson as () => unknown, object, [''])
      return replaced === value ? undefined : problemWith(replaced, depth, parents, maxLength)
    }
    p.defineProperty(parents, depth, {
      __proto__: null,
      value: object,
      writable: true,
      configurable: true,
    } as never)
    if (isArray) {
      const length = (object as unknown as unknown[]).length
      // Each element takes at least two characters; a sparse array of a billion is not worth walking.
      if (length > maxLength) return { path: '', message: `is too large: ${length} elements` }
      for (let i = 0; i < length; i++) {
        const problem = problemWith((object as unknown as unknown[])[i], depth + 1, parents, maxLength)
        if (problem !== undefined) return { path: `[${i}]${problem.path}`, message: problem.message }
      }
      return undefined
    }
    const keys = p.keys(object)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      const problem = problemWith(object[key], depth + 1, parents, maxLength)
      if (problem !== undefined) return { path: `.${key}${problem.path}`, message: problem.message }
    }
    return undefined
  }

  return function encode(
    value: unknown,
    root: string,
    maxLength: number,
  ): { problem: undefined; json: string } | { problem: EncodeProblem } {
    try {
      const problem = problemWith(value, 0, [], maxLength)
      if (problem !== undefined) {
        return { problem: { path: p.slice(root + problem.path, 0, 300), message: problem.message } }
      }
      const json = p.stringify(value)
      return { problem: undefined, json: json === undefined ? 'null' : json }
    } catch (error) {
      let message = 'could not be turned into JSON'
      try {
        message = `could not be turned into JSON: ${p.slice(p.String((error as Error).message), 0, 500)}`
      } catch {
        // The error itself cannot be read; the general message stands.
      }
      return { problem: { path: root, message } }
    }
  }
}

export type Encode = ReturnType<typeof buildEncoder>
