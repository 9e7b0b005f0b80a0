import fc from 'fast-check'
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
  const type = Array.isArray(schema.type) ? pick(schema.type, how) : schema.type
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
    if (isObject) {
      const named = sampleProperties(schemas, schema, depth, how)
      const out = Object.assign({}, ...objects, named) as JsonObject
      // An alternative may require what only the schema around it describes.
      const described = isSchemaObject(schema.properties) ? schema.properties : {}
      for (const key of Object.keys(out)) {
        if (Object.hasOwn(named, key) || !Object.hasOwn(described, key)) continue
        out[key] = sample(schemas, described[key] as JsonSchema, depth + 1, how)
      }
      return out
    }
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
  // Maps have names of their own, which a body or query must carry too.
  const { additionalProperties: more } = schema
  const named = how.optional === 'chance' && isSchemaObject(more) && depth < 4 ? ['a key', 'k2'] : []
  if (depth > MAX_DEPTH) return {}
  if (required.has('base64')) return sampleFile(how)
  return Object.fromEntries([
    ...named.map((key) => [key, sample(schemas, more as JsonSchema, depth + 1, how)] as const),
    ...wanted.map(
      (key) =>
        [key, sample(schemas, (properties[key] as JsonSchema | undefined) ?? true, depth + 1, how)] as const,
    ),
  ])
}

/** Bytes as inputs hold them; by chance with a name and a type. */
function sampleFile(how: Required<SampleChoice>): JsonObject {
  const some = () => how.optional === 'top' || (how.optional === 'chance' && how.chance() < 0.5)
  return {
    base64: 'aGVsbG8/Pg==',
    ...(some() ? { filename: String(pick(TEXTS, how)) } : {}),
    ...(some() ? { contentType: String(pick(['image/png', 'text/plain; charset=utf-8'], how)) } : {}),
  }
}

const FORMATS: Record<string, string> = {
  date: '2026-01-02',
  'date-time': '2026-01-02T03:04:05Z',
  time: '03:04:05Z',
  duration: 'P1D',
  uuid: '11111111-2222-4333-8444-555555555555',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  email: 'ada@example.com',
  uri: 'https://example.com/a?b=c&d=%20e#f',
  url: 'https://example.com/a?b=c&d=%20e#f',
  'uri-reference': '/a?b=c&d=%20e',
  hostname: 'www.example.com',
  byte: 'aGVsbG8/Pg==',
}

function samplePrimitive(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  type: string,
  depth: number,
  how: Required<SampleChoice>,
): Json {
  switch (type) {
    case 'array':
      return sampleArray(schemas, schema, depth, how)
    case 'string':
      return FORMATS[String(schema.format)] ?? sampleText(schema, how)
    case 'integer':
    case 'number':
      return sampleNumber(schema, type, how)
    case 'boolean':
      return how.chance() < 0.5
    default:
      return null
  }
}

const numberIn = (schema: { [key: string]: unknown }, key: string, fallback: number): number =>
  typeof schema[key] === 'number' ? schema[key] : fallback

function sampleArray(
  schemas: Record<string, JsonSchema>,
  schema: { [key: string]: unknown },
  depth: number,
  how: Required<SampleChoice>,
): Json[] {
  const least = numberIn(schema, 'minItems', 0)
  const most = Math.min(numberIn(schema, 'maxItems', 3), Math.max(3, least))
  const wanted = how.optional === 'chance' ? Math.floor(how.chance() * 4) : 1
  const length = depth > MAX_DEPTH ? least : Math.max(least, Math.min(wanted, most))
  const items = Array.from({ length }, () =>
    sample(schemas, (schema.items as JsonSchema | undefined) ?? true, depth + 1, how),
  )
  return schema.uniqueItems === true
    ? [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
    : items
}

/** The number nearest to 1, or by chance one of the edges. */
function sampleNumber(
  schema: { [key: string]: unknown },
  type: 'integer' | 'number',
  how: Required<SampleChoice>,
): number {
  const step = numberIn(schema, 'multipleOf', type === 'integer' ? 1 : 0.5)
  const low = Math.max(
    numberIn(schema, 'minimum', Number.NEGATIVE_INFINITY),
    numberIn(schema, 'exclusiveMinimum', Number.NEGATIVE_INFINITY) + step,
  )
  const high = Math.min(
    numberIn(schema, 'maximum', Number.POSITIVE_INFINITY),
    numberIn(schema, 'exclusiveMaximum', Number.POSITIVE_INFINITY) - step,
  )
  const near = Math.ceil(Math.max(low, Math.min(1, high)) / step) * step
  return pick([near, ...[low, high].filter(Number.isSafeInteger)], how) as number
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

function sampleText(schema: { [key: string]: unknown }, how: Required<SampleChoice>): string {
  const least = numberIn(schema, 'minLength', 1)
  const most = numberIn(schema, 'maxLength', 200)
  if (typeof schema.pattern === 'string') return matching(schema.pattern, least, most, how)
  const wanted = String(pick(TEXTS, how))
  const long = wanted.length >= least ? wanted : wanted + 'x'.repeat(least - wanted.length)
  return long.length <= most ? long : 'x'.repeat(Math.max(least, Math.min(most, 1)))
}

const MATCH_ATTEMPTS = 20

/** A text that fits a pattern; 'x' where no generator knows it (lookaround). */
function matching(pattern: string, least: number, most: number, how: Required<SampleChoice>): string {
  const fallback = 'x'.repeat(Math.max(1, least))
  try {
    const texts = fc.stringMatching(new RegExp(pattern, 'u'), { size: '-1' })
    const seed = Math.floor(how.chance() * 2 ** 31)
    const found = fc.sample(texts, { seed, numRuns: MATCH_ATTEMPTS })
    return found.find((text) => text.length >= least && text.length <= most) ?? fallback
  } catch {
    return fallback
  }
}
