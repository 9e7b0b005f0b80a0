import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../../../core/json.ts'
import { SCHEMAS_PREFIX } from '../json-schema.ts'

/** A way in which a schema is no longer what callers or readers counted on. */
export interface SchemaBreak {
  /** Dot path to the value, `[]` for items of a list. */
  where: string
  what: string
}

/** `input`: what may be sent; less of it breaks callers. `output`: what comes back; other things break readers. */
export type Direction = 'input' | 'output'

export interface SchemaSide {
  schema: JsonSchema | undefined
  shared: Record<string, JsonSchema>
}

type Node = Record<string, unknown>

const MAX_BREAKS = 50
const MAX_DEPTH = 20
const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const

/**
 * What of a schema's change breaks those who relied on it. Structure is compared (types, properties, required,
 * enums, bounds); alternatives (oneOf, anyOf, allOf, not) that differ are not judged. Equal schemas give nothing.
 */
export function compareSchemas(before: SchemaSide, after: SchemaSide, direction: Direction): SchemaBreak[] {
  const breaks: SchemaBreak[] = []
  const seen = new Set<string>()
  const add = (where: string, what: string) => {
    if (breaks.length < MAX_BREAKS) breaks.push({ where: where === '' ? '(whole)' : where, what })
  }

  const walk = (old: JsonSchema | undefined, now: JsonSchema | undefined, where: string, depth: number) => {
    if (depth > MAX_DEPTH || breaks.length >= MAX_BREAKS) return
    const a = resolve(old, before.shared)
    const b = resolve(now, after.shared)
    const pair = `${a.name ?? ''}→${b.name ?? ''}`
    if (a.name !== undefined && b.name !== undefined) {
      if (seen.has(`${pair} ${direction}`)) return
      seen.add(`${pair} ${direction}`)
    }
    if (a.node === undefined || b.node === undefined) return
    compareTypes(a.node, b.node, where)
    compareEnums(a.node, b.node, where)
    if (direction === 'input') compareBounds(a.node, b.node, where)
    compareProperties(a.node, b.node, where, depth)
    walk(schemaAt(a.node, 'items'), schemaAt(b.node, 'items'), `${where}[]`, depth + 1)
  }

  const compareTypes = (a: Node, b: Node, where: string) => {
    const old = typesOf(a)
    const now = typesOf(b)
    if (old === undefined || now === undefined) {
      if (direction === 'input' && old === undefined && now !== undefined && !hasAlternatives(a))
        add(where, `took any type, takes only ${[...now].join(' or ')} now`)
      return
    }
    const lost = [...old].filter((type) => !accepts(now, type))
    const gained = [...now].filter((type) => !accepts(old, type))
    if (direction === 'input' && lost.length > 0) add(where, `no longer takes ${lost.join(' or ')}`)
    if (direction === 'output' && gained.length > 0) add(where, `may be ${gained.join(' or ')} now`)
  }

  const compareEnums = (a: Node, b: Node, where: string) => {
    const old = valuesOf(a)
    const now = valuesOf(b)
    if (direction !== 'input' || now === undefined) return
    if (old === undefined) return add(where, `takes only ${now.length} listed values now`)
    const lost = old.filter((value) => !now.some((one) => isDeepStrictEqual(one, value)))
    if (lost.length > 0)
      add(
        where,
        `no longer takes ${lost
          .slice(0, 5)
          .map((value) => JSON.stringify(value))
          .join(', ')}`,
      )
  }

  const compareBounds = (a: Node, b: Node, where: string) => {
    for (const name of ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'])
      if (narrower(a[name], b[name], (old, now) => now < old)) add(where, `${name} is ${String(b[name])} now`)
    for (const name of ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'])
      if (narrower(a[name], b[name], (old, now) => now > old)) add(where, `${name} is ${String(b[name])} now`)
    if (typeof b.pattern === 'string' && b.pattern !== a.pattern) add(where, `must match ${b.pattern} now`)
  }

  const compareProperties = (a: Node, b: Node, where: string, depth: number) => {
    const old = propertiesOf(a)
    const now = propertiesOf(b)
    const path = (name: string) => (where === '' ? name : `${where}.${name}`)
    const required = { before: requiredOf(a), after: requiredOf(b) }
    if (direction === 'input') {
      for (const name of required.after)
        if (!required.before.has(name))
          add(path(name), Object.hasOwn(old, name) ? 'is required now' : 'is new and required')
    } else {
      for (const name of required.before)
        if (Object.hasOwn(now, name) && !required.after.has(name)) add(path(name), 'may be missing now')
    }
    for (const [name, schema] of Object.entries(old)) {
      if (!Object.hasOwn(now, name)) {
        // Where anything else is taken too, a property that is described no more is still taken.
        const isTaken =
          direction === 'input' && b.additionalProperties !== false && Object.keys(now).length === 0
        // Alternatives may still name it.
        if (!isTaken && !hasAlternatives(b))
          add(path(name), direction === 'input' ? 'is no longer known' : 'is gone')
      } else walk(schema, now[name], path(name), depth + 1)
    }
  }

  walk(before.schema, after.schema, '', 0)
  return breaks
}

/** Follows references into the shared schemas; with the name of the last one. */
function resolve(
  schema: JsonSchema | undefined,
  shared: Record<string, JsonSchema>,
): { node: Node | undefined; name: string | undefined } {
  let current = schema
  let name: string | undefined
  for (let steps = 0; steps < 50; steps++) {
    if (typeof current !== 'object') return { node: undefined, name }
    const reference: unknown = current.$ref
    if (typeof reference !== 'string' || !reference.startsWith(SCHEMAS_PREFIX)) return { node: current, name }
    name = reference.slice(SCHEMAS_PREFIX.length)
    current = Object.hasOwn(shared, name) ? shared[name] : undefined
  }
  return { node: undefined, name } // a chain of references that never ends
}

/** The types a schema names, or those of the values it lists; undefined: any, or not known. */
function typesOf(node: Node): Set<string> | undefined {
  const { type } = node
  if (typeof type === 'string') return new Set([type])
  if (Array.isArray(type)) return new Set(type.filter((one) => TYPES.includes(one as 'null')))
  return hasAlternatives(node) ? undefined : valuesOf(node) && new Set(valuesOf(node)?.map(typeOfValue))
}

const hasAlternatives = (node: Node): boolean =>
  ['anyOf', 'oneOf', 'allOf', '$ref', 'if'].some((keyword) => Object.hasOwn(node, keyword))

function typeOfValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const accepts = (types: Set<string>, type: string): boolean =>
  types.has(type) || (type === 'integer' && types.has('number'))

const valuesOf = (node: Node): unknown[] | undefined =>
  Array.isArray(node.enum) ? node.enum : Object.hasOwn(node, 'const') ? [node.const] : undefined

const propertiesOf = (node: Node): Record<string, JsonSchema> =>
  typeof node.properties === 'object' && node.properties !== null
    ? (node.properties as Record<string, JsonSchema>)
    : {}

const requiredOf = (node: Node): Set<string> =>
  new Set(Array.isArray(node.required) ? node.required.filter((name) => typeof name === 'string') : [])

const schemaAt = (node: Node, key: string): JsonSchema | undefined => {
  const value = node[key]
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value))
    ? (value as JsonSchema)
    : undefined
}

const narrower = (old: unknown, now: unknown, isNarrower: (old: number, now: number) => boolean): boolean =>
  typeof now === 'number' && (typeof old !== 'number' || isNarrower(old, now))
