import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isJsonObject, type Json } from '../../core/json.ts'
import { type Condition, type ConditionSubject, conditionOperators, matches, valueAt } from './condition.ts'
import { ConditionInput, responseCondition, toResponseCondition } from './condition-input.ts'

const subject: ConditionSubject = {
  payload: {
    action: 'opened',
    amount: 120,
    at: '2026-03-01T00:00:00Z',
    labels: ['bug', 'urgent'],
    pull_request: { merged: true, title: null },
    items: [{ id: 7 }],
  },
  headers: { 'x-github-event': 'pull_request' },
}

const holds = (filter: object): boolean => matches(ConditionInput.parse(filter), subject)

test.each<[string, object, boolean]>([
  ['a dot path equals a value', { action: 'opened' }, true],
  ['a dot path equals another value', { action: 'closed' }, false],
  ['every path of a plain filter must match', { action: 'opened', 'pull_request.merged': false }, false],
  ['nested objects are nested paths', { pull_request: { merged: true } }, true],
  ['the payload prefix may be written', { payload: { action: 'opened' } }, true],
  ['header names are found in any case', { 'headers.X-GitHub-Event': 'pull_request' }, true],
  ['null equals null', { 'pull_request.title': null }, true],
  ['null does not equal a missing field', { 'pull_request.nothing': null }, false],
  ['list members are reached by index', { 'items.0.id': 7 }, true],
  ['eq of lists is deep', { field: 'labels', op: 'eq', value: ['bug', 'urgent'] }, true],
  ['neq holds for a missing field', { field: 'nope', op: 'neq', value: 1 }, true],
  ['gt compares numbers', { field: 'amount', op: 'gt', value: 100 }, true],
  ['gt is strict', { field: 'amount', op: 'gt', value: 120 }, false],
  ['lt compares numbers', { field: 'amount', op: 'lt', value: 121 }, true],
  ['gt compares ISO dates', { field: 'at', op: 'gt', value: '2026-02-28T00:00:00Z' }, true],
  ['text is never converted to a number', { field: 'amount', op: 'gt', value: '100' }, false],
  ['lt does not hold for a missing field', { field: 'nope', op: 'lt', value: 5 }, false],
  ['in finds one of several', { field: 'action', op: 'in', value: ['closed', 'opened'] }, true],
  ['contains looks into text', { field: 'action', op: 'contains', value: 'pen' }, true],
  ['contains looks into lists', { field: 'labels', op: 'contains', value: 'bug' }, true],
  [
    'contains does not look for parts of list members',
    { field: 'labels', op: 'contains', value: 'bu' },
    false,
  ],
  ['exists holds for null', { field: 'pull_request.title', op: 'exists' }, true],
  ['exists false holds for what is missing', { field: 'nope', op: 'exists', value: false }, true],
  ['any needs one', { any: [{ action: 'closed' }, { action: 'opened' }] }, true],
  ['all needs each', { all: [{ action: 'closed' }, { action: 'opened' }] }, false],
  ['not turns around', { not: { action: 'closed' } }, true],
])('%s', (_, filter, expected) => {
  expect(holds(filter)).toBe(expected)
})

test.each<[string, object, string, RegExp]>([
  ['an empty filter', {}, '', /leave it out/],
  ['an unknown operator', { field: 'a', op: 'like', value: 1 }, 'op', /one of eq, neq/],
  ['a comparison without a value', { field: 'a', op: 'eq' }, 'value', /needs a value/],
  ['a comparison with a stray key', { field: 'a', op: 'eq', value: 1, flags: 'i' }, '', /'flags'/],
  ['a group beside other keys', { all: [{ a: 1 }], b: 2 }, '', /stands alone/],
  ['an empty group', { any: [{ all: [] }] }, 'any.0.all', /one or more/],
  ['in without a list', { field: 'a', op: 'in', value: 'x' }, 'value', /takes a list/],
  ['a list in a plain filter', { a: ['x'] }, 'a', /"op": "in"/],
  ['a number compared with a header', { 'headers.x-count': 5 }, 'headers.x-count', /text/],
  ['a broken path', { 'a..b': 1 }, 'a..b', /no path/],
  ['a filter of too many comparisons', { any: Array.from({ length: 101 }, () => ({ a: 1 })) }, '', /100/],
  ['a filter of too much text', { a: 'x'.repeat(10_001) }, '', /characters/],
])('%s is refused with the place of the error', (_, filter, path, message) => {
  const result = ConditionInput.safeParse(filter)
  expect(result.success).toBe(false)
  expect(result.error?.issues[0]?.path.join('.')).toBe(path)
  expect(result.error?.issues[0]?.message).toMatch(message)
})

test('a filter nested beyond the bound is refused, however deep it is', () => {
  const nested = (levels: number) =>
    JSON.parse(`${'{"not":'.repeat(levels)}{"a":1}${'}'.repeat(levels)}`) as object
  expect(ConditionInput.safeParse(nested(8)).success).toBe(true)
  expect(ConditionInput.safeParse(nested(10)).success).toBe(false)
  expect(ConditionInput.safeParse(nested(50_000)).success).toBe(false)
})

test('a path reaches only what the payload itself holds', () => {
  const odd = JSON.parse('{"a":[1,2],"s":"text","__proto__":{"x":1}}') as Json
  for (const path of ['constructor', 'toString', 'a.length', 'a.map', 's.length', 'a.-3', 'a.x'])
    expect(valueAt(odd, path)).toBeUndefined()
  expect(valueAt(odd, 'a.-1')).toBe(2)
  expect(valueAt(odd, '__proto__.x')).toBe(1)
  expect(valueAt({}, '__proto__')).toBeUndefined()
})

const pathSafe = fc
  .stringMatching(/^[a-z_]{1,6}$/)
  .filter((key) => !['all', 'any', 'not', 'op'].includes(key))
const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))

test('a payload matches the plain filter of its own scalars', () => {
  const tree = fc.letrec<{ node: Json }>((tie) => ({
    node: fc.oneof({ maxDepth: 4 }, scalar, fc.dictionary(pathSafe, tie('node'), { minKeys: 1, maxKeys: 4 })),
  })).node
  fc.assert(
    fc.property(fc.dictionary(pathSafe, tree, { minKeys: 1, maxKeys: 4 }), (payload) => {
      fc.pre(isJsonObject(payload) && !('payload' in payload) && !('headers' in payload))
      expect(matches(ConditionInput.parse(payload), { payload, headers: {} })).toBe(true)
    }),
  )
})

const comparison: fc.Arbitrary<Condition> = fc.record({
  field: fc.constantFrom('payload.a', 'payload.b.c', 'headers.x', 'payload'),
  op: fc.constantFrom(...conditionOperators),
  value: fc.jsonValue().map((value) => value as Json),
})

test('evaluation is total and obeys De Morgan, whatever the payload', () => {
  fc.assert(
    fc.property(comparison, comparison, fc.jsonValue(), fc.string(), (a, b, payload, x) => {
      const given = { payload: payload as Json, headers: { x } }
      expect(matches({ not: { all: [a, b] } }, given)).toBe(matches({ any: [{ not: a }, { not: b }] }, given))
    }),
  )
})

test('any object is either a condition or refused with issues, and a condition parses to itself', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (filter) => {
      const first = ConditionInput.safeParse(filter)
      if (!first.success) return
      expect(ConditionInput.parse(first.data)).toEqual(first.data)
    }),
  )
})

test('a condition on a response looks at its status, headers and body', () => {
  const response = { status: 200, headers: { 'x-error': 'yes' }, body: { ok: false, error: 'token_expired' } }
  const holdsOf = (filter: Record<string, unknown>) =>
    matches(toResponseCondition(responseCondition.parse(filter)), response)
  expect(holdsOf({ ok: false })).toBe(true)
  expect(holdsOf({ status: 200, error: 'token_expired' })).toBe(true)
  expect(holdsOf({ 'headers.X-Error': 'yes' })).toBe(true)
  expect(holdsOf({ field: 'status', op: 'in', value: [401, 403] })).toBe(false)
  expect(responseCondition.safeParse({ field: 'status' }).success).toBe(true)
  expect(responseCondition.safeParse({ field: 'status', op: 'near', value: 1 }).success).toBe(false)
})
