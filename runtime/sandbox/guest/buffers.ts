import type { Primordials } from './primordials.ts'

/**
 * Runs inside the isolate while the snapshot is made. Array buffers that grow go: V8 takes their memory from the
 * system itself, past the allocator that isolated-vm counts with, so the memory limit would not hold them.
 */
export function installFixedBuffers(p: Primordials) {
  const Real = ArrayBuffer
  const construct = Reflect.construct
  const hide = (target: object, name: PropertyKey, value: unknown) =>
    p.defineProperty(target, name, {
      __proto__: null,
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    } as never)
  function Fixed(this: unknown, length: unknown, options: unknown): unknown {
    if (new.target === undefined) throw new p.TypeError("Constructor ArrayBuffer requires 'new'")
    if (options !== undefined && options !== null) {
      const { maxByteLength } = options as { maxByteLength?: unknown }
      if (maxByteLength !== undefined) {
        throw new p.TypeError(
          'Resizable array buffers are not available in workflows. Make a larger one and copy with new Uint8Array(larger).set(…).',
        )
      }
    }
    return construct(Real, [length], new.target)
  }
  p.defineProperty(Fixed, 'prototype', { __proto__: null, value: Real.prototype, writable: false } as never)
  hide(Fixed, 'name', 'ArrayBuffer')
  hide(Fixed, 'length', 1)
  hide(Fixed, 'isView', Real.isView)
  p.defineProperty(Fixed, Symbol.species, {
    __proto__: null,
    configurable: true,
    get(this: unknown) {
      return this
    },
  } as never)
  hide(Real.prototype, 'constructor', Fixed)
  for (const name of ['resize', 'resizable', 'maxByteLength']) p.deleteProperty(Real.prototype, name)
  hide(globalThis, 'ArrayBuffer', Fixed)
}
