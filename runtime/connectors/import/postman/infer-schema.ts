import { isNode, type Node } from '../nodes.ts'

const MAX_DEPTH = 30
const MAX_EXAMPLES = 200
const MAX_PROPERTIES = 1_000
const MAX_EXAMPLE_CHARS = 40
const SECRET = /pass(word|wd)?|secret|token|api_?key|authorization/i

/**
 * A JSON Schema that all the examples fit. Nothing is required and nothing forbidden: an example shows what can
 * be there, not what must. Text such as `<integer>`, which generators put in place of values, counts as the
 * type it names.
 */
export function inferSchema(examples: unknown[]): Node {
  return infer(examples.slice(0, MAX_EXAMPLES), 0, '')
}

function infer(examples: unknown[], depth: number, name: string): Node {
  const types = new Set<string>()
  for (const example of examples) {
    const type = typeOf(example)
    if (type === undefined) return {}
    types.add(type)
  }
  if (types.has('number')) types.delete('integer')
  const known = [...types]
  // A value that is null in every example may be anything.
  if (known.length === 0 || known.every((type) => type === 'null') || depth > MAX_DEPTH) return {}
  const schema: Node = { type: known.length === 1 ? known[0] : known }
  if (types.has('object')) Object.assign(schema, objectParts(examples.filter(isNode), depth))
  if (types.has('array')) {
    const items = examples.filter((example) => Array.isArray(example)).flat()
    if (items.length > 0) schema.items = infer(items.slice(0, MAX_EXAMPLES), depth + 1, name)
  }
  const shown = examples.find((example) => isTelling(example, name))
  if (shown !== undefined) schema.examples = [shown]
  return schema
}

function objectParts(examples: Node[], depth: number): Node {
  const values = new Map<string, unknown[]>()
  for (const example of examples) {
    for (const [key, value] of Object.entries(example)) {
      const known = values.get(key)
      if (known !== undefined) known.push(value)
      else if (values.size < MAX_PROPERTIES) values.set(key, [value])
    }
  }
  if (values.size === 0) return {}
  const properties = [...values].map(([key, list]) => [key, infer(list, depth + 1, key)])
  return { properties: Object.fromEntries(properties) }
}

const NAMED_TYPES: Record<string, string> = {
  string: 'string',
  uuid: 'string',
  date: 'string',
  datetime: 'string',
  uri: 'string',
  email: 'string',
  integer: 'integer',
  long: 'integer',
  int32: 'integer',
  int64: 'integer',
  number: 'number',
  float: 'number',
  double: 'number',
  boolean: 'boolean',
}

/** Undefined: it stands for any value. */
function typeOf(value: unknown): string | undefined {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'string') {
    const named = /^<([A-Za-z0-9]+)(?:[,\s][^<>]*)?>$/.exec(value)?.[1]
    return value === ANY_VALUE ? undefined : (NAMED_TYPES[(named ?? '').toLowerCase()] ?? 'string')
  }
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'boolean' ? 'boolean' : 'object'
}

function isTelling(value: unknown, name: string): boolean {
  if (typeof value === 'number') return true
  if (typeof value !== 'string' || SECRET.test(name)) return false
  return value !== '' && value.length <= MAX_EXAMPLE_CHARS && !/^<.*>$|\{\{/.test(value)
}

/** What stands for a variable in JSON where a value of any type may be. */
export const ANY_VALUE = '\u0000any'

/** The type of a value that travels as text: `20` may be a number, `007` may not. */
export function inferTextSchema(values: string[], name: string): Node {
  const usable = values.filter((value) => value !== '' && !value.includes('{{'))
  const typed = usable.map((value) => {
    if (/^(true|false)$/.test(value)) return value === 'true'
    return /^-?(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : value
  })
  const schema = infer(typed, 0, name)
  if (typeof schema.type !== 'string') return { ...schema, type: 'string' }
  // The server reads text: a caller that gives the text is as right.
  return schema.type === 'string' ? schema : { ...schema, type: [schema.type, 'string'] }
}
