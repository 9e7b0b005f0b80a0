/** The parts of TypeScript's own library that the sandbox has: the language up to ES2025, without shared memory, weak references, WebAssembly. */
export const languageLibraries = [
  'es5',
  ...lib('es2015', 'core collection iterable generator promise proxy reflect symbol symbol.wellknown'),
  ...lib('es2016', 'array.include intl'),
  ...lib('es2017', 'arraybuffer date intl object string typedarrays'),
  ...lib('es2018', 'asyncgenerator asynciterable intl promise regexp'),
  ...lib('es2019', 'array intl object string symbol'),
  ...lib('es2020', 'bigint date intl number promise string symbol.wellknown'),
  ...lib('es2021', 'intl promise string'),
  ...lib('es2022', 'array error intl object regexp string'),
  ...lib('es2023', 'array collection intl'),
  ...lib('es2024', 'collection object promise regexp string'),
  ...lib('es2025', 'collection float16 intl iterator promise regexp'),
  ...lib('esnext', 'array disposable error'),
]

function lib(year: string, parts: string): string[] {
  return parts.split(' ').map((part) => `${year}.${part}`)
}

/** The web-standard globals of the sandbox, which are fewer and narrower than a browser's. */
export const globalTypes = `interface FetchOptions {
  method?: string
  headers?: Record<string, any> | Headers | Iterable<[string, any]>
  /** Text or URLSearchParams; JSON.stringify(value) for JSON. */
  body?: string | URLSearchParams | null
  timeoutMs?: number
  redirect?: string
  /** Stops waiting for the answer. */
  signal?: AbortSignal | null
}
interface FetchResponse {
  readonly ok: boolean
  readonly status: number
  readonly statusText: string
  readonly headers: Record<string, string> & { get(name: string): string | null }
  /** The body: parsed where it is JSON, text otherwise. */
  readonly data: any
  text(): Promise<string>
  json(): Promise<any>
}
declare function fetch(url: string | URL, options?: FetchOptions): Promise<FetchResponse>

interface Headers {
  append(name: string, value: any): void
  delete(name: string): void
  get(name: string): string | null
  getSetCookie(): string[]
  has(name: string): boolean
  set(name: string, value: any): void
  forEach(callback: (value: string, name: string, all: Headers) => void): void
  keys(): IterableIterator<string>
  values(): IterableIterator<string>
  entries(): IterableIterator<[string, string]>
  [Symbol.iterator](): IterableIterator<[string, string]>
}
declare const Headers: {
  new (init?: Record<string, any> | Headers | Iterable<[string, any]>): Headers
  prototype: Headers
}

interface Event {
  readonly type: string
  readonly bubbles: boolean
  readonly cancelable: boolean
  readonly timeStamp: number
  readonly target: EventTarget | null
  readonly currentTarget: EventTarget | null
  readonly defaultPrevented: boolean
  preventDefault(): void
  stopPropagation(): void
  stopImmediatePropagation(): void
}
declare const Event: {
  new (type: string, options?: { bubbles?: boolean; cancelable?: boolean }): Event
  prototype: Event
}
type EventCallback = ((event: any) => void) | { handleEvent(event: any): void } | null
interface EventTarget {
  addEventListener(type: string, callback: EventCallback, options?: boolean | { once?: boolean; signal?: AbortSignal }): void
  removeEventListener(type: string, callback: EventCallback, options?: any): void
  dispatchEvent(event: Event): boolean
}
declare const EventTarget: { new (): EventTarget; prototype: EventTarget }
interface AbortSignal extends EventTarget {
  readonly aborted: boolean
  readonly reason: any
  onabort: ((event: any) => any) | null
  throwIfAborted(): void
}
/** There are no timers, so no AbortSignal.timeout: give fetch {timeoutMs}. */
declare const AbortSignal: {
  prototype: AbortSignal
  abort(reason?: any): AbortSignal
  any(signals: Iterable<AbortSignal>): AbortSignal
}
interface AbortController {
  readonly signal: AbortSignal
  abort(reason?: any): void
}
declare const AbortController: { new (): AbortController; prototype: AbortController }
interface DOMException extends Error {
  readonly code: number
}
declare const DOMException: { new (message?: string, name?: string): DOMException; prototype: DOMException }

declare function queueMicrotask(callback: () => void): void

interface Console {
  debug(...values: any[]): void
  trace(...values: any[]): void
  log(...values: any[]): void
  info(...values: any[]): void
  dir(...values: any[]): void
  table(...values: any[]): void
  warn(...values: any[]): void
  error(...values: any[]): void
}
declare const console: Console

interface URLSearchParams {
  readonly size: number
  append(name: string, value: any): void
  delete(name: string, value?: string): void
  get(name: string): string | null
  getAll(name: string): string[]
  has(name: string, value?: string): boolean
  set(name: string, value: any): void
  sort(): void
  forEach(callback: (value: string, name: string, all: URLSearchParams) => void): void
  keys(): IterableIterator<string>
  values(): IterableIterator<string>
  entries(): IterableIterator<[string, string]>
  [Symbol.iterator](): IterableIterator<[string, string]>
  toString(): string
}
declare const URLSearchParams: {
  new (init?: string | URLSearchParams | Record<string, any> | Iterable<any>): URLSearchParams
  prototype: URLSearchParams
}

interface URL {
  href: string
  readonly origin: string
  protocol: string
  username: string
  password: string
  host: string
  hostname: string
  port: string
  pathname: string
  search: string
  readonly searchParams: URLSearchParams
  hash: string
  toJSON(): string
  toString(): string
}
declare const URL: {
  new (url: string | URL, base?: string | URL): URL
  prototype: URL
  canParse(url: string | URL, base?: string | URL): boolean
  parse(url: string | URL, base?: string | URL): URL | null
}

interface TextEncoder {
  readonly encoding: string
  encode(text?: string): Uint8Array<ArrayBuffer>
  encodeInto(text: string, into: Uint8Array): { read: number; written: number }
}
declare const TextEncoder: { new (): TextEncoder; prototype: TextEncoder }
interface TextDecoder {
  readonly encoding: string
  readonly fatal: boolean
  readonly ignoreBOM: boolean
  decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string
}
/** Reads utf-8 only. */
declare const TextDecoder: {
  new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder
  prototype: TextDecoder
}

declare function structuredClone<T>(value: T, options?: any): T
declare function atob(base64: string): string
declare function btoa(binary: string): string

interface CryptoKey {
  readonly type: string
  readonly extractable: boolean
  readonly algorithm: any
  readonly usages: string[]
}
type Bytes = ArrayBuffer | ArrayBufferView
type CryptoAlgorithm = string | { name: string; hash?: string | { name: string }; namedCurve?: string; saltLength?: number }
interface SubtleCrypto {
  digest(algorithm: CryptoAlgorithm, data: Bytes): Promise<ArrayBuffer>
  importKey(format: string, key: any, algorithm: CryptoAlgorithm, extractable: boolean, usages: string[]): Promise<CryptoKey>
  sign(algorithm: CryptoAlgorithm, key: CryptoKey, data: Bytes): Promise<ArrayBuffer>
  verify(algorithm: CryptoAlgorithm, key: CryptoKey, signature: Bytes, data: Bytes): Promise<boolean>
}
declare const crypto: {
  randomUUID(): string
  getRandomValues<T extends ArrayBufferView>(view: T): T
  readonly subtle: SubtleCrypto
}
`
