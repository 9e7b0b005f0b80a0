import type { JsonSchema } from '../../core/json.ts'
import { directReferences, isSchemaObject, mapSubschemas, SCHEMAS_PREFIX, sharedName } from './json-schema.ts'

export interface BundledSchema {
  /** Self-contained: references are `#/$defs/<name>`. */
  schema: JsonSchema
  /** Names of shared schemas, or `(root)`, of which parts were left out to keep the size. */
  truncated: string[]
}

const DEFAULT_MAX_BYTES = 64 * 1024
const MIN_DEPTH = 2
const MAX_DEPTH = 12

/**
 * `schema` with the shared schemas it needs under `$defs`, at most `maxBytes` of JSON. Schemas are taken
 * nearest first; one that does not fit becomes "any value" with a description that says so, and is listed in
 * `truncated`. Cycles stay references. With `maxBytes: Infinity` nothing is left out.
 */
export function bundleSchema(
  schemas: Record<string, JsonSchema>,
  schema: JsonSchema,
  options: { maxBytes?: number } = {},
): BundledSchema {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  const truncated = new Set<string>()
  let root = localize(schema, undefined)
  if (maxBytes !== Number.POSITIVE_INFINITY) {
    for (let depth = MAX_DEPTH; sizeOf(root) > maxBytes && depth >= MIN_DEPTH; depth -= 1) {
      truncated.add('(root)')
      root = cut(localize(schema, undefined), depth)
    }
  }

  const kept = new Map<string, JsonSchema>()
  const seen = new Set<string>(directReferences(schema))
  let size = sizeOf(root)
  // A Set iterates over what is added meanwhile: this is a breadth-first walk.
  for (const name of seen) {
    const definition = Object.hasOwn(schemas, name) ? schemas[name] : undefined
    if (definition === undefined) continue
    const localized = localize(definition, undefined)
    size += maxBytes === Number.POSITIVE_INFINITY ? 0 : sizeOf(localized) + name.length + 4
    if (size > maxBytes) {
      truncated.add(name)
      continue
    }
    kept.set(name, localized)
    directReferences(definition, seen)
  }
  if (seen.size === 0) return { schema: root, truncated: [...truncated] }

  const present = new Set(kept.keys())
  const complete = (part: JsonSchema) => (seen.size === present.size ? part : localize(part, present))
  const closed = complete(root)
  const $defs = Object.fromEntries([...kept].map(([name, part]) => [name, complete(part)]))
  if (!isSchemaObject(closed) || kept.size === 0) return { schema: closed, truncated: [...truncated] }
  return { schema: { ...closed, $defs }, truncated: [...truncated] }
}

const DEFS_PREFIX = '#/$defs/'

/** Turns `#/schemas/x` into `#/$defs/x`; with `present`, references to anything else become "any value". */
function localize(schema: JsonSchema, present: Set<string> | undefined): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  const { $ref } = schema
  const name =
    sharedName(schema) ??
    (typeof $ref === 'string' && $ref.startsWith(DEFS_PREFIX) ? $ref.slice(DEFS_PREFIX.length) : undefined)
  const mapped = mapSubschemas(schema, (child) => localize(child, present))
  if (name === undefined) return mapped
  if (present === undefined || present.has(name)) return { ...mapped, $ref: DEFS_PREFIX + name }
  const { $ref: _dropped, ...rest } = mapped
  return { description: `Any ${name}; its schema is left out here to keep this short.`, ...rest }
}

function cut(schema: JsonSchema, depth: number): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  if (depth === 0) {
    const { type, description } = schema
    return {
      ...(type === undefined ? {} : { type }),
      description: `${typeof description === 'string' ? `${description} ` : ''}(Details left out here to keep this short.)`,
    }
  }
  return mapSubschemas(schema, (child) => cut(child, depth - 1))
}

const sizeOf = (schema: JsonSchema): number => Buffer.byteLength(JSON.stringify(schema))

/** The name part of a reference to a shared schema. */
export const schemaReference = (name: string): { $ref: string } => ({ $ref: SCHEMAS_PREFIX + name })
