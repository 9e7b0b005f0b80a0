import type { Primordials } from './primordials.ts'

/**
 * Runs inside the isolate while the snapshot is made. Defines the web-standard basics V8 lacks; the larger
 * ones (`URL`, `URLSearchParams`, `structuredClone`, `atob`, `btoa`: core-js) load on first use, which keeps
 * a fresh context cheap. Returns `seed`, which gives the execution its random numbers, `turn`, which
 * goes on with those that follow from an answer, and `nextByte` of them.
 */
export function installWeb(
  p: Primordials,
  bind: (callback: unknown) => unknown,
  loaders: { names: string[]; load: () => void }[],
) {
  const scope = globalThis as unknown as Record<string, unknown>
  const hide = (target: object, name: string, value: unknown) =>
    p.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false })

  for (const { names, load } of loaders) {
    for (const name of names) {
      p.defineProperty(scope, name, {
        configurable: true,
        enumerable: false,
        get() {
          for (let i = 0; i < names.length; i++) p.deleteProperty(scope, names[i] as string)
          load()
          return scope[name]
        },
        set(value: unknown) {
          hide(scope, name, value)
        },
      })
    }
  }

  class TextEncoder {
    get encoding() {
      return 'utf-8'
    }
    encodeInto(input: unknown, into: Uint8Array): { read: number; written: number } {
      const text = p.String(input)
      let read = 0
      let written = 0
      while (read < text.length) {
        const code = p.charCodeAt(text, read)
        const next = read + 1 < text.length ? p.charCodeAt(text, read + 1) : 0
        const units = code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff ? 2 : 1
        const bytes = this.encode(p.slice(text, read, read + units))
        if (written + bytes.length > into.length) break
        for (let i = 0; i < bytes.length; i++) into[written++] = bytes[i] as number
        read += units
      }
      return { read, written }
    }
    encode(input: unknown = '') {
      const text = p.String(input)
      const bytes = new p.Uint8Array(text.length * 3)
      let size = 0
      for (let i = 0; i < text.length; i++) {
        let code = p.charCodeAt(text, i)
        if (code >= 0xd800 && code <= 0xdfff) {
          const next = i + 1 < text.length ? p.charCodeAt(text, i + 1) : 0
          if (code < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00)
            i++
          } else code = 0xfffd
        }
        if (code < 0x80) bytes[size++] = code
        else if (code < 0x800) {
          bytes[size++] = 0xc0 | (code >> 6)
          bytes[size++] = 0x80 | (code & 63)
        } else if (code < 0x10000) {
          bytes[size++] = 0xe0 | (code >> 12)
          bytes[size++] = 0x80 | ((code >> 6) & 63)
          bytes[size++] = 0x80 | (code & 63)
        } else {
          bytes[size++] = 0xf0 | (code >> 18)
          bytes[size++] = 0x80 | ((code >> 12) & 63)
          bytes[size++] = 0x80 | ((code >> 6) & 63)
          bytes[size++] = 0x80 | (code & 63)
        }
      }
      return bytes.slice(0, size)
    }
  }

  hide(scope, 'queueMicrotask', function queueMicrotask(callback: unknown) {
    if (typeof callback !== 'function') throw new p.TypeError('queueMicrotask takes a function.')
    const bound = bind(callback) as () => unknown
    p.promiseThen(new p.Promise<void>((resolve) => resolve()), () => {
      p.apply(bound, undefined, [])
    })
  })

  class TextDecoder {
    fatal: boolean
    ignoreBOM: boolean
    constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
      const name = p.toLowerCase(p.trim(p.String(label)))
      if (name !== 'utf-8' && name !== 'utf8' && name !== 'unicode-1-1-utf-8')
        throw new p.RangeError(`TextDecoder here reads utf-8 only, not '${name}'.`)
      this.fatal = options.fatal === true
      this.ignoreBOM = options.ignoreBOM === true
    }
    get encoding() {
      return 'utf-8'
    }
    /** Bytes of a character of which the rest is still to come. */
    #left: Uint8Array = new p.Uint8Array(0)
    #begin = true
    #take(input: ArrayBuffer | ArrayBufferView | undefined, stream: boolean): Uint8Array {
      const given =
        input === undefined
          ? new p.Uint8Array(0)
          : p.isView(input)
            ? new p.Uint8Array(input.buffer as ArrayBuffer, input.byteOffset, input.byteLength)
            : new p.Uint8Array(input as ArrayBuffer)
      const before = this.#left
      if (before.length === 0 && !stream) return given
      const all = new p.Uint8Array(before.length + given.length)
      for (let i = 0; i < before.length; i++) all[i] = before[i] as number
      for (let i = 0; i < given.length; i++) all[before.length + i] = given[i] as number
      let end = all.length
      if (stream) {
        // A character takes at most four bytes: its first may be among the last three.
        for (let back = 1; back <= 3 && back <= all.length; back++) {
          const byte = all[all.length - back] as number
          if (byte >= 0xc0) {
            const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
            if (needs > back) end = all.length - back
          }
          if (byte < 0x80 || byte >= 0xc0) break
        }
      }
      this.#left = all.slice(end)
      return all.subarray(0, end)
    }
    decode(input?: ArrayBuffer | ArrayBufferView, options: { stream?: boolean } = {}) {
      const bytes = this.#take(input, options?.stream === true)
      let text = ''
      let i = 0
      if (this.#begin && !this.ignoreBOM && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) i = 3
      this.#begin = options?.stream !== true || (this.#begin && bytes.length === 0)
      while (i < bytes.length) {
        const lead = bytes[i++] as number
        if (lead < 0x80) {
          text += p.fromCharCode(lead)
          continue
        }
        // The Encoding standard's table: how many bytes follow, and the bounds of the first of them.
        let needed = 0
        let low = 0x80
        let high = 0xbf
        let code = 0
        if (lead >= 0xc2 && lead <= 0xdf) {
          needed = 1
          code = lead & 31
        } else if (lead >= 0xe0 && lead <= 0xef) {
          needed = 2
          code = lead & 15
          if (lead === 0xe0) low = 0xa0
          if (lead === 0xed) high = 0x9f
        } else if (lead >= 0xf0 && lead <= 0xf4) {
          needed = 3
          code = lead & 7
          if (lead === 0xf0) low = 0x90
          if (lead === 0xf4) high = 0x8f
        }
        let valid = needed > 0
        while (valid && needed > 0) {
          const byte = bytes[i]
          if (byte === undefined || byte < low || byte > high) valid = false
          else {
            code = (code << 6) | (byte & 63)
            low = 0x80
            high = 0xbf
            i++
            needed--
          }
        }
        if (!valid) {
          if (this.fatal) throw new p.TypeError('The data is not valid utf-8.')
          text += '\ufffd'
        } else if (code < 0x10000) text += p.fromCharCode(code)
        else text += p.fromCharCode(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 1023))
      }
      return text
    }
  }
  hide(scope, 'TextEncoder', TextEncoder)
  hide(scope, 'TextDecoder', TextDecoder)

  // crypto: ChaCha20 (RFC 8439) keyed with 32 random bytes from the host, new for every execution.
  const state = new p.Uint32Array(16)
  const block = new p.Uint32Array(16)
  let used = 64
  function quarter(a: number, b: number, c: number, d: number) {
    const rotate = (x: number, n: number) => (x << n) | (x >>> (32 - n))
    const x = block as unknown as number[]
    const at = (i: number) => x[i] as number
    x[a] = at(a) + at(b)
    x[d] = rotate(at(d) ^ at(a), 16)
    x[c] = at(c) + at(d)
    x[b] = rotate(at(b) ^ at(c), 12)
    x[a] = at(a) + at(b)
    x[d] = rotate(at(d) ^ at(a), 8)
    x[c] = at(c) + at(d)
    x[b] = rotate(at(b) ^ at(c), 7)
  }
  function nextByte(): number {
    if (used === 64) {
      for (let i = 0; i < 16; i++) block[i] = state[i] as number
      for (let round = 0; round < 10; round++) {
        quarter(0, 4, 8, 12)
        quarter(1, 5, 9, 13)
        quarter(2, 6, 10, 14)
        quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15)
        quarter(1, 6, 11, 12)
        quarter(2, 7, 8, 13)
        quarter(3, 4, 9, 14)
      }
      for (let i = 0; i < 16; i++) block[i] = (block[i] as number) + (state[i] as number)
      state[12] = (state[12] as number) + 1
      used = 0
    }
    const byte = ((block[used >> 2] as number) >>> ((used & 3) * 8)) & 255
    used++
    return byte
  }
  const hex = (byte: number) => p.slice(p.numberToString(byte + 256, 16), 1)
  const crypto = {
    randomUUID() {
      let text = ''
      for (let i = 0; i < 16; i++) {
        let byte = nextByte()
        if (i === 6) byte = (byte & 15) | 64
        if (i === 8) byte = (byte & 63) | 128
        text += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + hex(byte)
      }
      return text
    },
    getRandomValues(view: ArrayBufferView) {
      const tag = p.tagOf(view)
      if (!p.isView(view) || tag === '[object DataView]' || p.indexOf(tag, 'Float') >= 0)
        throw new DOMException('crypto.getRandomValues takes an array of integers.', 'TypeMismatchError')
      if (view.byteLength > 65_536)
        throw new DOMException(
          `crypto.getRandomValues gives up to 65536 bytes at once, not ${view.byteLength}.`,
          'QuotaExceededError',
        )
      const bytes = new p.Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)
      for (let i = 0; i < bytes.length; i++) bytes[i] = nextByte()
      return view
    },
  }
  // `subtle` is added when an execution begins: it calls the host.
  hide(scope, 'crypto', crypto)

  return { seed, turn, nextByte }
  /** A stream of its own for each: RFC 8439's nonce. */
  function turn(known: number) {
    const low = known % 4294967296
    state[12] = 0
    state[13] = low
    state[14] = (known - low) / 4294967296 + 1
    used = 64
  }
  function seed(key: string) {
    const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]
    for (let i = 0; i < 4; i++) state[i] = constants[i] as number
    for (let i = 0; i < 8; i++) {
      let word = 0
      for (let j = 0; j < 4; j++) word = (word << 8) | p.charCodeAt(key, i * 4 + j)
      state[4 + i] = word
    }
    for (let i = 12; i < 16; i++) state[i] = 0
    used = 64
  }
}
