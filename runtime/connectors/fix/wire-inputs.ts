import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition, ActionParameter } from '../action-definition.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'
import { likeness } from './similarity.ts'

/** One value of an action's input and where it travels: a parameter, a property of the body, or the whole body. */
export interface WireInput {
  place: ActionParameter['in'] | 'body'
  /** Its name in the request; empty for a body given whole. */
  name: string
  /** Its key in the input. */
  key: string
  required: boolean
  schema: JsonSchema
  /** Absent in the body. */
  parameter?: ActionParameter
}

export function wireInputs(action: ActionDefinition): WireInput[] {
  const { inputSchema, parameters, body } = action
  const properties = (isSchemaObject(inputSchema.properties) ? inputSchema.properties : {}) as Record<
    string,
    JsonSchema
  >
  const required = new Set(Array.isArray(inputSchema.required) ? inputSchema.required : [])
  const common = (key: string) => ({ key, required: required.has(key), schema: properties[key] ?? true })
  const sent = parameters.map((parameter) => ({
    ...common(parameter.inputKey),
    required: parameter.required,
    place: parameter.in,
    name: parameter.name,
    parameter,
  }))
  if (body === undefined) return sent
  if (body.mode === 'whole') {
    return [...sent, { ...common(body.inputKey ?? 'body'), place: 'body', name: '' }]
  }
  const elsewhere = new Set(parameters.map(({ inputKey }) => inputKey))
  const inBody = Object.keys(properties)
    .filter((key) => !elsewhere.has(key))
    .map((key): WireInput => ({ ...common(key), place: 'body', name: body.properties?.[key] ?? key }))
  return [...sent, ...inBody]
}

export interface InputPair {
  ours: WireInput
  theirs: WireInput
  /** 0 to 1: how sure it is that both are the same value. */
  certainty: number
}

export interface Alignment {
  pairs: InputPair[]
  /** What the description does not know. */
  extra: WireInput[]
  /** What the action does not have. */
  missing: WireInput[]
}

const MIN_LIKENESS = 0.45
const ONLY_ONE_LEFT = 0.6

/** Which input of an action is which of the description: the same name, then the same key, then the likest ones. */
export function alignInputs(ours: readonly WireInput[], theirs: readonly WireInput[]): Alignment {
  const left = new Set(ours)
  const open = new Set(theirs)
  const pairs: InputPair[] = []
  const pair = (mine: WireInput, other: WireInput, certainty: number) => {
    left.delete(mine)
    open.delete(other)
    pairs.push({ ours: mine, theirs: other, certainty })
  }
  const byRule = (certainty: number, fits: (mine: WireInput, other: WireInput) => boolean) => {
    for (const mine of [...left]) {
      const other = [...open].find((candidate) => fits(mine, candidate))
      if (other !== undefined) pair(mine, other, certainty)
    }
  }
  byRule(1, (mine, other) => mine.place === other.place && sameName(mine, other))
  byRule(0.95, sameName)
  byRule(0.9, (mine, other) => mine.key === other.key)
  // What holds the others is none of them, however alike the names are.
  const single = [...left].filter((mine) => !holds(mine, open))
  const target = new Set([...open].filter((other) => !holds(other, left)))
  const likest = single
    .flatMap((mine) => [...target].map((other) => ({ mine, other, score: likenessOf(mine, other) })))
    .filter(({ score }) => score >= MIN_LIKENESS)
    .toSorted((a, b) => b.score - a.score)
  for (const { mine, other, score } of likest)
    if (left.has(mine) && open.has(other)) pair(mine, other, 0.5 + score * 0.4)
  const [only, another] = single.filter((mine) => left.has(mine))
  const [last, ...others] = [...target].filter(
    (other) => open.has(other) && other.place === only?.place && fitsInto(only, other),
  )
  if (only !== undefined && another === undefined && last !== undefined && others.length === 0)
    pair(only, last, ONLY_ONE_LEFT)
  return { pairs, extra: [...left], missing: [...open] }
}

/** Is this an envelope of fields that stand by themselves on the other side? */
function holds({ place, schema }: WireInput, others: ReadonlySet<WireInput>): boolean {
  const inside = isSchemaObject(schema) && isSchemaObject(schema.properties) ? schema.properties : {}
  const fields = [...others].filter((other) => other.place === 'body')
  const held = fields.filter(({ name }) => Object.hasOwn(inside, name))
  return place === 'body' && held.length > 0 && held.length * 2 >= fields.length
}

const sameName = (left: WireInput, right: WireInput): boolean =>
  left.name === right.name ||
  (left.place === 'header' && left.name.toLowerCase() === right.name.toLowerCase())

function likenessOf(mine: WireInput, other: WireInput): number {
  const names = Math.max(likeness(mine.name, other.name), likeness(mine.key, other.key))
  if (mine.place === 'path' && other.place === 'path') return Math.max(names, 0.5) // there are few, and all are needed
  if (names < 0.3) return 0
  return (
    names * 0.7 +
    (typeOf(mine.schema) === typeOf(other.schema) ? 0.1 : 0) +
    (mine.place === other.place ? 0.15 : 0) +
    (mine.required === other.required ? 0.05 : 0)
  )
}

const fitsInto = (mine: WireInput, other: WireInput): boolean =>
  typeOf(mine.schema) === typeOf(other.schema) && mine.required === other.required

const typeOf = (schema: JsonSchema): string =>
  isSchemaObject(schema) ? JSON.stringify(schema.type ?? sharedName(schema) ?? null) : 'null'
