import { expect, test } from 'vitest'
import type { TestCase } from '../../tools/agents/test-case.ts'
import { caseProblems } from './agent.ts'
import { judge } from './judge.ts'

const run = {
  status: 'completed',
  output: { created: 1, lines: [{ sku: 'a' }], note: null, text: 'one two' },
  error: null,
  calls: [{ connector: 'shop', action: 'get' }],
}
const verdict = (
  path: string,
  op: TestCase['expect']['output'][number]['op'],
  value: string | number | null = null,
) => judge({ expect: { status: 'completed', output: [{ path, op, value }], calls: [] } }, run)

test('an end state that is as expected passes, a near miss does not', () => {
  for (const [path, op, value] of [
    ['created', 'equals', 1],
    ['lines[0].sku', 'equals', 'a'],
    ['$.lines.length', 'equals', 1],
    ['text', 'contains', 'two'],
    ['created', 'at_least', 1],
    ['note', 'absent', null],
    ['text', 'exists', null],
  ] as const)
    expect(verdict(path, op, value)).toEqual([])
  for (const [path, op, value] of [
    ['created', 'equals', '1'],
    ['lines[1].sku', 'equals', 'a'],
    ['text', 'contains', 'three'],
    ['created', 'at_least', 2],
    ['text', 'at_least', 0],
    ['note', 'exists', null],
    ['constructor', 'exists', null],
  ] as const)
    expect(verdict(path, op, value)).toHaveLength(1)
})

test('how it ended and which calls it made count too', () => {
  const expecting = (status: 'completed' | 'failed', times: number) =>
    judge({ expect: { status, output: [], calls: [{ connector: 'shop', action: 'get', times }] } }, run)
  expect(expecting('completed', 1)).toEqual([])
  expect(expecting('completed', 0)).toEqual(['shop.get was called 1 times, not 0'])
  expect(expecting('failed', 1)).toEqual(['ended as completed, not failed'])
})

test('a case that nothing could fail, an input that does not fit, two cases of one name are not accepted', () => {
  const one: TestCase = {
    id: 'TC-01',
    group: 'happy-path',
    scenario: 'x',
    input: { id: 1 },
    expect: { status: 'completed', output: [], calls: [] },
  }
  const schema = { type: 'object', properties: { id: { type: 'string' } } }
  expect(caseProblems([one, one], schema).join('\n')).toMatch(
    /Two cases are TC-01[\s\S]*whatever[\s\S]*string/,
  )
  const fails = { ...one, expect: { ...one.expect, status: 'failed' as const } }
  expect(caseProblems([fails], schema)).toEqual(['No case expects the workflow to work.'])
})
