/** Percent-encoding and flattening shared by parameters and form bodies (RFC 3986, RFC 6570). */
import type { Json } from '../../core/json.ts'
import { isJsonObject } from '../../core/json.ts'

/** A name and value of a query string or form, before encoding. */
export type Pair = [name: string, value: string]

/** Everything but the unreserved characters of RFC 3986 is encoded; `encodeURIComponent` leaves `!'()*`. */
export function encodeStrict(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * Reserved characters pass (RFC 6570 `{+var}`), and so do triplets that are encoded already; except `#`, `&`
 * and `+`, which would end the value or change it.
 */
export function encodeReserved(text: string): string {
  return text
    .toWellFormed()
    .split(/(%[0-9A-Fa-f]{2}|[:/?@!$'()*,;=[\]])/)
    .map((part, index) => (index % 2 === 1 ? part : encodeStrict(part)))
    .join('')
}

/** A value as the text it is sent as: null is empty, structures inside structures are JSON. */
export function scalarText(value: Json): string {
  if (value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * `a: {b: [1, {c: 2}]}` → `a[b][0]=1`, `a[b][1][c]=2`: the bracket form that deepObject is used for in
 * practice, arrays indexed so that objects in them stay apart.
 */
export function bracketPairs(name: string, value: Json): Pair[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => bracketPairs(`${name}[${index}]`, item))
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => bracketPairs(`${name}[${key}]`, item))
  }
  return [[name, scalarText(value)]]
}
