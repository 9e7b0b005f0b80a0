import { runAgent } from '../../client/agent.ts'
import { converse, type OwnTool, requireModel } from '../../client/converse.ts'
import type { Doors } from '../../doors.ts'
import type { Question } from '../../environments/person.ts'
import type { Policy, SuiteOptions } from '../../suite.ts'
import type { PlanSituation } from './suite.ts'

/** No model and no question: the right plan, with a guess for whatever was not said. */
export const guess = (): Policy<PlanSituation> => async (task) => {
  const plan = task.situation.guessed()
  task.situation.submit(plan)
  return { trajectory: [{ kind: 'note', title: 'guessed what was not said', output: plan }] }
}

/** Patchbay's Planner through its door; the person answers its questions and approves the plan. */
export const agent =
  ({ doors }: SuiteOptions): Policy<PlanSituation> =>
  async ({ situation: { request, ask, submit } }) => {
    const attempt = await runAgent(doors, 'plan_integration', { request }, askingPerson(ask))
    const { plan } = (attempt.answer ?? { plan: null }) as { plan: unknown }
    submit(plan)
    return attempt
  }

/** A person at the run's questions: tells what is asked, and is content with everything else. */
export const askingPerson = (ask: (questions: readonly Question[]) => string[]) => ({
  approval: 'manual' as const,
  answer: ({
    point,
    details,
    default: usual,
  }: {
    point: string
    details: object
    default: object | null
  }) => {
    if (point !== 'questions') return usual ?? undefined
    const answers = ask((details as { questions: Question[] }).questions)
    return Object.fromEntries(answers.map((answer, n) => [`q${n + 1}`, answer]))
  },
})

const TOOLS = ['list_connectors', 'list_actions', 'get_action', 'list_connections', 'list_customers']

const SYSTEM =
  'You plan integrations between apps for a company, with the tools of Patchbay. Look at the connectors and actions there are. Ask the person only what is not said and changes the plan: at most four questions, at once. Build nothing. When the plan is ready, hand it in with submit_plan, and stop.'

/** A model with Patchbay's tools, as somebody's own agent would be. */
export const client = (options: SuiteOptions): Policy<PlanSituation> => {
  const model = requireModel(options)
  return async ({ situation }) =>
    converse({
      ...{ model, doors: options.doors, tools: TOOLS, system: SYSTEM, prompt: situation.request },
      own: [askTool(situation.ask), await submitTool(options.doors, situation.submit)],
    })
}

export const askTool = (ask: PlanSituation['ask']): OwnTool => ({
  name: 'ask_person',
  description: 'Asks the person whose wish it is, and gives the answers in the same order.',
  input: {
    type: 'object',
    required: ['questions'],
    properties: { questions: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 4 } },
  },
  run: ({ questions }) => {
    if (!Array.isArray(questions)) throw new Error('questions is a list of texts.')
    return ask(questions.map((question) => ({ question: String(question) })))
  },
})

async function submitTool(doors: Doors, submit: PlanSituation['submit']): Promise<OwnTool> {
  const { inputSchema } = await doors.call('describe_tool', { name: 'generate_workflow' })
  const { instructions: _instructions, ...properties } = inputSchema.properties
  return {
    name: 'submit_plan',
    description: 'Hands in the integration plan. The last one counts.',
    input: { ...inputSchema, properties },
    run: ({ plan }) => {
      const problems = submit(plan)
      if (problems.length > 0) throw new Error(problems.join(' '))
      return { taken: true }
    },
  }
}
