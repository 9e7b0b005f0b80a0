import { isJsonObject, type Json } from '../../core/json.ts'
import type { ActionParameter } from './action-definition.ts'
import { bracketPairs, encodeReserved, encodeStrict, scalarText } from './encoding.ts'

type Serialized = Pick<ActionParameter, 'name' | 'style' | 'explode' | 'allowReserved' | 'contentType'>

const encoderOf = (parameter: Serialized) =>
  parameter.allowReserved === true ? encodeReserved : encodeStrict

/** In a path a reserved `?` would begin the query. */
const pathEncoderOf = (parameter: Serialized) =>
  parameter.allowReserved === true
    ? (text: string) => encodeReserved(text).replaceAll('?', '%3F')
    : encodeStrict

/** A path parameter in place of its `{name}`: styles simple, label and matrix (RFC 6570 3.2.2, 3.2.5, 3.2.7). */
export function serializePath(parameter: Serialized, value: Json): string {
  const encode = pathEncoderOf(parameter)
  if (parameter.contentType !== undefined) return encode(JSON.stringify(value))
  const { style, explode, name } = parameter
  if (style === 'matrix') return matrix(encode(name), value, explode, encode)
  const joined = style === 'label' && explode ? '.' : ','
  const text = list(value, explode, encode).join(joined)
  return style === 'label' ? `.${text}` : text
}

function matrix(name: string, value: Json, explode: boolean, encode: (text: string) => string): string {
  const pair = (key: string, text: string) => (text === '' ? `;${key}` : `;${key}=${text}`)
  if (Array.isArray(value) && explode)
    return value.map((item) => pair(name, encode(scalarText(item)))).join('')
  if (isJsonObject(value) && explode) {
    return Object.entries(value)
      .map(([key, item]) => pair(encode(key), encode(scalarText(item))))
      .join('')
  }
  return pair(name, list(value, false, encode).join(','))
}

/** `['a', 'b']` → `a`, `b`; `{k: 'v'}` → `k=v` exploded, else `k`, `v`. */
function list(value: Json, explode: boolean, encode: (text: string) => string): string[] {
  if (Array.isArray(value)) return value.map((item) => encode(scalarText(item)))
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, item]) =>
      explode ? [`${encode(key)}=${encode(scalarText(item))}`] : [encode(key), encode(scalarText(item))],
    )
  }
  return [encode(scalarText(value))]
}

/**
 * A query parameter, or a form field, as encoded `name=value` parts to be joined with `&`. Empty arrays and
 * objects give none, as RFC 6570 has it for undefined values.
 */
export function serializeQuery(parameter: Serialized, value: Json): string[] {
  const encode = encoderOf(parameter)
  const name = encodeStrict(parameter.name)
  if (parameter.contentType !== undefined) return [`${name}=${encode(JSON.stringify(value))}`]
  const { style, explode } = parameter
  if (typeof value !== 'object' || value === null) return [`${name}=${encode(scalarText(value))}`]
  if (style === 'deepObject') {
    return bracketPairs(parameter.name, value).map(([key, text]) => `${encodeStrict(key)}=${encode(text)}`)
  }
  if (explode) {
    return Array.isArray(value)
      ? value.map((item) => `${name}=${encode(scalarText(item))}`)
      : Object.entries(value).map(([key, item]) => `${encodeStrict(key)}=${encode(scalarText(item))}`)
  }
  const separator = style === 'spaceDelimited' ? '%20' : style === 'pipeDelimited' ? '%7C' : ','
  const parts = list(value, false, encode)
  return parts.length === 0 ? [] : [`${name}=${parts.join(separator)}`]
}

/** A header value: style simple, not percent-encoded (OpenAPI has headers as they are). */
export function serializeHeader(parameter: Serialized, value: Json): string {
  if (parameter.contentType !== undefined) return JSON.stringify(value)
  return list(value, parameter.explode, (text) => text).join(',')
}

/** Cookie pairs: style form, joined with `; `. */
export function serializeCookie(parameter: Serialized, value: Json): string {
  return serializeQuery({ ...parameter, style: 'form' }, value).join('; ')
}
