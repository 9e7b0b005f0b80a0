/**
 * Runs inside the isolate (its source text goes into the snapshot), before any workflow code: keeps the
 * built-ins the bootstrap needs, so that a workflow that overwrites `JSON`, `Promise.prototype.then` or
 * `Array.prototype` spoils only its own view. Must not refer to anything outside its own body.
 */
export function primordials() {
  const { apply, defineProperty, deleteProperty, getPrototypeOf, setPrototypeOf } = Reflect
  type Method = (this: never, ...values: never[]) => unknown
  const uncurry =
    (method: Method) =>
    (self: unknown, ...values: unknown[]) =>
      apply(method, self, values)
  return {
    apply,
    defineProperty,
    deleteProperty,
    getPrototypeOf,
    setPrototypeOf,
    ObjectPrototype: Object.prototype,
    keys: Object.keys,
    freeze: Object.freeze,
    isArray: Array.isArray,
    isView: ArrayBuffer.isView,
    parse: JSON.parse,
    stringify: JSON.stringify,
    String,
    Symbol,
    Error,
    TypeError,
    RangeError,
    Promise,
    PromisePrototype: Promise.prototype,
    Proxy,
    WeakMap,
    Uint8Array,
    Uint32Array,
    tagOf: uncurry(Object.prototype.toString as Method) as (value: unknown) => string,
    functionText: uncurry(Function.prototype.toString as Method) as (value: unknown) => string,
    promiseThen: uncurry(Promise.prototype.then as Method),
    weakGet: uncurry(WeakMap.prototype.get as Method),
    weakSet: uncurry(WeakMap.prototype.set as Method),
    slice: uncurry(String.prototype.slice as Method) as (text: string, from: number, to?: number) => string,
    indexOf: uncurry(String.prototype.indexOf as Method) as (text: string, part: string) => number,
    charCodeAt: uncurry(String.prototype.charCodeAt as Method) as (text: string, at: number) => number,
    split: uncurry(String.prototype.split as Method) as (text: string, by: string) => string[],
    join: uncurry(Array.prototype.join as Method) as (list: unknown[], by: string) => string,
    trim: uncurry(String.prototype.trim as Method) as (text: string) => string,
    toLowerCase: uncurry(String.prototype.toLowerCase as Method) as (text: string) => string,
    toUpperCase: uncurry(String.prototype.toUpperCase as Method) as (text: string) => string,
    fromCharCode: String.fromCharCode,
    numberToString: uncurry(Number.prototype.toString as Method) as (value: number, radix: number) => string,
  }
}

export type Primordials = ReturnType<typeof primordials>
