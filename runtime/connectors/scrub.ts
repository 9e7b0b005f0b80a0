import type { Json } from '../../core/json.ts'
import { type AuthMethod, credentialFields } from './auth-method.ts'
import { encodeStrict } from './encoding.ts'
import { isTextual } from './response.ts'

/**
 * Takes the credentials of a call out of what the app answers: an API that echoes what it was sent must not hand a
 * key to whoever may run the action. Data is left alone as far as can be: a value that could be a word or a number
 * of the app's own is taken out only where it stands alone.
 */
export interface Scrubber {
  /** A decoded answer; objects and lists are changed in place. `body` is what it was decoded from. */
  output(decoded: Json, body: Uint8Array): Json
  /** A body that is kept, or given, as bytes. Those of a binary format keep their length. */
  bytes(body: Uint8Array, contentType: string): Uint8Array
  headers(headers: Record<string, string>): Record<string, string>
}

const REDACTED = '[redacted]'
/** Shorter ones are too likely to be found where they are not meant. */
const MIN_CHARS = 8
const LONG_CHARS = 16
/** A part of a secret that no encoding of JSON or of addresses changes, and long enough to be rarely found. */
const MIN_NEEDLE_CHARS = 4
/** Not a secret, although credentials hold it. */
const KNOWN_BY_ALL = ['clientId']

interface Hidden {
  value: string
  /** Undefined: it has no part to look for, and every answer is gone through. */
  needle: Buffer | undefined
  /** What it may look like inside of longer text; empty when it is taken out only where it stands alone. */
  forms: string[]
}

export function buildScrubber(method: AuthMethod, credentials: Record<string, string>): Scrubber {
  const hidden = secretValues(method, credentials).map(hide)
  const found = (body: Uint8Array): Hidden[] => {
    if (hidden.length === 0 || body.byteLength === 0) return []
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    return hidden.filter(({ needle }) => needle === undefined || bytes.includes(needle))
  }
  return {
    output: (decoded, body) => {
      const here = found(body)
      return here.length === 0 ? decoded : withoutSecrets(decoded, here)
    },
    bytes: (body, contentType) => {
      const forms = found(body).flatMap((one) => one.forms)
      if (forms.length === 0) return body
      const text = contentType === '' || isTextual(contentType)
      let latin = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
      for (const form of forms) {
        const sought = Buffer.from(form).toString('latin1')
        latin = latin.replaceAll(sought, text ? REDACTED : '*'.repeat(sought.length))
      }
      return Buffer.from(latin, 'latin1')
    },
    headers: (headers) =>
      hidden.length === 0
        ? headers
        : Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, clean(value, hidden)])),
  }
}

function secretValues(method: AuthMethod, credentials: Record<string, string>): string[] {
  const { username = '', password = '' } = credentials
  const shown = new Set(KNOWN_BY_ALL)
  for (const { name, secret } of credentialFields(method)) if (!secret) shown.add(name)
  // Some APIs take their key as the user name, and no password.
  if (method.type === 'basic_auth' && password === '') shown.delete('username')
  const values = Object.entries(credentials).flatMap(([name, value]) => (shown.has(name) ? [] : [value]))
  if (method.type === 'basic_auth') values.push(Buffer.from(`${username}:${password}`).toString('base64'))
  return [...new Set(values)].filter((value) => value.length >= MIN_CHARS)
}

function hide(value: string): Hidden {
  const [longest = ''] = (value.match(/[A-Za-z0-9]+/g) ?? []).toSorted((a, b) => b.length - a.length)
  return {
    value,
    needle: longest.length < MIN_NEEDLE_CHARS ? undefined : Buffer.from(longest),
    forms: isUnmistakable(value) ? formsOf(value) : [],
  }
}

/** Not a word, nor a number that could be the identifier of something. */
const isUnmistakable = (value: string): boolean =>
  /[^0-9]/.test(value) && (value.length >= LONG_CHARS || (/[0-9]/.test(value) && /[A-Za-z]/.test(value)))

/** Longest first, so that none leaves a part of another. */
function formsOf(value: string): string[] {
  const encoded = [
    encodeURIComponent(value.toWellFormed()),
    encodeStrict(value),
    new URLSearchParams({ v: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(value).slice(1, -1).replaceAll('/', '\\/'),
  ]
  return [...new Set([value, ...encoded])].toSorted((a, b) => b.length - a.length)
}

function clean(text: string, hidden: readonly Hidden[]): string {
  let out = text
  for (const { value, forms } of hidden) {
    if (out === value) return REDACTED
    for (const form of forms) out = out.replaceAll(form, REDACTED)
  }
  return out
}

/** Goes through the value without recursion: answers may be nested as deep as their sender likes. */
function withoutSecrets(root: Json, hidden: readonly Hidden[]): Json {
  if (typeof root === 'string') return clean(root, hidden)
  const left: Json[] = [root]
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (typeof node !== 'object' || node === null) continue
    const members: Record<string, Json> | Json[] = node
    for (const [key, value] of Object.entries(members)) {
      const name = Array.isArray(node) ? key : clean(key, hidden)
      const safe = typeof value === 'string' ? clean(value, hidden) : value
      if (typeof value === 'object') left.push(value)
      if (name !== key) Reflect.deleteProperty(node, key)
      // Defined, not assigned: a member may be named __proto__.
      if (name !== key || safe !== value)
        Object.defineProperty(node, name, {
          value: safe,
          writable: true,
          enumerable: true,
          configurable: true,
        })
    }
  }
  return root
}
