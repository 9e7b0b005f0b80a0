import type { Primordials } from './primordials.ts'

/** Runs inside the isolate when a workflow first asks for it: `Headers` of the Fetch standard. */
export function installHeaders(p: Primordials) {
  const valuesOf = new p.WeakMap() as WeakMap<object, Map<string, string[]>>
  const own = (headers: object) => {
    const found = p.weakGet(valuesOf, headers) as Map<string, string[]> | undefined
    if (found === undefined) throw new p.TypeError('Illegal invocation')
    return found
  }
  const nameOf = (name: unknown) => {
    const text = p.String(name)
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text))
      throw new p.TypeError(`'${text}' is no name of a header.`)
    return p.toLowerCase(text)
  }
  const textOf = (value: unknown) => {
    const text = p.String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')
    if (/[\0\n\r]|[^\0-\xff]/.test(text)) throw new p.TypeError('A header cannot hold this value.')
    return text
  }

  class Headers {
    constructor(init?: unknown) {
      p.weakSet(valuesOf, this, new Map())
      if (init === undefined) return
      if ((typeof init !== 'object' && typeof init !== 'function') || init === null)
        throw new p.TypeError('Headers takes an object, or pairs of a name and a value.')
      if (Symbol.iterator in init) {
        for (const pair of init as Iterable<unknown[]>) {
          const [name, value, ...more] = pair
          if (value === undefined || more.length > 0)
            throw new p.TypeError('Each header is a pair of a name and a value.')
          this.append(name, value)
        }
        return
      }
      const names = p.keys(init)
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string
        this.append(name, (init as Record<string, unknown>)[name])
      }
    }
    append(name: unknown, value: unknown) {
      const key = nameOf(name)
      const values = own(this)
      values.set(key, [...(values.get(key) ?? []), textOf(value)])
    }
    delete(name: unknown) {
      own(this).delete(nameOf(name))
    }
    get(name: unknown) {
      return own(this).get(nameOf(name))?.join(', ') ?? null
    }
    getSetCookie() {
      return [...(own(this).get('set-cookie') ?? [])]
    }
    has(name: unknown) {
      return own(this).has(nameOf(name))
    }
    set(name: unknown, value: unknown) {
      own(this).set(nameOf(name), [textOf(value)])
    }
    *entries(): Generator<[string, string]> {
      for (const key of [...own(this).keys()].sort()) {
        const values = own(this).get(key) ?? []
        if (key === 'set-cookie') for (const value of values) yield [key, value]
        else yield [key, values.join(', ')]
      }
    }
    *keys() {
      for (const [key] of this.entries()) yield key
    }
    *values() {
      for (const [, value] of this.entries()) yield value
    }
    forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown) {
      for (const [name, value] of this.entries()) callback.call(self, value, name, this)
    }
    [Symbol.iterator]() {
      return this.entries()
    }
    get [Symbol.toStringTag]() {
      return 'Headers'
    }
  }
  p.defineProperty(globalThis, 'Headers', {
    __proto__: null,
    value: Headers,
    writable: true,
    configurable: true,
    enumerable: false,
  } as never)
}
