import type { Answer, Doors } from '../../doors.ts'
import type { Step, Suite, SuiteOptions, Task } from '../../suite.ts'

interface Verdict {
  action: string
  verdict: 'passed' | 'failed' | 'skipped'
  kind?: string
  problems: string[]
}

interface TestSituation {
  action: string
  /** The test of the whole connector in this trial: actions depend on each other, so that it is one for all. */
  test(): Promise<{ verdict: Verdict | undefined; calls: number; milliseconds: number }>
}

export interface ConnectorTest {
  connector: string
  connection?: string
  customer?: string
  allowWrites: boolean
}

/** A user's connector against a test account: every action that test_actions can try is a task. */
export const connectorSuite = (given: ConnectorTest): Suite<TestSituation> => ({
  name: `connector ${given.connector}`,
  description: 'Try the actions of a connector with a test account.',
  withoutOracle: true,
  passMeans: 'test_actions found it in order; what else it may have touched was not looked at',
  policies: {
    run: () => async (task) => {
      const { verdict } = await task.situation.test()
      const step: Step = { kind: 'tool', title: 'test_actions', input: { action: task.situation.action } }
      return { steps: 1, trajectory: [{ ...step, output: verdict }] }
    },
  },
  async open(options) {
    const runs: Promise<Answer>[] = []
    const reportOf = (trial: number) => {
      runs[trial] ??= runOnce(options.doors, given, options.seed + trial)
      return runs[trial]
    }
    const first = await reportOf(0)
    const verdicts = first.actions as Verdict[]
    const tried = verdicts.filter(({ verdict }) => verdict !== 'skipped').slice(0, options.count)
    return {
      async *tasks() {
        for (const { action } of tried) yield taskOf(given.connector, action, reportOf)
      },
      leftOut: () =>
        verdicts
          .filter(({ verdict }) => verdict === 'skipped')
          .map(({ action, problems }) => `${action}: skipped, ${problems.join('; ')}`),
      notes: () => ({
        calls: first.calls,
        leftInTheAccount: first.cleanup.left,
        stopped: first.stopped,
      }),
      async close() {},
    }
  },
})

const runOnce = async (doors: Doors, test: ConnectorTest, seed: SuiteOptions['seed']): Promise<Answer> =>
  (await doors.call('test_actions', { ...test, seed })).report as Answer

function taskOf(
  connector: string,
  action: string,
  reportOf: (trial: number) => Promise<Answer>,
): Task<TestSituation> {
  let trial = 0
  let found: Verdict | undefined
  return {
    id: action,
    class: 'action',
    environment: connector,
    situation: {
      action,
      async test() {
        const { actions, calls, durationMs } = await reportOf(trial)
        found = (actions as Verdict[]).find((one) => one.action === action)
        return { verdict: found, calls, milliseconds: durationMs }
      },
    },
    async check() {
      if (found === undefined) return { passed: false, problems: ['it was not tried'] }
      return { passed: found.verdict === 'passed', problems: found.problems }
    },
    regressions: async () => [],
    solve: async () => ({}),
    async reset() {
      found = undefined
    },
    async restart() {
      trial += 1
    },
  }
}
