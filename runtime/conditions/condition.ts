import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type Json } from '../../core/json.ts'

export const conditionOperators = ['eq', 'neq', 'gt', 'lt', 'in', 'contains', 'exists'] as const
export type ConditionOperator = (typeof conditionOperators)[number]

export interface Comparison {
  /** A root of the subject and a dot path in it: `payload.<path>`, `headers.<name>`, `status`. */
  field: string
  op: ConditionOperator
  value: Json
}

/** What must hold of an event or of a response, as a tree. */
export type Condition = { all: Condition[] } | { any: Condition[] } | { not: Condition } | Comparison

/**
 * What a condition looks at: an event has `payload` and `headers`, a response `status`, `headers` and `body`.
 * Header names are lower case, and may hold dots.
 */
export type ConditionSubject = Readonly<Record<string, Json | Readonly<Record<string, string>>>>

/**
 * Does the condition hold? Fields that are not there equal nothing: only `neq`, `exists: false` and `not` can
 * hold for them. `gt` and `lt` compare numbers with numbers and text with text; nothing is converted.
 */
export function matches(condition: Condition, subject: ConditionSubject): boolean {
  if ('all' in condition) return condition.all.every((member) => matches(member, subject))
  if ('any' in condition) return condition.any.some((member) => matches(member, subject))
  if ('not' in condition) return !matches(condition.not, subject)
  return compare(condition.op, fieldOf(condition.field, subject), condition.value)
}

function compare(op: ConditionOperator, actual: Json | undefined, value: Json): boolean {
  switch (op) {
    case 'exists':
      return (actual !== undefined) === value
    case 'eq':
      return isDeepStrictEqual(actual, value)
    case 'neq':
      return !isDeepStrictEqual(actual, value)
    case 'in':
      return Array.isArray(value) && value.some((one) => isDeepStrictEqual(actual, one))
    case 'contains':
      if (typeof actual === 'string') return typeof value === 'string' && actual.includes(value)
      return Array.isArray(actual) && actual.some((one) => isDeepStrictEqual(one, value))
    case 'gt':
    case 'lt':
      return op === 'gt' ? isGreater(actual, value) : isGreater(value, actual)
  }
}

const isGreater = (a: Json | undefined, b: Json | undefined): boolean =>
  (typeof a === 'number' && typeof b === 'number' && a > b) ||
  (typeof a === 'string' && typeof b === 'string' && a > b)

function fieldOf(field: string, subject: ConditionSubject): Json | undefined {
  const dot = field.indexOf('.')
  const root = dot === -1 ? field : field.slice(0, dot)
  if (!Object.hasOwn(subject, root)) return undefined
  const value = subject[root] as Json
  if (dot === -1) return value
  const path = field.slice(dot + 1)
  if (root !== 'headers') return valueAt(value, path)
  return isJsonObject(value) && Object.hasOwn(value, path) ? value[path] : undefined
}

/** The value a dot path (`items.0.id`, `items.-1.id` for the last) leads to. Only what the JSON itself holds: nothing inherited, no `length`. */
export function valueAt(value: Json, path: string): Json | undefined {
  let current: Json | undefined = value
  if (path === '') return current
  for (const step of path.split('.')) {
    if (Array.isArray(current)) current = /^-?\d{1,9}$/.test(step) ? current.at(Number(step)) : undefined
    else current = isJsonObject(current) && Object.hasOwn(current, step) ? current[step] : undefined
  }
  return current
}
