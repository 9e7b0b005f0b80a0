import { expect, test } from 'vitest'
import type { TestCase } from '../../tools/agents/test-case.ts'
import type { Acting } from '../acting.ts'
import { caseProblems, destructiveCalls } from './agent.ts'
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
  // A webhook's delivery is not checked against the schema: such a case would pass and not be so.
  expect(caseProblems([fails], schema, true)[0]).toMatch(/^TC-01: .*a webhook brings it all the same/)
})

const mocked: TestCase = {
  id: 'TC-01',
  group: 'error-handling',
  scenario: 'x',
  input: {},
  mode: 'mock',
  mocks: [
    {
      connector: 'shop',
      action: 'get',
      scenario: 'gone',
      answers: [{ status: 404, when: null, headers: {}, output: null }],
    },
  ],
  expect: { status: 'completed', output: [], calls: [{ connector: 'shop', action: 'get', times: 1 }] },
}

test('a case that is mocked says what the actions it calls answer, one that is live says nothing of it', () => {
  expect(caseProblems([mocked], null)).toEqual([])
  const { mocks: _, ...without } = mocked
  expect(caseProblems([without], null)).toEqual(['TC-01 calls shop.get, which has no mock in it.'])
  expect(caseProblems([{ ...without, mockScenarios: { 'shop.get': 'gone' } }], null)).toEqual([])
  expect(caseProblems([{ ...mocked, mode: 'live' }], null)).toEqual(['TC-01 has mocks, so its mode is mock.'])
})

test('a live case may not call what cannot be undone', async () => {
  const acting = {
    call: async (_tool: string, { action }: Record<string, unknown>) => ({
      action: { effect: action === 'get' ? 'read' : 'destructive' },
    }),
  } as unknown as Acting
  const calling = (action: string, mode: 'live' | 'mock', times = 1): TestCase => ({
    ...mocked,
    mode,
    expect: { ...mocked.expect, calls: [{ connector: 'shop', action, times }] },
  })
  expect(await destructiveCalls(acting, [calling('remove', 'live')])).toEqual([
    'TC-01 would really call shop.remove, which is destructive: make it a mock.',
  ])
  const fine = [calling('remove', 'mock'), calling('remove', 'live', 0), calling('get', 'live')]
  expect(await destructiveCalls(acting, fine)).toEqual([])
})
