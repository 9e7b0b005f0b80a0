import { createHash } from 'node:crypto'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { LRUCache } from 'lru-cache'
import { AppError, invalidInput } from '../../core/errors.ts'
import type { Json, JsonObject, JsonSchema } from '../../core/json.ts'
import { bundleSchema } from './bundle-schema.ts'
import type { ActionDefinition, ConnectorDefinition } from './definition.ts'
import { asFormSays } from './form-says.ts'
import { isSchemaObject } from './json-schema.ts'
import { CHECKED_FORMATS, lenient } from './lenient-schema.ts'
import { linearRegExp } from './linear-pattern.ts'
import { withinTime } from './time-limit.ts'

const MAX_COMPILED = 500
const MAX_ISSUES = 20
/** Honest inputs take a millisecond or two; this process does nothing else meanwhile. */
const MAX_CHECK_MS = 500
/** The largest input schemas of real APIs take a few hundred milliseconds. */
const MAX_COMPILE_MS = 5_000

// Compiled by content, so that a definition read again from the database finds its validator; by identity
// first, so that one held in memory does not pay for the hash.
const byContent = new LRUCache<string, Compiled>({ max: MAX_COMPILED })
const byIdentity = new WeakMap<object, Compiled>()

export interface Compiled {
  validate: ValidateFunction
  /** Its checks take time in proportion to the input: nothing in it multiplies or compares items with each other. */
  linear: boolean
}

/**
 * Keywords by which a check can take more than its share: references that multiply, items compared pairwise,
 * patterns (each linear in the text, but there may be thousands, with thousands of states).
 */
const SUPERLINEAR = /"(\$ref|\$dynamicRef|\$recursiveRef|uniqueItems|pattern|patternProperties)"/
/** A linear schema of this size and an input of so few values are checked in milliseconds at worst. */
const SMALL_SCHEMA_CHARS = 64 * 1024
const SMALL_INPUT_VALUES = 1_000

export interface InputIssue {
  /** `input.title`, `input.labels[0]` */
  where: string
  message: string
}

/**
 * Checks an input against the action's schema; for a form, also what is left when it has been put into one.
 * @throws AppError `invalid_input`: `where` is the first field at fault, `data.issues` lists all.
 */
export function validateInput(
  schemas: ConnectorDefinition['schemas'],
  action: Pick<ActionDefinition, 'slug' | 'inputSchema' | 'body'>,
  input: JsonObject,
): void {
  refuse(action, inputIssues(schemas, action, input), '')
  const said = asFormSays(action.body, input)
  if (said === input) return
  refuse(
    action,
    inputIssues(schemas, action, said),
    'A form cannot hold an empty list or object: put something into it. ',
  )
}

function refuse(
  action: Pick<ActionDefinition, 'slug' | 'inputSchema'>,
  issues: InputIssue[],
  advice: string,
): void {
  const [first] = issues
  if (first === undefined) return
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  throw invalidInput(`${first?.message ?? 'The input does not fit the schema'}${more}.`, {
    where: first?.where ?? 'input',
    hint: `${advice}Correct the input of '${action.slug}'. ${fieldsHint(action.inputSchema)}`.trim(),
    data: { issues },
  })
}

/**
 * How an input breaks a schema that whoever wrote it may have made to hurt: patterns are run in linear time, and
 * a check without end is ended.
 * @returns at most 20 issues; none for an input that fits
 * @throws AppError `invalid_input` when the schema cannot be used, or checking takes too long
 */
export function inputIssues(
  schemas: ConnectorDefinition['schemas'],
  checked: Pick<ActionDefinition, 'slug' | 'inputSchema'>,
  input: Json,
): InputIssue[] {
  const compiled = compile(schemas, checked)
  const { validate } = compiled
  const fits = check(compiled, input, MAX_CHECK_MS)
  if (fits === 'too long') {
    throw invalidInput(`Checking the input of '${checked.slug}' took more than ${MAX_CHECK_MS} ms.`, {
      where: 'input',
      hint: 'Send less at once, or simplify the input schema: references that multiply take for ever to check.',
    })
  }
  return fits ? [] : toIssues(validate.errors ?? [], checked.inputSchema)
}

/** Checks a value; `'too long'` when that takes more than `ms`. */
export function check({ validate, linear }: Compiled, value: Json, ms: number): boolean | 'too long' {
  // Ending a check that takes too long needs a watchdog, which costs more than most checks.
  return linear && isSmall(value) ? validate(value) : withinTime(ms, () => validate(value))
}

function compile(
  schemas: ConnectorDefinition['schemas'],
  action: Pick<ActionDefinition, 'slug' | 'inputSchema'>,
): Compiled {
  const known = byIdentity.get(action.inputSchema)
  if (known !== undefined) return known
  const { schema } = bundleSchema(schemas, action.inputSchema, { maxBytes: Number.POSITIVE_INFINITY })
  const compiled = compiledSchema(schema, `The input schema of '${action.slug}'`)
  byIdentity.set(action.inputSchema, compiled)
  return compiled
}

/**
 * The validator of a self-contained schema, made once per content.
 * @param what names the schema in the error
 * @throws AppError `invalid_input` when the schema cannot be used
 */
export function compiledSchema(schema: JsonSchema, what: string): Compiled {
  const text = JSON.stringify(schema)
  const key = createHash('sha256').update(text).digest('base64')
  let compiled = byContent.get(key)
  if (compiled === undefined) {
    const linear = text.length <= SMALL_SCHEMA_CHARS && !SUPERLINEAR.test(text)
    compiled = { validate: compileSchema(schema, what), linear }
    byContent.set(key, compiled)
  }
  return compiled
}

/** Counts values until there are too many. */
function isSmall(input: Json): boolean {
  let left = SMALL_INPUT_VALUES
  const pending: Json[] = [input]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    left -= 1
    if (left < 0) return false
    if (typeof value !== 'object' || value === null) continue
    const members = Array.isArray(value) ? value : Object.values(value)
    if (members.length > left) return false
    pending.push(...members)
  }
  return true
}

function compileSchema(schema: JsonSchema, what: string): ValidateFunction {
  const unusable = (why: string, cause?: unknown) =>
    new AppError('invalid_input', `${what} cannot be used: ${why}.`, {
      where: 'action.inputSchema',
      hint: 'Correct the schema in the connector definition, or import the specification again.',
      cause,
    })
  let compiled: ValidateFunction | 'too long'
  try {
    // An Ajv of its own for each schema: Ajv keeps what it compiled, and the LRU must be able to let go.
    compiled = withinTime(MAX_COMPILE_MS, () => buildAjv().compile(lenient(schema) as object))
  } catch (error) {
    throw unusable((error as Error).message, error)
  }
  if (compiled === 'too long') throw unusable(`it takes more than ${MAX_COMPILE_MS} ms to be read`)
  return compiled
}

/** Lenient where a specification may be wrong and the API is the judge: see `lenient-schema.ts`. */
function buildAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    validateSchema: false,
    logger: false,
    discriminator: false,
    inlineRefs: false,
    // A field named toString, absent, must not be found in what every object inherits.
    ownProperties: true,
    // Patterns come from whoever imported the document: one that backtracks without end would stop this process.
    code: { regExp: linearRegExp },
  })
  addFormats.default(ajv, [...CHECKED_FORMATS])
  return ajv
}

/** What is wrong, each thing once, at most 20. */
export function toIssues(errors: ErrorObject[], schema: Record<string, unknown>): InputIssue[] {
  const issues = new Map<string, InputIssue>()
  for (const error of errors) {
    const issue = toIssue(error, schema)
    const key = `${issue.where} ${issue.message}`
    if (!issues.has(key)) issues.set(key, issue)
    if (issues.size >= MAX_ISSUES) break
  }
  return [...issues.values()]
}

function toIssue(error: ErrorObject, schema: Record<string, unknown>): InputIssue {
  const base = `input${error.instancePath.replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.')}`
  const { params, keyword } = error
  switch (keyword) {
    case 'required': {
      const where = `${base}.${String(params.missingProperty)}`
      return { where, message: `${where} is required` }
    }
    case 'additionalProperties': {
      const name = String(params.additionalProperty)
      const near = base === 'input' ? nearest(name, schema) : undefined
      const guess = near === undefined ? '' : `; did you mean '${near}'?`
      return { where: `${base}.${name}`, message: `${base}.${name} is not a known field${guess}` }
    }
    case 'enum':
      return {
        where: base,
        message: `${base} must be one of ${(params.allowedValues as unknown[])
          .slice(0, 30)
          .map((value) => JSON.stringify(value))
          .join(', ')}`,
      }
    case 'const':
      return { where: base, message: `${base} must be ${JSON.stringify(params.allowedValue)}` }
    default:
      return { where: base, message: `${base} ${error.message ?? `fails '${keyword}'`}` }
  }
}

function fieldsHint(schema: Record<string, unknown>): string {
  const names = propertyNames(schema)
  if (names.length === 0) return 'It takes no fields.'
  return `Fields: ${names.slice(0, 40).join(', ')}${names.length > 40 ? ', …' : ''}.`
}

const propertyNames = (schema: Record<string, unknown>): string[] =>
  isSchemaObject(schema.properties) ? Object.keys(schema.properties) : []

/** A field whose name differs only in case, separators or one or two letters. */
function nearest(name: string, schema: Record<string, unknown>): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '')
  const wanted = plain(name)
  const limit = wanted.length < 5 ? 1 : 2
  return propertyNames(schema)
    .map((candidate) => ({ candidate, distance: editDistance(wanted, plain(candidate)) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)[0]?.candidate
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_unused, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, replace))
    }
    previous = current
  }
  return previous[b.length] ?? Math.max(a.length, b.length)
}
