import { redactCredentials } from '../../agents/models/redact.ts'
import type { Json } from '../../core/json.ts'

const MAX_TEXT_CHARS = 2_000
const MAX_ITEMS = 20
const MAX_DEPTH = 6
const MAX_CHARS = 8_000
const REDACTED = '[redacted]'
const SECRET_NAME =
  /secret|password|passwd|authorization|credential|private[-_]?key|api[-_]?key|(access|refresh|auth|bearer|id|session)[-_]?token|^(set-)?cookie$|^token$|^key$/i

/**
 * What an event shows of a tool's input or output: bounded, and without what stands under the name of a secret. The
 * whole is in the run's record, which only nodes read.
 */
export function preview(value: unknown): Json {
  const shown = cut(value, 0)
  const text = JSON.stringify(shown)
  return text.length <= MAX_CHARS ? shown : { cut: true, text: text.slice(0, MAX_TEXT_CHARS) }
}

/** As `preview`, whole: for what people decide by. A field called `key` stays, as it mostly names something. */
export function redacted(value: Json): Json {
  if (typeof value === 'string') return redactCredentials(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(redacted)
  const members = Object.entries(value).map(([name, member]): [string, Json] => [
    name,
    name !== 'key' && isSecret(name, member) ? REDACTED : redacted(member),
  ])
  return Object.fromEntries(members)
}

function cut(value: unknown, depth: number): Json {
  if (typeof value === 'string')
    return value.length <= MAX_TEXT_CHARS
      ? redactCredentials(value)
      : `${redactCredentials(value.slice(0, MAX_TEXT_CHARS))}… (${value.length} characters)`
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value !== 'object') return null
  if (depth >= MAX_DEPTH) return '…'
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => cut(item, depth + 1))
    return value.length > MAX_ITEMS ? [...items, `… ${value.length - MAX_ITEMS} more`] : items
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecret(name, member) ? REDACTED : cut(member, depth + 1),
    ]),
  )
}

const isSecret = (name: string, value: unknown): boolean =>
  SECRET_NAME.test(name) && (typeof value === 'string' || (typeof value === 'object' && value !== null))
