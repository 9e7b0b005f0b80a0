import type { Primordials } from './primordials.ts'

/** Which step (ctx.step) the code that runs is part of. */
export interface Follow {
  stepNow(): string | undefined
  /** What runs from here on is part of this step. @returns the value */
  goOnIn(step: string | undefined, value?: unknown): unknown
  /** A callback that goes on in the step it was given in. */
  bind(callback: unknown): unknown
}

/**
 * Runs inside the isolate while the snapshot is made. What code waits for with `await` is followed by rewriting it, see
 * follow-steps.ts; the rest here: callbacks of promises, however `then` is called (`catch` and `Promise.all` call it too;
 * `await` does not), and generators, whose body goes on within whoever asks for their next value.
 */
export function buildFollow(p: Primordials): Follow {
  /** What the engine passes to `then` itself is of no step, and traces of who waits for whom end at any other function. */
  const INNER = 'function () { [native code] }'
  let step: string | undefined

  function bind(callback: unknown): unknown {
    if (typeof callback !== 'function') return callback
    // Bound functions have the same text, and a name.
    if (p.functionText(callback) === INNER && callback.name === '') return callback
    const given = step
    return function (this: unknown, ...values: unknown[]) {
      const before = step
      step = given
      try {
        return p.apply(callback as () => unknown, this, values)
      } finally {
        step = before
      }
    }
  }

  function replace<T extends object>(prototype: T, name: keyof T & string, method: object) {
    const value = (method as T)[name]
    p.defineProperty(prototype, name, {
      __proto__: null,
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    } as never)
  }

  const { then, finally: last } = p.PromisePrototype
  replace(p.PromisePrototype, 'then', {
    // biome-ignore lint/suspicious/noThenProperty: it is that of promises.
    then(this: Promise<unknown>, onFulfilled: unknown, onRejected: unknown) {
      return p.apply(then, this, [bind(onFulfilled), bind(onRejected)] as never)
    },
  })
  // It gives `then` a function of the engine's, which calls the one it was given.
  replace(p.PromisePrototype, 'finally', {
    finally(this: Promise<unknown>, onFinally: unknown) {
      return p.apply(last, this, [bind(onFinally)] as never)
    },
  })

  const generator = p.getPrototypeOf(async function* () {}) as { prototype: AsyncGenerator }
  const { next, return: end, throw: fail } = generator.prototype
  const within = (method: unknown, self: unknown, value: unknown) => {
    const before = step
    try {
      return p.apply(method as () => unknown, self, [value] as never)
    } finally {
      step = before
    }
  }
  replace(generator.prototype, 'next', {
    next(this: unknown, value: unknown) {
      return within(next, this, value)
    },
  })
  replace(generator.prototype, 'return', {
    return(this: unknown, value: unknown) {
      return within(end, this, value)
    },
  })
  replace(generator.prototype, 'throw', {
    throw(this: unknown, value: unknown) {
      return within(fail, this, value)
    },
  })

  return {
    bind,
    stepNow: () => step,
    goOnIn: (given, value) => {
      step = given
      return value
    },
  }
}
