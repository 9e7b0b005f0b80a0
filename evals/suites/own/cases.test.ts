import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judge } from '../../../agents/test-case-agent/judge.ts'
import { TestCase } from '../../../tools/agents/test-case.ts'
import { Case, inTrial, problemsOf, readCases } from './cases.ts'

const expecting = (expect: object) => Case.parse({ id: 'TC-01', expect })
const ended = (output: unknown) => ({ status: 'completed', output, calls: [] })

test('an output is looked into by path, and near misses fail', () => {
  const test = expecting({
    output: [
      { path: 'created', op: 'at_least', value: 2 },
      { path: 'lines[1].sku', op: 'equals', value: 'A-2' },
      { path: 'errors', op: 'absent' },
      { path: 'tags', op: 'contains', value: 'paid' },
    ],
  })
  const good = { created: 2, lines: [{}, { sku: 'A-2' }], tags: ['paid'] }
  expect(problemsOf(test, ended(good))).toEqual([])
  expect(problemsOf(test, ended({ ...good, created: 1 }))).toEqual(['created: expected at_least 2, is 1'])
  expect(problemsOf(test, ended({ ...good, created: '2' }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, lines: [{ sku: 'A-2' }] }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, errors: null }))).toEqual([])
  expect(problemsOf(test, ended({ ...good, errors: [] }))).toHaveLength(1)
  expect(problemsOf(test, ended({ ...good, tags: 'unpaid, paid?' }))).toEqual([])
  expect(problemsOf(test, ended(null))).toHaveLength(3)
})

test('an output has to fit its schema, and a run that ends otherwise than expected fails whatever it gave', () => {
  const test = expecting({ schema: { type: 'object', required: ['id'] } })
  expect(problemsOf(test, ended({ id: 1 }))).toEqual([])
  expect(problemsOf(test, ended({}))[0]).toMatch('does not fit its schema')
  expect(problemsOf(test, { status: 'failed', output: { id: 1 }, error: 'no', calls: [] })[0]).toMatch(
    'is failed',
  )
  expect(problemsOf(expecting({ status: 'failed' }), { status: 'failed', calls: [] })).toEqual([])
})

test('cases that judge nothing, have mocks and are live, or share an id are refused by name', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'cases-')), 'cases.json')
  const read = (value: unknown) => {
    writeFileSync(file, JSON.stringify(value))
    return () => readCases(file)
  }
  expect(read([{ id: 'a', expect: {} }])).toThrow('a run completes is no end state')
  const good = { id: 'a', expect: { output: [{ path: '', op: 'exists' }] } }
  expect(read([{ ...good, mocks: [mock] }])).toThrow('its mode must be mock')
  expect(read([{ ...good, mockScenarios: { 'shop.list_orders': 'none' } }])).toThrow('its mode must be mock')
  expect(read([good, good])).toThrow('two cases with the id a')
  expect(read({ testCases: [good] })()).toHaveLength(1)
})

const mock = {
  connector: 'ledger',
  action: 'create_invoice',
  scenario: 'made',
  answers: [{ when: null, status: 201, headers: {}, output: { id: 'inv_1' } }],
}

/** With everything that an agent may write. */
const written = {
  id: 'TC-01',
  group: 'happy-path',
  scenario: 'a paid order becomes one invoice',
  input: { number: 'patchbay-test-{{run}}-1' },
  mode: 'mock',
  headers: { 'x-shop': '{{run}}' },
  mocks: [mock],
  mockScenarios: { 'shop.list_orders': 'none' },
  expect: {
    status: 'completed',
    output: [{ path: 'created', op: 'equals', value: 1 }],
    calls: [{ connector: 'ledger', action: 'create_invoice', times: 1 }],
  },
} satisfies TestCase

test('a case that an agent wrote is one, and is judged as the agent judges it', () => {
  // Nothing in the agents' schema that this sample does not have.
  expect(Object.keys(TestCase.shape).toSorted()).toEqual(Object.keys(written).toSorted())
  expect(Object.keys(TestCase.shape.expect.shape).toSorted()).toEqual(Object.keys(written.expect).toSorted())
  expect(Case.parse(TestCase.parse(written))).toMatchObject(written)

  const value = fc.oneof(
    ...[fc.constant(null), fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'ab', '2')],
  )
  const output = fc.oneof(
    value,
    fc.record({ a: fc.oneof(value, fc.array(value, { maxLength: 3 })), b: value }),
  )
  const path = fc.constantFrom('', 'a', 'b', 'c', '$.a', 'a[0]', 'a.1', 'a.length', 'a[0].b')
  const op = fc.constantFrom('equals', 'contains', 'at_least', 'exists', 'absent')
  const call = fc.record({ connector: fc.constantFrom('x', 'y'), action: fc.constantFrom('p', 'q') })
  const status = fc.constantFrom('completed', 'failed')
  fc.assert(
    fc.property(
      fc.record({
        status,
        output: fc.array(fc.record({ path, op, value }), { minLength: 1, maxLength: 3 }),
        calls: fc.array(fc.tuple(call, fc.integer({ min: 0, max: 2 })), { maxLength: 2 }),
      }),
      fc.record({
        status,
        output: fc.oneof(output, fc.constant(undefined)),
        calls: fc.array(call, { maxLength: 3 }),
      }),
      (given, run) => {
        const calls = given.calls.map(([made, times]) => ({ ...made, times }))
        const test = Case.parse({ ...written, expect: { ...given, calls } })
        const agents = judge(TestCase.parse({ ...written, expect: { ...given, calls } }), {
          ...run,
          error: null,
        })
        expect(problemsOf(test, run)).toHaveLength(agents.length)
      },
    ),
    { numRuns: 2_000 },
  )
})

test('what is new in each trial is so everywhere in a case', () => {
  const now = inTrial(Case.parse(written), 'a1')
  expect(now.input).toEqual({ number: 'patchbay-test-a1-1' })
  expect(now.headers).toEqual({ 'x-shop': 'a1' })
  expect(JSON.stringify(now)).not.toContain('{{run}}')
})
