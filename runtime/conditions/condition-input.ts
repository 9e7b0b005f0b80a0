import { z } from 'zod'
import { isDeeperThan, isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { type Comparison, type Condition, type ConditionOperator, conditionOperators } from './condition.ts'

/** Levels of conditions within conditions. */
const MAX_DEPTH = 10
/** Levels of the JSON altogether, values compared with included. */
const MAX_VALUE_DEPTH = 30
const MAX_COMPARISONS = 100
const MAX_TEXT_LENGTH = 10_000

/** What a condition may look at, and where a path without a root leads. */
interface Subject {
  roots: readonly string[]
  defaultRoot: string
  help: string
}

const EVENT: Subject = {
  roots: ['payload', 'headers'],
  defaultRoot: 'payload',
  help: 'Write {"action": "opened"} (dot paths into the payload and the values they must equal), or a condition: {"all": […]}, {"any": […]}, {"not": {…}}, {"field": "payload.amount", "op": "gt", "value": 100}.',
}

const RESPONSE: Subject = {
  roots: ['status', 'headers', 'body'],
  defaultRoot: 'body',
  help: 'Write {"status": 200, "ok": false} (dot paths into the body, or status, and the values they must equal), or a condition: {"all": […]}, {"any": […]}, {"not": {…}}, {"field": "body.error.code", "op": "in", "value": ["expired"]}.',
}

/** A filter that cannot be one: `path` leads to the part that is wrong. */
class ConditionProblem extends Error {
  readonly path: (string | number)[]
  constructor(path: (string | number)[], message: string) {
    super(message)
    this.path = path
  }
}

/**
 * A filter as people and agents write it, made a {@link Condition}. Two forms: an object of dot paths and the
 * values they must equal (nested objects are nested paths), or the condition tree itself.
 */
export const ConditionInput = z
  .record(z.string(), z.unknown())
  .transform((filter, ctx): Condition => {
    try {
      return parse(filter, EVENT)
    } catch (error) {
      if (!(error instanceof ConditionProblem)) throw error
      ctx.addIssue({ code: 'custom', path: error.path, message: `${error.message} ${EVENT.help}` })
      return z.NEVER
    }
  })
  .describe(
    `Which events match. ${EVENT.help} Fields are payload.<path> or headers.<name>; operators: ${conditionOperators.join(', ')}.`,
  )

/**
 * A condition on a response as connectors hold it, in either form; {@link toResponseCondition} makes the tree.
 */
export const responseCondition = z.record(z.string(), z.unknown()).superRefine((filter, ctx) => {
  try {
    parse(filter, RESPONSE)
  } catch (error) {
    if (!(error instanceof ConditionProblem)) throw error
    ctx.addIssue({ code: 'custom', path: error.path, message: `${error.message} ${RESPONSE.help}` })
  }
})

/** The tree of a condition that {@link responseCondition} accepted. */
export const toResponseCondition = (filter: Record<string, unknown>): Condition => parse(filter, RESPONSE)

function parse(filter: unknown, subject: Subject): Condition {
  // Before anything recurses into it without a bound.
  if (isDeeperThan(filter, MAX_VALUE_DEPTH))
    throw new ConditionProblem([], 'The filter is nested too deeply.')
  const text = JSON.stringify(filter)
  if (text.length > MAX_TEXT_LENGTH)
    throw new ConditionProblem([], `A filter may hold ${MAX_TEXT_LENGTH} characters of JSON.`)
  const condition = toCondition(JSON.parse(text) as Json, [], 1, subject)
  if (countComparisons(condition) > MAX_COMPARISONS)
    throw new ConditionProblem([], `A filter may hold ${MAX_COMPARISONS} comparisons.`)
  return condition
}

function toCondition(
  value: Json | undefined,
  path: (string | number)[],
  depth: number,
  subject: Subject,
): Condition {
  if (depth > MAX_DEPTH) throw new ConditionProblem(path, `A filter may be ${MAX_DEPTH} levels deep.`)
  if (!isJsonObject(value)) throw new ConditionProblem(path, 'A condition is an object.')
  const keys = Object.keys(value)
  const group = keys.find((key) => key === 'all' || key === 'any' || key === 'not')
  if (group === undefined)
    return 'op' in value ? toComparison(value, path, subject) : fromPlainObject(value, path, depth, subject)
  if (keys.length > 1)
    throw new ConditionProblem(
      path,
      `'${group}' stands alone in its object, without ${others(keys, [group])}.`,
    )
  if (group === 'not') return { not: toCondition(value.not, [...path, 'not'], depth + 1, subject) }
  const members = value[group]
  if (!Array.isArray(members) || members.length === 0)
    throw new ConditionProblem([...path, group], `'${group}' takes a list of one or more conditions.`)
  const conditions = members.map((member, i) => toCondition(member, [...path, group, i], depth + 1, subject))
  return group === 'all' ? { all: conditions } : { any: conditions }
}

function toComparison(value: JsonObject, path: (string | number)[], subject: Subject): Comparison {
  const unknown = others(Object.keys(value), ['field', 'op', 'value'])
  if (unknown !== '')
    throw new ConditionProblem(path, `A comparison has field, op and value, not ${unknown}.`)
  if (typeof value.field !== 'string')
    throw new ConditionProblem([...path, 'field'], "'field' names what is compared.")
  const op = conditionOperators.find((name) => name === value.op)
  if (op === undefined)
    throw new ConditionProblem([...path, 'op'], `'op' is one of ${conditionOperators.join(', ')}.`)
  const field = toField(value.field, [...path, 'field'], subject)
  const operand = op === 'exists' ? (value.value ?? true) : value.value
  if (operand === undefined) throw new ConditionProblem([...path, 'value'], `'${op}' needs a value.`)
  const problem = operandProblem(field, op, operand)
  if (problem !== undefined) throw new ConditionProblem([...path, 'value'], problem)
  return { field, op, value: operand }
}

function operandProblem(field: string, op: ConditionOperator, operand: Json): string | undefined {
  if (op === 'exists' && typeof operand !== 'boolean') return "'exists' takes true or false."
  if (op === 'in' && !(Array.isArray(operand) && operand.length > 0))
    return "'in' takes a list of one or more values."
  if ((op === 'gt' || op === 'lt') && typeof operand !== 'number' && typeof operand !== 'string')
    return `'${op}' compares with a number, or with text such as an ISO date.`
  if (op === 'exists' || !field.startsWith('headers.')) return undefined
  // A comparison of another type could never be true: say so rather than never match.
  const operands = op === 'in' && Array.isArray(operand) ? operand : [operand]
  return operands.every((one) => typeof one === 'string')
    ? undefined
    : 'Header values are text: compare with text.'
}

function fromPlainObject(
  value: JsonObject,
  path: (string | number)[],
  depth: number,
  subject: Subject,
): Condition {
  const comparisons = flatten(value, '', path, depth, subject)
  const [first, ...rest] = comparisons
  if (first === undefined)
    throw new ConditionProblem(path, 'An empty filter matches everything: leave it out.')
  return rest.length === 0 ? first : { all: comparisons }
}

function flatten(
  value: JsonObject,
  prefix: string,
  path: (string | number)[],
  depth: number,
  subject: Subject,
): Comparison[] {
  if (depth > MAX_DEPTH) throw new ConditionProblem(path, `A filter may be ${MAX_DEPTH} levels deep.`)
  return Object.entries(value).flatMap(([key, member]): Comparison[] => {
    const here = [...path, key]
    if (isJsonObject(member)) return flatten(member, `${prefix}${key}.`, here, depth + 1, subject)
    if (Array.isArray(member))
      throw new ConditionProblem(here, 'For one of several values use {"field", "op": "in", "value": […]}.')
    const field = toField(`${prefix}${key}`, here, subject)
    const problem = operandProblem(field, 'eq', member)
    if (problem !== undefined) throw new ConditionProblem(here, problem)
    return [{ field, op: 'eq', value: member }]
  })
}

/** A path that starts with none of the roots leads into the default one. */
function toField(text: string, path: (string | number)[], subject: Subject): string {
  const [first = ''] = text.split('.', 1)
  const field = subject.roots.includes(first) ? text : `${subject.defaultRoot}.${text}`
  if (field === 'headers' || field.split('.').includes(''))
    throw new ConditionProblem(path, `'${text}' is no path to a value.`)
  return field.startsWith('headers.') ? field.toLowerCase() : field
}

function countComparisons(condition: Condition): number {
  if ('all' in condition) return condition.all.reduce((sum, member) => sum + countComparisons(member), 0)
  if ('any' in condition) return condition.any.reduce((sum, member) => sum + countComparisons(member), 0)
  return 'not' in condition ? countComparisons(condition.not) : 1
}

const others = (keys: readonly string[], known: readonly string[]) =>
  keys
    .filter((key) => !known.includes(key))
    .map((key) => `'${key}'`)
    .join(', ')
