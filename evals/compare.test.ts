import { expect, test } from 'vitest'
import { compare, comparisonText } from './compare.ts'
import { type Report, type TrialRecord, taskRecord, totalsOf } from './records.ts'

const trial = (passed: boolean, seconds = 1): TrialRecord => ({
  ...{ passed, problems: [], regressions: [], unsupported: [], trajectory: [] },
  ...{ seconds, steps: 1, toolErrors: 0, tokens: 0, money: 0 },
})

function report(policy: string, outcomes: boolean[][], seed = 1): Report {
  const tasks = outcomes.map((trials, index) =>
    taskRecord(
      { id: `task ${index}`, class: 'c', environment: 'e' },
      trials.map((passed) => trial(passed)),
    ),
  )
  const trials = outcomes[0]?.length ?? 1
  return {
    ...{
      format: 'patchbay.eval/2',
      suite: 's',
      policy,
      seed,
      settings: {},
      trials,
      startedAt: '',
      seconds: 1,
    },
    ...{ outOfTime: false, notes: {}, tasks, beside: [], invalid: [], fixturesChanged: [] },
    ...totalsOf(tasks, trials),
  }
}
const passes = (count: number, of: number) => Array.from({ length: of }, (_, index) => [index < count])

test('tasks are compared one by one: nine gained and one lost is better, and says which', () => {
  const a = report('a', [[true], ...passes(0, 9), ...passes(5, 5)])
  const b = report('b', [[false], ...passes(9, 9), ...passes(5, 5)])
  const { differences, gained, lost } = compare(a, b)
  expect(differences.find(({ what }) => what === 'passed')).toMatchObject({
    ...{ up: 9, down: 1, verdict: 'b is better' },
    p: expect.closeTo(0.0215, 4),
  })
  expect([gained.length, lost]).toEqual([9, ['task 0']])
  expect(compare(b, a).differences[0]?.verdict).toBe('b is worse')
})

test('more of what is wanted less is worse', () => {
  const a = report('a', passes(8, 8))
  const slow = { ...a, tasks: a.tasks.map((task) => ({ ...task, seconds: 2 })) }
  expect(compare(a, slow).differences.find(({ what }) => what === 'seconds')?.verdict).toBe('b is worse')
})

test('five tasks that all went over to b are told to be too few', () => {
  const comparison = compare(report('a', passes(0, 5)), report('b', passes(5, 5)))
  expect(comparison.differences[0]).toMatchObject({ verdict: 'too few differ', p: 0.0625 })
  expect(comparisonText(comparison, { a: 'A', b: 'B' })).toMatch('Fewer than 6 tasks that differ')
})

test('as many gained as lost is no difference', () => {
  const a = report('a', [...passes(4, 4), ...passes(0, 4)])
  const b = report('b', [...passes(0, 4), ...passes(4, 4)])
  expect(compare(a, b).differences[0]).toMatchObject({ p: 1, verdict: 'no significant difference' })
})

test('with trials, a task that passes more often counts once', () => {
  const comparison = compare(report('a', [[true, false]]), report('b', [[true, true]]))
  expect(comparison.differences[0]).toMatchObject({ a: 0.5, b: 1, up: 1, down: 0 })
})

test('runs with other seeds are told apart, and those without a common task are refused', () => {
  expect(compare(report('a', passes(1, 2)), report('b', passes(1, 3), 2))).toMatchObject({
    ...{ pairs: 2, onlyInB: 1, warnings: ['seed differs: 1 and 2'] },
  })
  expect(() => compare(report('a', passes(1, 1)), report('b', []))).toThrow('no task in common')
})
