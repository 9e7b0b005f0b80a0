import { ToolFailure } from '../../doors.ts'
import type { Attempt, Suite, Task } from '../../suite.ts'
import { type Case, problemsOf } from './cases.ts'

interface Execution {
  id: string
  status: string
  output?: unknown
  error?: unknown
}

interface RunSituation {
  test: Case
  ran(execution: Execution): void
}

const WAIT_SECONDS = 55
const MAX_WAITS = 20
const ENDED = ['completed', 'failed', 'timeout', 'cancelled']

/** A user's workflow against the user's own cases: run for real, judged by how it ends and what comes out. */
export const workflowSuite = (workflow: string, cases: readonly Case[]): Suite<RunSituation> => ({
  name: `workflow ${workflow}`,
  description: 'Run a workflow on its test cases.',
  withoutOracle: true,
  policies: {
    run:
      ({ doors }) =>
      async ({ situation: { test, ran } }): Promise<Attempt> => {
        const input = {
          ...{ workflow, input: test.input, environment: test.environment, waitSeconds: WAIT_SECONDS },
          ...(test.customer === undefined ? {} : { customer: test.customer }),
        }
        const step = { kind: 'tool' as const, title: 'run_workflow', input }
        try {
          let { execution } = await doors.call('run_workflow', input)
          for (let waits = 0; waits < MAX_WAITS && !ENDED.includes(execution.status); waits += 1)
            ({ execution } = await doors.call('get_execution', {
              execution: execution.id,
              waitSeconds: WAIT_SECONDS,
            }))
          ran(execution as Execution)
          const { steps } = await doors.call('list_execution_steps', { execution: execution.id })
          return {
            steps: 1,
            trajectory: [
              { ...step, output: execution },
              ...(steps as object[]).map((one) => ({ kind: 'note' as const, title: 'step', output: one })),
            ],
          }
        } catch (error) {
          if (!(error instanceof ToolFailure)) throw error
          return { steps: 1, toolErrors: 1, trajectory: [{ ...step, error: error.message }] }
        }
      },
  },
  async open({ count }) {
    return {
      async *tasks() {
        for (const test of cases.slice(0, count)) yield taskOf(workflow, test)
      },
      notes: () => ({ cases: cases.length }),
      async close() {},
    }
  },
})

function taskOf(workflow: string, test: Case): Task<RunSituation> {
  let execution: Execution | undefined
  return {
    id: test.scenario === '' ? test.id : `${test.id} ${test.scenario}`,
    class: test.group,
    environment: workflow,
    situation: {
      test,
      ran: (found) => {
        execution = found
      },
    },
    async check() {
      const problems = execution === undefined ? ['it did not run'] : problemsOf(test, execution)
      return { passed: problems.length === 0, problems }
    },
    regressions: async () => [],
    solve: async () => ({}),
    async reset() {
      execution = undefined
    },
    restart: async () => {},
  }
}
