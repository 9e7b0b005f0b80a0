import { z } from 'zod'
import type { JsonSchema } from '../../core/json.ts'

/** A JSON Schema as a field of a definition. */
export const JsonSchemaValue = z.union([z.boolean(), z.record(z.string(), z.unknown())])

/** Where definitions keep shared schemas, and how they refer to them. */
export const SCHEMAS_PREFIX = '#/schemas/'

export const isSchemaObject = (schema: unknown): schema is { [key: string]: unknown } =>
  typeof schema === 'object' && schema !== null && !Array.isArray(schema)

/** The name of the shared schema that `schema` refers to, if it is a reference. */
export function sharedName(schema: unknown): string | undefined {
  if (!isSchemaObject(schema)) return undefined
  const { $ref } = schema
  return typeof $ref === 'string' && $ref.startsWith(SCHEMAS_PREFIX)
    ? $ref.slice(SCHEMAS_PREFIX.length)
    : undefined
}

const MAP_KEYWORDS = new Set(['properties', 'patternProperties', '$defs', 'dependentSchemas'])
const LIST_KEYWORDS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const SCHEMA_KEYWORDS = new Set([
  'items',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'contains',
  'not',
  'if',
  'then',
  'else',
])

/**
 * A copy of `schema` with `visit` applied to each schema directly inside it. Values that are data
 * (`enum`, `const`, `default`) are left alone, so a `$ref` in an example is never taken for a reference.
 */
export function mapSubschemas(
  schema: { [key: string]: unknown },
  visit: (child: JsonSchema) => JsonSchema,
): { [key: string]: unknown } {
  const out: { [key: string]: unknown } = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (SCHEMA_KEYWORDS.has(keyword) && (isSchemaObject(value) || typeof value === 'boolean')) {
      out[keyword] = visit(value)
    } else if (MAP_KEYWORDS.has(keyword) && isSchemaObject(value)) {
      out[keyword] = Object.fromEntries(
        Object.entries(value).map(([key, child]) => [key, visit(child as JsonSchema)]),
      )
    } else if (LIST_KEYWORDS.has(keyword) && Array.isArray(value)) {
      out[keyword] = value.map((child) => visit(child as JsonSchema))
    } else {
      out[keyword] = value
    }
  }
  return out
}

/** Names of the shared schemas that `schema` refers to directly. */
export function directReferences(schema: JsonSchema, into = new Set<string>()): Set<string> {
  if (!isSchemaObject(schema)) return into
  const name = sharedName(schema)
  if (name !== undefined) into.add(name)
  mapSubschemas(schema, (child) => {
    directReferences(child, into)
    return child
  })
  return into
}
