import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { inOneLine, issuesOf } from '../../core/issues.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { isRejection } from './failures.ts'
import type { ChatMessage, ModelTier } from './models.ts'
import { parseModelJson } from './parse-json.ts'
import type { Asker } from './run-model.ts'
import type { Turn, TurnAnswer } from './turn.ts'

/** How a model is brought to answer in a schema, best first. */
const MODES = ['json_schema', 'tool', 'text'] as const
export type StructuredMode = (typeof MODES)[number]

const MAX_COMPLAINTS = 2
const MAX_ISSUES = 12

export interface StructuredCall<S extends z.ZodType> {
  tier: ModelTier
  name: string
  system: string
  prompt: string
  schema: S
  purpose?: string
}

/** See `RunModel.structured`. The mode that works is remembered per model in `modes`. */
export async function answerStructured<S extends z.ZodType>(
  ask: Asker,
  call: StructuredCall<S>,
): Promise<z.output<S>> {
  const form = answerForm(call.schema)
  const messages: ChatMessage[] = [{ role: 'user', content: call.prompt }]
  let complaint = ''
  for (let attempt = 0; attempt <= MAX_COMPLAINTS; attempt += 1) {
    const { answer, mode } = await inBestMode(ask, call, form, messages, attempt === 0)
    const said = mode === 'tool' ? (answer.toolCalls[0]?.arguments ?? answer.text) : answer.text
    const parsed = parseModelJson(said)
    if ('value' in parsed) {
      const value = form.unwrap(parsed.value)
      const result = await call.schema.safeParseAsync(value)
      if (result.success) return result.data
      complaint = issuesText(result.error)
    } else {
      complaint = answer.cutOff ? 'it was cut off at your length limit; be shorter' : parsed.complaint
      // It does not do what was asked in this way.
      if (!/[{[]/.test(said)) ask.modes.demote(call.tier, mode)
    }
    messages.push(
      { role: 'assistant', content: said || '(nothing)' },
      {
        role: 'user',
        content: `That answer does not fit: ${complaint}\nAnswer again, in full, with these mistakes put right and nothing else changed.`,
      },
    )
  }
  throw new AppError(
    'upstream_error',
    `The model gave no ${call.name} that fits, in ${MAX_COMPLAINTS + 1} answers: ${complaint}`,
    {
      where: `model ${ask.modelOf(call.tier)}`,
      hint: 'Try again, or configure a stronger model for this tier (PATCHBAY_MODEL_PLAN, _BUILD, _SMALL).',
      data: { name: call.name, complaint },
    },
  )
}

/** Asks in the best way the model is known to have; one the endpoint refuses gives way to the next. */
async function inBestMode(
  ask: Asker,
  call: StructuredCall<z.ZodType>,
  form: AnswerForm,
  messages: readonly ChatMessage[],
  step: boolean,
): Promise<{ answer: TurnAnswer; mode: StructuredMode }> {
  for (;;) {
    const mode = ask.modes.of(call.tier)
    try {
      const turn = turnIn(mode, call, form, messages)
      return { answer: await ask(call.tier, turn, { purpose: call.purpose ?? call.name, step }), mode }
    } catch (error) {
      if (!isRejection(error) || !ask.modes.demote(call.tier, mode)) throw error
    }
  }
}

function turnIn(
  mode: StructuredMode,
  { name, system }: StructuredCall<z.ZodType>,
  { schema, strict }: AnswerForm,
  messages: readonly ChatMessage[],
): Omit<Turn, 'model'> {
  if (mode === 'json_schema') return { system, messages, answerSchema: { name, schema, strict } }
  if (mode === 'tool') {
    const tools = [{ name, description: 'Gives the answer.', input: schema }]
    return { system, messages, tools, forcedTool: name }
  }
  const wanted = `Answer with one JSON value that fits this JSON Schema, and nothing else:\n${JSON.stringify(schema)}`
  return { system: `${system}\n\n${wanted}`, messages }
}

/** Which mode each model takes, as found out. */
export interface Modes {
  of(tier: ModelTier): StructuredMode
  /** The mode did not work: the next from now on. False when there is none. */
  demote(tier: ModelTier, mode: StructuredMode): boolean
}

export function buildModes(known: Map<string, StructuredMode>, modelOf: (tier: ModelTier) => string): Modes {
  const of = (tier: ModelTier) => known.get(modelOf(tier)) ?? MODES[0]
  return {
    of,
    demote(tier, mode) {
      const next = MODES[MODES.indexOf(mode) + 1]
      if (next === undefined) return false
      if (of(tier) === mode) known.set(modelOf(tier), next)
      return true
    },
  }
}

interface AnswerForm {
  schema: Record<string, unknown>
  strict: boolean
  unwrap(value: Json): unknown
}

/** The schema as it is sent. Endpoints want an object at the top, so that any other is wrapped in one. */
function answerForm(schema: z.ZodType): AnswerForm {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  if (json.type === 'object') {
    const closed = closeObjects(json)
    return { schema: closed, strict: isStrict(closed), unwrap: (value) => value }
  }
  const { $defs, ...inner } = json
  const wrapped = closeObjects({
    type: 'object',
    properties: { value: inner },
    required: ['value'],
    ...($defs === undefined ? {} : { $defs }),
  })
  return {
    schema: wrapped,
    strict: isStrict(wrapped),
    unwrap: (value) => (isJsonObject(value) && 'value' in value ? value.value : value),
  }
}

function closeObjects(schema: Record<string, unknown>): Record<string, unknown> {
  const members = Object.entries(schema).map(([key, value]) => [key, closeValue(value)] as const)
  const closed = Object.fromEntries(members)
  return schema.type === 'object' &&
    isJsonObject(schema.properties) &&
    schema.additionalProperties === undefined
    ? { ...closed, additionalProperties: false }
    : closed
}
const closeValue = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(closeValue) : isJsonObject(value) ? closeObjects(value) : value

const STRICT_KEYWORDS = new Set(
  'type properties required additionalProperties items enum const description title anyOf $ref $defs'.split(
    ' ',
  ),
)

/** Is it in the part of JSON Schema that endpoints can enforce while the model writes? All members required, none open. */
function isStrict(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false
  if (Object.keys(schema).some((key) => !STRICT_KEYWORDS.has(key))) return false
  const { properties, required, additionalProperties, items, anyOf, $defs } = schema
  const names = isJsonObject(properties) ? Object.keys(properties) : []
  if (schema.type === 'object' && additionalProperties !== false) return false
  if (names.some((name) => !Array.isArray(required) || !required.includes(name))) return false
  return [
    ...(isJsonObject(properties) ? Object.values(properties) : []),
    ...(isJsonObject($defs) ? Object.values($defs) : []),
    ...(Array.isArray(anyOf) ? anyOf : []),
    ...(items === undefined ? [] : [items]),
  ].every(isStrict)
}

const issuesText = (error: z.ZodError): string =>
  inOneLine(issuesOf(error, 'the answer').slice(0, MAX_ISSUES))
