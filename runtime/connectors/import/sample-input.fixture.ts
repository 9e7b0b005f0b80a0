import type { Json, JsonObject, JsonSchema } from '../../../core/json.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'

const MAX_DEPTH = 6

/** How samples are chosen. */
export interface SampleChoice {
  /** The next number of a series, from 0 to 1: the same series gives the same sample. Always 0 when left out. */
  chance?: () => number
  /** Which optional fields are there: those at the top, none, or each by chance. */
  optional?: 'top' | 'none' | 'chance'
}

/**
 * A value that fits a schema of a definition: required fields (all fields near the top), first alternatives,
 * smallest sizes, unless `choice` says otherwise. Best effort: contradictory schemas have no sample.
 */
export function sampleInput(
  schemas: Record<string, JsonSchema>,
  schema: JsonSchema,
  choice: SampleChoice = {},
): JsonObject {
  const value = sample(schemas, schema, 0, { chance: () => 0, optional: 'top', ...choice })
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}

function sample(
  schemas: Record<string, JsonSchema>,
  schema: JsonSchema,
  depth: number,
  how: Required<SampleChoice>,
): Json {
  if (!isSchemaObject(schema)) return 'x'
  const name = sharedName(schema)
  if (name !== undefined) return sample(schemas, schemas[name] ?? true, depth + 1, how)
  if (schema.const !== undefined) return schema.const as Json
  if (Array.isArray(schema.enum)) return pick(schema.enum, how) as Json
  const parts = Array.isArray(schema.allOf) ? (schema.allOf as JsonSchema[]) : []
  const choices = [schema.oneOf, schema.anyOf].filter(Array.isArray)
  const choice = choices[0] === undefined ? undefined : (pick(choices[0], how) as JsonSchema)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  const merged = [...parts, ...(choice === undefined ? [] : [choice])].map((part) =>
    sample(schemas, part, depth + 1, how),
  )
  if (type === undefined || type === 'object') {
    const objects = merged.filter((part) => typeof part === 'object' && part !== null && !Array.isArray(part))
    const isObject =
      type === 'object' ||
      isSchemaObject(schema.properties) ||
      Array.isArray(schema.required) ||
      objects.length > 0
    if (isObject)
      return Object.assign({}, ...objects, sampleProperties(schemas, schema, depth, how)) as JsonObject
    return merged[0] ?? FORMATS[String(schema.format)] ?? 'x'
  }
  if (merged[0] !== undefined && type !== 'array') return merged[0]
  return samplePrimitive(schemas, schema, String(type), depth, how)
}

function sampleProperties(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  depth: number,
  how: Required<SampleChoice>,
): JsonObject {
  const properties = isSchemaObject(schema.properties) ? schema.properties : {}
  const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : [])
  const isWanted = {
    top: () => depth === 0,
    none: () => false,
    chance: () => depth < 4 && how.chance() < 0.5,
  }[how.optional]
  const wanted = Object.keys(properties).filter((key) => required.has(key) || isWanted())
  // Required by one alternative, described beside it: the description, if any, wins over this 'x'.
  for (const key of required) if (!Object.hasOwn(properties, key)) wanted.push(key)
  if (depth > MAX_DEPTH) return {}
  return Object.fromEntries(
    wanted.map((key) => [
      key,
      sample(schemas, (properties[key] as JsonSchema | undefined) ?? true, depth + 1, how),
    ]),
  )
}

const FORMATS: Record<string, string> = {
  date: '2026-01-02',
  'date-time': '2026-01-02T03:04:05Z',
  uuid: '11111111-2222-4333-8444-555555555555',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  email: 'ann@example.com',
  uri: 'https://example.com/a',
  url: 'https://example.com/a',
  hostname: 'example.com',
}

function samplePrimitive(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  type: string,
  depth: number,
  how: Required<SampleChoice>,
): Json {
  const number = (key: string, fallback: number) => (typeof schema[key] === 'number' ? schema[key] : fallback)
  switch (type) {
    case 'array': {
      const length = depth > MAX_DEPTH ? 0 : Math.max(1, number('minItems', 1))
      return Array.from({ length }, () =>
        sample(schemas, (schema.items as JsonSchema | undefined) ?? true, depth + 1, how),
      )
    }
    case 'string':
      return (
        FORMATS[String(schema.format)] ??
        text(number('minLength', 1), number('maxLength', 200), schema.pattern, how)
      )
    case 'integer':
    case 'number':
      return Math.max(
        number('minimum', 1),
        Math.min(1, number('maximum', 1)),
        number('exclusiveMinimum', 0) + 1,
      )
    case 'boolean':
      return how.chance() < 0.5
    default:
      return null
  }
}

const pick = (list: unknown[], { chance }: Required<SampleChoice>): unknown =>
  list[Math.min(list.length - 1, Math.floor(chance() * list.length))]

/** Texts that are hard to carry, of which one is taken by chance. */
const TEXTS = [
  'x',
  'two words',
  'a&b=c?d#e',
  'Zażółć "gęślą" jaźń',
  '100% +1',
  'a/b\\c',
  "it's, [ok]; {fine}",
  '👋 日本語',
]

function text(min: number, max: number, pattern: unknown, how: Required<SampleChoice>): string {
  const wanted = typeof pattern === 'string' ? 'x' : String(pick(TEXTS, how))
  const long = wanted.length >= min ? wanted : wanted + 'x'.repeat(min - wanted.length)
  return long.length <= max ? long : 'x'.repeat(Math.max(min, Math.min(max, 1)))
}
