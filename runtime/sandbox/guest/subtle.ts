import type { GuestServices } from './connect.ts'
import type { Failures } from './failure.ts'
import type { Primordials } from './primordials.ts'

/**
 * Runs inside the isolate, at the start of each execution: `crypto.subtle` (Web Cryptography API) as far as
 * signing requests and checking signatures needs it: digest, importKey, sign, verify. The work is done by the
 * host's own implementation over the bridge; keys stay in here and travel with each call.
 */
export function buildSubtle(p: Primordials, failures: Failures, { call, refuse }: GuestServices): object {
  const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

  function bytesOf(data: unknown): Uint8Array {
    if (p.isView(data)) {
      const view = data as ArrayBufferView
      return new p.Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)
    }
    if (p.tagOf(data) === '[object ArrayBuffer]') return new p.Uint8Array(data as ArrayBuffer)
    throw refuse(
      'invalid_input',
      'InvalidInputError',
      'crypto.subtle takes bytes.',
      'Pass new TextEncoder().encode(text) for text.',
    )
  }

  function toBase64(data: unknown): string {
    const bytes = bytesOf(data)
    let text = ''
    for (let i = 0; i < bytes.length; i += 3) {
      const a = bytes[i] as number
      const b = bytes[i + 1]
      const c = bytes[i + 2]
      text += LETTERS[a >> 2] as string
      text += LETTERS[((a & 3) << 4) | ((b ?? 0) >> 4)] as string
      text += b === undefined ? '=' : (LETTERS[((b & 15) << 2) | ((c ?? 0) >> 6)] as string)
      text += c === undefined ? '=' : (LETTERS[c & 63] as string)
    }
    return text
  }

  function fromBase64(answer: unknown): ArrayBuffer {
    const text = answer as string
    let size = (text.length / 4) * 3
    if (text.length > 0 && text[text.length - 1] === '=') size--
    if (text.length > 1 && text[text.length - 2] === '=') size--
    const bytes = new p.Uint8Array(size)
    let at = 0
    for (let i = 0; i < text.length; i += 4) {
      let word = 0
      for (let j = 0; j < 4; j++) {
        const index = p.indexOf(LETTERS, text[i + j] as string)
        word = (word << 6) | (index & 63) // what padding gives is cut off below
      }
      for (let shift = 16; shift >= 0 && at < size; shift -= 8) bytes[at++] = (word >> shift) & 255
    }
    return bytes.buffer as ArrayBuffer
  }

  /** An algorithm as plain JSON: a name, or an object with one. */
  function algorithmOf(given: unknown): Record<string, unknown> {
    if (!failures.isObject(given)) return { __proto__: null, name: p.String(given) } as never
    const { name, hash, namedCurve, saltLength } = given as Record<string, unknown>
    const hashName = failures.isObject(hash) ? (hash as Record<string, unknown>).name : hash
    const plain: Record<string, unknown> = { __proto__: null, name: p.String(name) } as never
    if (hashName !== undefined) plain.hash = p.String(hashName)
    if (namedCurve !== undefined) plain.namedCurve = p.String(namedCurve)
    if (typeof saltLength === 'number') plain.saltLength = saltLength
    return plain
  }

  // What a key is made of is seen by nobody but this function: not by what is logged or returned.
  const materials = new p.WeakMap()
  function materialOf(key: unknown): unknown[] {
    const material = failures.isObject(key) ? (p.weakGet(materials, key) as unknown[] | undefined) : undefined
    if (material !== undefined) return material
    throw refuse(
      'invalid_input',
      'InvalidInputError',
      'crypto.subtle: this is no key.',
      'Make one with crypto.subtle.importKey.',
    )
  }

  return p.freeze({
    digest: async (algorithm: unknown, data: unknown) =>
      call('crypto.digest', [algorithmOf(algorithm), toBase64(data)], fromBase64),
    importKey: async (
      format: unknown,
      keyData: unknown,
      algorithm: unknown,
      extractable: unknown,
      usages: unknown,
    ) => {
      const data = format === 'jwk' ? keyData : toBase64(keyData)
      const plain = algorithmOf(algorithm)
      await call('crypto.importKey', [p.String(format), data, plain, usages])
      const key = p.freeze({ type: 'secret', extractable: extractable === true, algorithm: plain, usages })
      p.weakSet(materials, key, [p.String(format), data, plain])
      return key
    },
    sign: async (algorithm: unknown, key: unknown, data: unknown) =>
      call('crypto.sign', [algorithmOf(algorithm), materialOf(key), toBase64(data)], fromBase64),
    verify: async (algorithm: unknown, key: unknown, signature: unknown, data: unknown) =>
      call('crypto.verify', [algorithmOf(algorithm), materialOf(key), toBase64(signature), toBase64(data)]),
  })
}
