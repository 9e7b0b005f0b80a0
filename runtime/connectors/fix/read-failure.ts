import { isJsonObject, type JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isSchemaObject } from '../json-schema.ts'
import type { ComparedAspect } from './compare-action.ts'
import type { Evidence } from './evidence.ts'
import { changeAt, stepsOf, typeOfValue, valueAt, withType } from './mend-schema.ts'
import type { Schemas } from './portable-schema.ts'
import { wordsOf } from './similarity.ts'
import { type WireInput, wireInputs } from './wire-inputs.ts'

/** How sure it is what an app's own words mean. */
const TOLD = 0.6
const GUESSED = 0.4

type Reader = (action: ActionDefinition, evidence: Evidence, schemas: Schemas) => ComparedAspect[]

/**
 * What failures alone tell about an action, without a description: the methods a 405 allows, where a 301 leads,
 * which content type a 415 asks for, the field, type or values that an error names, and how answers differ from the
 * output schema.
 */
export function readFailures(
  action: ActionDefinition,
  evidence: readonly Evidence[],
  schemas: Schemas,
): ComparedAspect[] {
  const readers: Reader[] = [readAllow, readRedirect, readContentType, readComplaints, readAnswer]
  return evidence.flatMap((one) => readers.flatMap((read) => read(action, one, schemas)))
}

const told = (
  aspect: ComparedAspect['aspect'],
  where: string,
  what: string,
  mend: ComparedAspect['mend'],
  certainty = TOLD,
): ComparedAspect => ({ aspect, differences: [{ where, what, certainty }], mend })

/** Methods that are taken for one another: all of them change something with a body. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

const readAllow: Reader = (action, { status, headers }) => {
  if (status !== 405) return []
  const allowed = (headers.allow ?? '')
    .split(',')
    .map((method) => method.trim().toUpperCase())
    .filter((method) => method !== '' && method !== 'HEAD' && method !== 'OPTIONS')
  if (allowed.includes(action.method)) return []
  const alike = allowed.filter((method) => WITH_BODY.has(method) === (action.body !== undefined))
  const [only, another] = allowed.length === 1 ? allowed : alike
  if (only === undefined || another !== undefined) return []
  return [
    told('address', '/method', `the app allows ${allowed.join(', ')}`, (before) => ({
      ...before,
      method: only,
    })),
  ]
}

const readRedirect: Reader = (action, { status, headers, url }) => {
  const target = headers.location
  if (![301, 308].includes(status ?? 0) || target === undefined || url === undefined) return []
  const [from, to] = [URL.parse(url), URL.parse(target, url)]
  if (from === null || to === null || from.origin !== to.origin) return []
  const template = action.path.split('/')
  const old = from.pathname.split('/')
  const base = old.slice(0, old.length - template.length + 1)
  const moved = to.pathname.split('/')
  if (!base.every((segment, index) => moved[index] === segment)) return []
  const values = new Map(
    template.slice(1).map((part, index) => [old[base.length + index] ?? '', part] as const),
  )
  const path = `/${moved
    .slice(base.length)
    .map((segment) => (values.get(segment)?.includes('{') ? (values.get(segment) ?? segment) : segment))
    .join('/')}`
  if (path === action.path) return []
  return [told('address', '/path', `the app leads to ${path}`, (before) => ({ ...before, path }))]
}

const MEDIA_TYPE = /\b(?:application|multipart|text)\/[a-z0-9.+-]+/gi

const readContentType: Reader = ({ body }, { status, headers, message }) => {
  if (status !== 415 || body === undefined) return []
  const offered = [headers['accept-post'], headers['accept-patch'], headers.accept, message]
    .flatMap((text) => text?.match(MEDIA_TYPE) ?? [])
    .map((type) => type.toLowerCase())
  const contentType = offered.find((type) => type !== body.contentType && type !== 'application/problem+json')
  if (contentType === undefined) return []
  return [
    told('inputs', '/body/contentType', `the app wants ${contentType}`, (before) =>
      before.body === undefined ? before : { ...before, body: { ...before.body, contentType } },
    ),
  ]
}

const TYPES = 'string|integer|number|boolean|array|object'
const NAME = '[\'"`]?([A-Za-z_][\\w.$\\[\\]-]*)[\'"`]?'
const WRONG_TYPE = new RegExp(
  `${NAME}(?: (?:property|parameter|field))? (?:must|should) be (?:an? )?(${TYPES})\\b`,
  'gi',
)
const REQUIRED_FIRST = new RegExp(`required (?:property|parameter|field)s?:? ${NAME}`, 'gi')
const REQUIRED_LAST = new RegExp(`${NAME} (?:is required|is missing|must be given)`, 'gi')
const ONE_OF = new RegExp(
  `${NAME} must be (?:equal to )?one of (?:the allowed values: )?([\\w"', .-]+)`,
  'gi',
)
const NO_NAME = new Set(['property', 'parameter', 'field', 'body', 'it', 'value', 'which', 'request'])

/** Sentences of an error that name a field: which type it must have, which values, and that it is required. */
const readComplaints: Reader = (action, { status, message }, schemas) => {
  if (status === undefined || ![400, 409, 422].includes(status)) return []
  const inputs = wireInputs(action)
  const found: ComparedAspect[] = []
  const sentences = [...new Set(message.split(/(?<=[.;])\s|["{}\n]|\\"/))]
  for (const sentence of sentences) {
    for (const [, name = '', type = ''] of sentence.matchAll(WRONG_TYPE)) {
      found.push(
        ...changeInput(inputs, name, `must be ${type}`, schemas, (part) =>
          withType(part, type.toLowerCase()),
        ),
      )
    }
    for (const [, name = '', list = ''] of sentence.matchAll(ONE_OF)) {
      const values = list
        .split(',')
        .map((value) => value.replace(/["'.]/g, '').trim())
        .filter((value) => value !== '')
      found.push(
        ...changeInput(inputs, name, `must be one of ${values.join(', ')}`, schemas, (part) => ({
          ...part,
          enum: values,
        })),
      )
    }
    for (const match of [...sentence.matchAll(REQUIRED_FIRST), ...sentence.matchAll(REQUIRED_LAST)]) {
      const name = match[1] ?? ''
      if (!NO_NAME.has(name.toLowerCase())) found.push(requireInput(action, inputs, name, placeIn(sentence)))
    }
  }
  return found
}

const placeIn = (sentence: string): WireInput['place'] =>
  /\bquery\b/i.test(sentence)
    ? 'query'
    : /\bheader\b/i.test(sentence)
      ? 'header'
      : /\bcookie\b/i.test(sentence)
        ? 'cookie'
        : 'body'

function changeInput(
  inputs: readonly WireInput[],
  name: string,
  what: string,
  schemas: Schemas,
  change: (part: Record<string, unknown>) => Record<string, unknown>,
): ComparedAspect[] {
  const steps = stepsOf(name).filter(
    (step, index) => index > 0 || !['body', 'request', 'input'].includes(step),
  )
  const input = inputs.find((candidate) => candidate.name === steps[0])
  if (input === undefined) return []
  const schema = changeAt(input.schema, steps.slice(1), schemas, change)
  if (schema === undefined) return []
  const where = `/inputSchema/properties/${input.key}`
  return [
    told('inputs', where, `the app says '${name}' ${what}`, (before) =>
      withProperty(before, input.key, schema),
    ),
  ]
}

function requireInput(
  action: ActionDefinition,
  inputs: readonly WireInput[],
  name: string,
  place: WireInput['place'],
): ComparedAspect {
  const known = inputs.find((input) => input.name === name && (input.place === place || place === 'body'))
  const what = `the app says '${name}' is required`
  if (known !== undefined) {
    return told('inputs', '/inputSchema/required', what, (before) => ({
      ...withRequired(before, known.key),
      parameters: before.parameters.map((parameter) =>
        parameter.inputKey === known.key ? { ...parameter, required: true } : parameter,
      ),
    }))
  }
  const renamed = inputs.find(
    (input) => input.place === place && wordsOf(input.name).some((word) => wordsOf(name).includes(word)),
  )
  const key = renamed?.key ?? name.replace(/[^A-Za-z0-9_.-]/g, '_')
  const sent = (before: ActionDefinition): ActionDefinition => {
    if (place === 'body' && before.body !== undefined)
      return name === key
        ? before
        : { ...before, body: { ...before.body, properties: { ...before.body.properties, [key]: name } } }
    const others = before.parameters.filter(({ inputKey }) => inputKey !== key)
    const to = place === 'header' || place === 'cookie' ? place : 'query'
    const style = to === 'header' ? 'simple' : 'form'
    return {
      ...before,
      parameters: [
        ...others,
        { name, in: to, inputKey: key, required: true, style, explode: style === 'form' },
      ],
    }
  }
  const schema = renamed?.schema ?? propertyOf(action, key) ?? { type: 'string' }
  return told(
    'inputs',
    '/inputSchema',
    what,
    (before) => sent(withRequired(withProperty(before, key, schema), key)),
    GUESSED,
  )
}

/** How an answer in order differs from the output schema, told of the value that came. */
const readAnswer: Reader = (action, { status, warnings, body }, schemas) => {
  if (status === undefined || status >= 300) return []
  return warnings.flatMap((warning) => {
    const [, path = '', rest = ''] = /^output([^ ]*) (.+)$/.exec(warning) ?? []
    const steps = stepsOf(path)
    const required = /^is required/.test(rest)
    const value = valueAt(body, steps)
    const schemaOf = ({ outputSchema }: ActionDefinition): JsonSchema | undefined => {
      if (!isSchemaObject(outputSchema)) return undefined
      if (required)
        return changeAt(outputSchema, steps.slice(0, -1), schemas, (part) =>
          withoutRequired(part, steps.at(-1) ?? ''),
        )
      if (/^is not a known field/.test(rest))
        return changeAt(
          outputSchema,
          steps.slice(0, -1),
          schemas,
          ({ additionalProperties: _no, ...part }) => part,
        )
      return value === undefined
        ? undefined
        : changeAt(outputSchema, steps, schemas, (part) => withType(part, typeOfValue(value)))
    }
    if (schemaOf(action) === undefined) return []
    return [
      told('output', '/outputSchema', `the answer: ${warning}`, (before) => {
        const outputSchema = schemaOf(before)
        return outputSchema === undefined ? before : { ...before, outputSchema }
      }),
    ]
  })
}

const withoutRequired = (part: Record<string, unknown>, name: string): Record<string, unknown> => ({
  ...part,
  ...(Array.isArray(part.required) ? { required: part.required.filter((key) => key !== name) } : {}),
})

const propertyOf = ({ inputSchema }: ActionDefinition, key: string): JsonSchema | undefined =>
  isJsonObject(inputSchema.properties as never)
    ? ((inputSchema.properties as Record<string, JsonSchema>)[key] ?? undefined)
    : undefined

const withProperty = (action: ActionDefinition, key: string, schema: JsonSchema): ActionDefinition => ({
  ...action,
  inputSchema: {
    ...action.inputSchema,
    properties: { ...(action.inputSchema.properties as object | undefined), [key]: schema },
  },
})

const withRequired = (action: ActionDefinition, key: string): ActionDefinition => {
  const had = Array.isArray(action.inputSchema.required) ? action.inputSchema.required : []
  return { ...action, inputSchema: { ...action.inputSchema, required: [...new Set([...had, key])] } }
}
