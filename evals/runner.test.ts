import { expect, test } from 'vitest'
import { reportText } from './report/text.ts'
import { runSuite } from './runner.ts'
import type { OpenSuite, Suite, Task } from './suite.ts'

/** A suite of switches: the task is to turn one on, and not to touch the other. */
function switches(count: number) {
  const events: string[] = []
  const state = { mine: false, other: false }
  const task = (number: number): Task<{ state: typeof state }> => ({
    id: `switch ${number}`,
    class: number % 2 === 0 ? 'even' : 'odd',
    environment: 'hall',
    situation: { state },
    check: async () => ({ passed: state.mine, problems: state.mine ? [] : ['it is off'] }),
    regressions: async () => (state.other ? ['the other switch'] : []),
    solve: async () => {
      state.mine = true
      return {}
    },
    reset: async () => {
      events.push(`reset ${number}`)
      state.mine = false
      state.other = false
    },
  })
  const suite: Suite<{ state: typeof state }> = {
    name: 'switches',
    description: '',
    policies: {
      clumsy:
        () =>
        async ({ situation }) => {
          situation.state.mine = true
          situation.state.other = true
          return { steps: 2 }
        },
      odd:
        () =>
        async ({ id, situation }) => {
          if (id.endsWith('2')) throw new Error('no power')
          situation.state.mine = true
          return { steps: 1, tokens: 10 }
        },
    },
    open: async (): Promise<OpenSuite<{ state: typeof state }>> => ({
      async *tasks() {
        for (let number = 1; number <= count; number += 1) yield task(number)
      },
      notes: () => ({}),
      close: async () => {
        events.push('closed')
      },
    }),
  }
  return { suite, events }
}

const options = (policy: string) => ({
  policy,
  doors: unreachable,
  seed: 1,
  count: 4,
  maxSeconds: 60,
  settings: {},
  note: () => {},
})

test('who does nothing passes nothing, the oracle passes everything, and every task is reset', async () => {
  const { suite, events } = switches(4)
  expect((await runSuite(suite, options('nothing'))).total).toMatchObject({ passed: 0, total: 4 })
  expect((await runSuite(suite, options('oracle'))).total).toMatchObject({ passed: 4, total: 4 })
  expect(events.filter((event) => event.startsWith('reset'))).toHaveLength(8)
  expect(events.filter((event) => event === 'closed')).toHaveLength(2)
})

test('a task that is done at the cost of something else has failed, and the regression is counted', async () => {
  const report = await runSuite(switches(4).suite, options('clumsy'))
  expect(report.total.passed).toBe(0)
  expect(report.regressions).toBe(4)
})

test('a policy that breaks fails its task only; what it used is summed, by class too', async () => {
  const report = await runSuite(switches(4).suite, options('odd'))
  expect(report.total).toMatchObject({ passed: 3, total: 4 })
  expect(report.byClass).toMatchObject({ even: { passed: 1, total: 2 }, odd: { passed: 2, total: 2 } })
  expect(report).toMatchObject({ tokens: 30, steps: 3 })
  expect(report.tasks[1]?.problems).toEqual(['the policy failed: no power', 'it is off'])
  expect(reportText(report)).toMatch(/all +3\/4 +75\.0 % .*switch 2: the policy failed: no power/s)
})

test('an unknown policy is refused with those there are', async () => {
  await expect(runSuite(switches(1).suite, options('best'))).rejects.toThrow(
    "no policy 'best'; it has nothing, oracle, clumsy, odd",
  )
})
