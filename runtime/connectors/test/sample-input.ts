import { createHash } from 'node:crypto'
import { sample } from 'openapi-sampler'
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { wordsOf } from '../fix/similarity.ts'
import { resolved } from './roles.ts'

export interface SampledInput {
  input: JsonObject
  /** Keys whose values nobody gave and no schema names: the API may well refuse them. */
  madeUp: string[]
}

export interface Sampling {
  action: ActionDefinition
  schemas: Record<string, JsonSchema>
  seed: number
  /** Put before the names of what is made. */
  prefix: string
  /** Values that are settled already: given by the caller, or keys of things. */
  settled: JsonObject
  /** Also a few optional texts a person would fill in, so that there is something to read back. */
  withTexts: boolean
  /** None of those texts. */
  except?: string | undefined
  /** Tells values of one call from those of another: an update sends others than the create did. */
  variant: string
}

const OPTIONS = { quiet: true, skipNonRequired: true, skipReadOnly: true, maxSampleDepth: 8 } as const
/** Optional fields by which things are told apart, and that any API takes as free text. */
const TEXTS = [
  'name',
  'title',
  'subject',
  'description',
  'summary',
  'label',
  'note',
  'body',
  'text',
  'content',
]
const MAX_TEXTS = 2

/** An input as the action's own schema asks for, the same for the same seed. */
export function sampleInput(sampling: Sampling): SampledInput {
  const { action, schemas, settled, withTexts, except } = sampling
  const { properties = {}, required = [] } = action.inputSchema as {
    properties?: Record<string, unknown>
    required?: string[]
  }
  const wanted = new Set(required)
  if (withTexts)
    for (const key of textsIn(action, properties, schemas, settled)) if (key !== except) wanted.add(key)
  const input: JsonObject = { ...settled }
  const madeUp: string[] = []
  for (const key of wanted) {
    if (Object.hasOwn(settled, key)) continue
    const { value, known } = sampledValue(properties[key], key, sampling)
    input[key] = value
    if (!known) madeUp.push(key)
  }
  return { input, madeUp }
}

/** Values that the schema itself names, of all inputs. */
export function knownValues({ inputSchema }: ActionDefinition, schemas: Record<string, unknown>): JsonObject {
  const { properties = {} } = inputSchema as { properties?: Record<string, unknown> }
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, schema]) => {
      const told = saidBy(resolved(schema, schemas))
      return told === undefined ? [] : [[key, told]]
    }),
  )
}

/** What a schema says a value may be, before anything is made up. */
function saidBy(schema: Record<string, unknown> | undefined): Json | undefined {
  if (schema === undefined) return undefined
  const { const: constant, example, examples, default: usual, enum: choices } = schema
  const named = [constant, example, firstOf(examples), usual, firstOf(choices)]
  return named.find((value) => value !== undefined && value !== null) as Json | undefined
}

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined)

function textsIn(
  { parameters }: ActionDefinition,
  properties: Record<string, unknown>,
  schemas: Record<string, unknown>,
  settled: JsonObject,
): string[] {
  const outside = new Set(parameters.map(({ inputKey }) => inputKey))
  return TEXTS.filter((key) => {
    if (outside.has(key) || Object.hasOwn(settled, key)) return false
    const schema = resolved(properties[key], schemas)
    return schema !== undefined && isFreeText(schema)
  }).slice(0, MAX_TEXTS)
}

const isFreeText = ({
  type,
  enum: choices,
  const: constant,
  format,
  pattern,
  readOnly,
}: Record<string, unknown>) =>
  (type === 'string' || (Array.isArray(type) && type.includes('string'))) &&
  choices === undefined &&
  constant === undefined &&
  format === undefined &&
  pattern === undefined &&
  readOnly !== true

function sampledValue(schema: unknown, key: string, sampling: Sampling): { value: Json; known: boolean } {
  const { schemas } = sampling
  const found = resolved(schema, schemas)
  const told = saidBy(found)
  if (
    found !== undefined &&
    (told === undefined ? usualFor(key, found) === undefined : isNameLike(key)) &&
    isFreeText(found)
  )
    return { value: nameFor(key, found, sampling), known: isNameLike(key) }
  if (told !== undefined) return { value: told, known: true }
  const usual = found === undefined ? undefined : usualFor(key, found)
  if (usual !== undefined) return { value: usual, known: true }
  if (found?.format === 'email') return { value: `${nameOfTest(key, sampling)}@example.com`, known: true }
  if (found === undefined) return { value: nameFor(key, {}, sampling), known: isNameLike(key) }
  const value = sample(schema as object, OPTIONS, { schemas }) as Json
  const known = typeof value === 'boolean' || found.format !== undefined
  return {
    value: namedWithin(value, found, sampling),
    known: known || isJsonObject(value) || Array.isArray(value),
  }
}

/** What such a field holds in most APIs, where its schema says no more than "a text" or "a number". */
const USUAL: Record<string, string> = {
  currency: 'usd',
  country: 'US',
  language: 'en',
  locale: 'en',
  timezone: 'UTC',
  color: 'ededed',
  url: 'https://example.com/patchbay-test',
  phone: '+15005550006',
}
const USUAL_NUMBER = 100

function usualFor(key: string, schema: Record<string, unknown>): string | number | undefined {
  const { type, minimum, maximum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema
  const unbounded = [minimum, maximum, exclusiveMaximum, exclusiveMinimum, multipleOf].every(
    (bound) => bound === undefined,
  )
  if ((type === 'integer' || type === 'number') && unbounded) return USUAL_NUMBER
  const usual = USUAL[wordsOf(key).at(-1) ?? '']
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema as {
    minLength?: number
    maxLength?: number
  }
  return usual !== undefined && isFreeText(schema) && usual.length >= minLength && usual.length <= maxLength
    ? usual
    : undefined
}

const isNameLike = (key: string): boolean => TEXTS.includes(key) || wordsOf(key).includes('name')

/** Texts the sampler had nothing for, inside of objects and lists, become names of this test. */
function namedWithin(value: Json, schema: Record<string, unknown>, sampling: Sampling): Json {
  if (Array.isArray(value)) {
    const items = resolved(schema.items, sampling.schemas)
    return items === undefined ? value : value.map((item) => namedWithin(item, items, sampling))
  }
  if (!isJsonObject(value)) return value
  const { properties } = schema
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const inner = resolved(
        isJsonObject(properties as Json) ? (properties as JsonObject)[key] : undefined,
        sampling.schemas,
      )
      if (inner === undefined) return [key, member]
      if (typeof member === 'string' && isFreeText(inner) && saidBy(inner) === undefined)
        return [key, nameFor(key, inner, sampling)]
      return [key, namedWithin(member, inner, sampling)]
    }),
  )
}

/** A text that tells who made the thing, in lower case and hyphens, which every kind of name allows. */
function nameFor(key: string, schema: Record<string, unknown>, sampling: Sampling): string {
  const { minLength, maxLength } = schema
  const name = isEmailKey(key) ? `${nameOfTest(key, sampling)}@example.com` : nameOfTest(key, sampling)
  const long = typeof minLength === 'number' ? name.padEnd(minLength, 'x') : name
  return typeof maxLength === 'number' && long.length > maxLength
    ? digest(key, sampling).slice(0, maxLength)
    : long
}

const isEmailKey = (key: string): boolean => wordsOf(key).includes('email')

const nameOfTest = (key: string, sampling: Sampling): string => `${sampling.prefix}-${digest(key, sampling)}`

/** Eight hex digits of the seed and the place: different for each field, the same in each run with that seed. */
const digest = (key: string, { seed, action, variant }: Sampling): string =>
  createHash('sha256')
    .update(JSON.stringify([seed, action.slug, key, variant]))
    .digest('hex')
    .slice(0, 8)
