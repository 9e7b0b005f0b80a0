import type { Json, JsonObject, JsonSchema } from '../../../core/json.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'

const MAX_DEPTH = 6

/**
 * A value that fits a schema of a definition, made without chance: required fields (all fields near the top),
 * first alternatives, smallest sizes. Best effort: contradictory schemas have no sample.
 */
export function sampleInput(schemas: Record<string, JsonSchema>, schema: JsonSchema): JsonObject {
  const value = sample(schemas, schema, 0)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function sample(schemas: Record<string, JsonSchema>, schema: JsonSchema, depth: number): Json {
  if (!isSchemaObject(schema)) return 'x'
  const name = sharedName(schema)
  if (name !== undefined) return sample(schemas, schemas[name] ?? true, depth + 1)
  if (schema.const !== undefined) return schema.const as Json
  if (Array.isArray(schema.enum)) return schema.enum[0] as Json
  const parts = Array.isArray(schema.allOf) ? (schema.allOf as JsonSchema[]) : []
  const [choice] = [schema.oneOf, schema.anyOf].filter(Array.isArray).flat() as JsonSchema[]
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  const merged = [...parts, ...(choice === undefined ? [] : [choice])].map((part) =>
    sample(schemas, part, depth + 1),
  )
  if (type === undefined || type === 'object') {
    const objects = merged.filter((part) => typeof part === 'object' && part !== null && !Array.isArray(part))
    const isObject =
      type === 'object' ||
      isSchemaObject(schema.properties) ||
      Array.isArray(schema.required) ||
      objects.length > 0
    if (isObject) return Object.assign({}, ...objects, sampleProperties(schemas, schema, depth)) as JsonObject
    return merged[0] ?? FORMATS[String(schema.format)] ?? 'x'
  }
  if (merged[0] !== undefined && type !== 'array') return merged[0]
  return samplePrimitive(schemas, schema, String(type), depth)
}

function sampleProperties(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  depth: number,
): JsonObject {
  const properties = isSchemaObject(schema.properties) ? schema.properties : {}
  const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : [])
  const wanted = Object.keys(properties).filter((key) => required.has(key) || depth === 0)
  // Required by one alternative, described beside it: the description, if any, wins over this 'x'.
  for (const key of required) if (!Object.hasOwn(properties, key)) wanted.push(key)
  if (depth > MAX_DEPTH) return {}
  return Object.fromEntries(
    wanted.map((key) => [
      key,
      sample(schemas, (properties[key] as JsonSchema | undefined) ?? true, depth + 1),
    ]),
  )
}

const FORMATS: Record<string, string> = {
  date: '2026-01-02',
  'date-time': '2026-01-02T03:04:05Z',
  uuid: '11111111-2222-4333-8444-555555555555',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
}

function samplePrimitive(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  type: string,
  depth: number,
): Json {
  const number = (key: string, fallback: number) => (typeof schema[key] === 'number' ? schema[key] : fallback)
  switch (type) {
    case 'array': {
      const length = depth > MAX_DEPTH ? 0 : Math.max(1, number('minItems', 1))
      return Array.from({ length }, () =>
        sample(schemas, (schema.items as JsonSchema | undefined) ?? true, depth + 1),
      )
    }
    case 'string':
      return FORMATS[String(schema.format)] ?? 'x'.repeat(Math.max(number('minLength', 1), 1))
    case 'integer':
    case 'number':
      return Math.max(
        number('minimum', 1),
        Math.min(1, number('maximum', 1)),
        number('exclusiveMinimum', 0) + 1,
      )
    case 'boolean':
      return true
    default:
      return null
  }
}
