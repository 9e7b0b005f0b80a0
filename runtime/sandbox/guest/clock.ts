import type { Primordials } from './primordials.ts'

/**
 * Runs inside the isolate while the snapshot is made. `Date` and `Math.random` become repeatable: time stands still
 * while code runs and moves on with the answers to its calls, random numbers follow from the execution's seed. A run
 * that goes on where another ended thus does as that one did. (Cloudflare Workers let time stand still likewise.)
 * Returns what sets the time, in milliseconds since 1970.
 */
export function installClock(p: Primordials, randomByte: () => number) {
  const scope = globalThis as unknown as Record<string, unknown>
  const Real = Date
  const construct = Reflect.construct
  /** Code that waits for time to pass would wait for ever. */
  const MAX_LOOKS = 1_000_000
  let now = 0
  let looks = 0
  const look = () => {
    if (++looks > MAX_LOOKS) {
      throw new p.Error(
        'Date.now() was asked a million times without a call in between: time stands still while code runs. Wait with await ctx.sleep(ms).',
      )
    }
    return now
  }
  function Clock(this: unknown, ...given: unknown[]): unknown {
    if (new.target === undefined) return p.apply(Real.prototype.toString, new Real(look()), [])
    return construct(Real, given.length === 0 ? [look()] : given, new.target)
  }
  const define = (target: object, name: string, value: unknown) =>
    p.defineProperty(target, name, {
      __proto__: null,
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    } as never)
  p.defineProperty(Clock, 'prototype', { __proto__: null, value: Real.prototype, writable: false } as never)
  define(Clock, 'name', 'Date')
  define(Clock, 'length', 7)
  define(Clock, 'now', function now() {
    return look()
  })
  define(Clock, 'parse', Real.parse)
  define(Clock, 'UTC', Real.UTC)
  define(Real.prototype, 'constructor', Clock)
  define(scope, 'Date', Clock)
  define(Math, 'random', function random() {
    // 53 bits, as the language has it.
    let high = 0
    for (let i = 0; i < 3; i++) high = high * 256 + randomByte()
    let low = 0
    for (let i = 0; i < 4; i++) low = low * 256 + randomByte()
    return ((high & 0x1fffff) * 4294967296 + low) / 9007199254740992
  })
  // A format that is given no date takes the clock of the machine.
  const formats = Intl.DateTimeFormat.prototype
  const { get: formatOf } = Object.getOwnPropertyDescriptor(formats, 'format') as PropertyDescriptor
  const partsOf = formats.formatToParts
  p.defineProperty(formats, 'format', {
    __proto__: null,
    get(this: unknown) {
      const format = p.apply(formatOf as () => unknown, this, []) as (date: unknown) => string
      return (date: unknown) => format(date === undefined ? look() : date)
    },
    configurable: true,
    enumerable: false,
  } as never)
  define(formats, 'formatToParts', function formatToParts(this: unknown, date: unknown) {
    return p.apply(partsOf as never, this, [date === undefined ? look() : date])
  })
  return (ms: number) => {
    looks = 0
    if (ms > now) now = ms
  }
}
