import { randomBytes } from 'node:crypto'
import { type Answer, type Doors, ToolFailure } from '../../doors.ts'
import type { Attempt, Suite, Task } from '../../suite.ts'
import { type Case, type EndedRun, inTrial, problemsOf } from './cases.ts'

interface RunSituation {
  /** The case as it is in this trial. */
  test(): Case
  ran(run: EndedRun): void
  /** It was not run, and why. */
  refused(why: string): void
}

const WAIT_SECONDS = 55
const MAX_WAITS = 20
const ENDED = ['completed', 'failed', 'timeout', 'cancelled']

/** Steps of an execution are read in pages of this many. */
const STEPS_PER_PAGE = 200

/**
 * A user's workflow against the user's own cases: run for real, or with the mocks that a case brings; judged by how it
 * ends, what comes out, and what it called.
 */
export const workflowSuite = (workflow: string, cases: readonly Case[]): Suite<RunSituation> => ({
  name: `workflow ${workflow}`,
  description: 'Run a workflow on its test cases.',
  withoutOracle: true,
  passMeans: 'it ended as its case expects; what else it may have touched was not looked at',
  policies: {
    run:
      ({ doors }) =>
      async ({ situation }): Promise<Attempt> => {
        const test = situation.test()
        const request = {
          ...{ workflow, input: test.input, environment: test.environment, headers: test.headers },
          ...(test.mode === 'live' ? {} : { mode: 'full_mock', mockScenarios: scenariosOf(workflow, test) }),
          ...(test.customer === undefined ? {} : { customer: test.customer }),
          waitSeconds: WAIT_SECONDS,
        }
        const step = { kind: 'tool' as const, title: 'run_workflow', input: request }
        try {
          await setMocks(doors, workflow, test)
        } catch (error) {
          if (!(error instanceof ToolFailure)) throw error
          situation.refused(`its mocks: ${String(error.body.detail ?? error.message)}`)
          return { steps: 1, toolErrors: 1, trajectory: [{ ...step, error: error.message }] }
        }
        try {
          const execution = await untilEnded(doors, (await doors.call('run_workflow', request)).execution)
          const steps = await stepsOf(doors, execution.id)
          situation.ran({
            status: execution.status,
            output: execution.output,
            error: execution.error,
            calls: steps.filter(({ kind }) => kind === 'connectors.call').map(callOf),
          })
          return {
            steps: 1,
            trajectory: [
              { ...step, output: execution },
              ...steps.map((one) => ({ kind: 'note' as const, title: 'step', output: one })),
            ],
          }
        } catch (error) {
          if (!(error instanceof ToolFailure)) throw error
          const { code, detail, where } = error.body
          // An input that is refused is a run that failed, which a case may expect.
          if (code === 'invalid_input' && /^input\b/.test(String(where)))
            situation.ran({ status: 'failed', error: detail, calls: [] })
          else situation.refused(String(detail ?? error.message))
          return { steps: 1, toolErrors: 1, trajectory: [{ ...step, error: error.message }] }
        }
      },
  },
  async open({ count }) {
    /** What an evaluation made before is not taken for a duplicate. */
    const evaluation = randomBytes(3).toString('hex')
    return {
      async *tasks() {
        for (const test of cases.slice(0, count)) yield taskOf(workflow, test, evaluation)
      },
      notes: () => ({ cases: cases.length }),
      async close() {},
    }
  },
})

/** The execution when it has ended, or after twenty minutes as it is then. */
async function untilEnded(doors: Doors, started: Answer): Promise<Answer> {
  let execution = started
  for (let waits = 0; waits < MAX_WAITS && !ENDED.includes(execution.status); waits += 1)
    execution = (await doors.call('get_execution', { execution: execution.id, waitSeconds: WAIT_SECONDS }))
      .execution
  // It would hold up the cases after it.
  if (!ENDED.includes(execution.status))
    await doors.call('cancel_execution', { execution: execution.id }).catch((error: unknown) => {
      if (!(error instanceof ToolFailure)) throw error
    })
  return execution
}

/** A name for a case's mock that nobody else uses. */
const nameOf = (workflow: string, { id }: Case, scenario: string) => `${workflow} ${id}: ${scenario}`

const scenariosOf = (workflow: string, test: Case): Record<string, string> => ({
  ...test.mockScenarios,
  ...Object.fromEntries(
    test.mocks.map(({ connector, action, scenario }) => [
      `${connector}.${action}`,
      nameOf(workflow, test, scenario),
    ]),
  ),
})

async function setMocks(doors: Doors, workflow: string, test: Case): Promise<void> {
  for (const { connector, action, scenario, answers } of test.mocks)
    await doors.call('set_action_mock', {
      ...{ connector, action, answers },
      scenario: nameOf(workflow, test, scenario),
    })
}

async function stepsOf(doors: Doors, execution: string): Promise<Answer[]> {
  const all: Answer[] = []
  let after: number | null = -1
  while (after !== null) {
    const { steps, next } = await doors.call('list_execution_steps', {
      ...{ execution, after, limit: STEPS_PER_PAGE },
    })
    all.push(...(steps as Answer[]))
    after = (next as number | null | undefined) ?? null
  }
  return all
}

/** A step of the kind `connectors.call` is named "connector.action". */
function callOf({ name }: Answer): { connector: string; action: string } {
  const [connector = '', action = ''] = String(name).split('.')
  return { connector, action }
}

function taskOf(workflow: string, test: Case, evaluation: string): Task<RunSituation> {
  let run: EndedRun | undefined
  let refusal = ''
  let trial = 0
  const now = () => inTrial(test, `${evaluation}${trial}`)
  return {
    id: test.scenario === '' ? test.id : `${test.id} ${test.scenario}`,
    class: test.group,
    environment: workflow,
    situation: {
      test: now,
      ran: (found) => {
        run = found
      },
      refused: (why) => {
        refusal = why
      },
    },
    async check() {
      const problems =
        run === undefined ? [`it did not run${refusal === '' ? '' : `: ${refusal}`}`] : problemsOf(now(), run)
      return { passed: problems.length === 0, problems }
    },
    regressions: async () => [],
    solve: async () => ({}),
    async reset() {
      run = undefined
      refusal = ''
    },
    async restart() {
      trial += 1
    },
  }
}
