import { runAgent } from '../../client/agent.ts'
import { converse, requireModel } from '../../client/converse.ts'
import type { Attempt, Policy, SuiteOptions } from '../../suite.ts'
import { askingPerson } from '../plan/policies.ts'
import type { Plan } from '../plan/wish.ts'
import { makeTrigger, makeWorkflow, type WorkflowSituation } from './suite.ts'

/** The request says everything there is to say. */
const asked = askingPerson((questions) => questions.map(() => 'As I said; decide yourself what I did not.'))

/** Patchbay's Workflow Agent: plans, writes, tests, mends, deploys, binds. */
export const agent =
  ({ doors }: SuiteOptions): Policy<WorkflowSituation> =>
  ({ situation: { request, customer } }) =>
    runAgent(doors, 'build_workflow', { request, customer }, asked)

interface Built {
  code?: string
  inputSchema?: object | null
  concurrency?: object | null
}

/** Its Planner and its Standalone Workflow Builder, without test cases; what they made is deployed as it is. */
export const builder =
  ({ doors }: SuiteOptions): Policy<WorkflowSituation> =>
  async ({ situation: { request, customer } }) => {
    const planned = await runAgent(doors, 'plan_integration', { request }, asked)
    const { plan } = (planned.answer ?? {}) as { plan?: Plan | null }
    if (plan == null) return planned
    const built = await runAgent(doors, 'generate_workflow', { plan }, asked)
    const { code, inputSchema, concurrency } = (built.answer ?? {}) as Built
    if (code !== undefined) {
      await makeWorkflow(doors, { slug: plan.slug, code, inputSchema, concurrency })
      const { type, cron, timeZone } = plan.trigger
      if (type === 'webhook') await makeTrigger(doors, plan.slug, { type }, customer)
      if (type === 'schedule' && cron !== null)
        await makeTrigger(doors, plan.slug, { type: 'scheduler', cron, timeZone }, customer)
    }
    return both(planned, built)
  }

const both = (a: Attempt, b: Attempt): Attempt => ({
  steps: (a.steps ?? 0) + (b.steps ?? 0),
  toolErrors: (a.toolErrors ?? 0) + (b.toolErrors ?? 0),
  tokens: (a.tokens ?? 0) + (b.tokens ?? 0),
  money: (a.money ?? 0) + (b.money ?? 0),
  trajectory: [...(a.trajectory ?? []), ...(b.trajectory ?? [])],
  answer: b.answer,
})

const TOOLS = [
  ...['list_connectors', 'list_actions', 'get_action', 'list_connections', 'run_action', 'list_customers'],
  ...['validate_workflow', 'create_workflow', 'update_workflow', 'get_workflow', 'publish_workflow'],
  ...['run_workflow', 'get_execution', 'list_execution_steps', 'deploy_workflow'],
  ...['create_webhook', 'create_scheduler', 'list_triggers', 'update_trigger', 'delete_trigger'],
]

const SYSTEM =
  'You build integrations with the tools of Patchbay, in its environment dev, where the accounts are test accounts. Look at the actions there are, write the workflow (one JavaScript module whose default export is an async function of ctx), validate, create, publish and try it, deploy it to dev, and make its trigger. Touch nothing else that is there. Work until it is done, and then say so.'

/** A model with Patchbay's tools, as somebody's own agent would be. */
export const client = (options: SuiteOptions): Policy<WorkflowSituation> => {
  const model = requireModel(options)
  return ({ situation: { request, customer } }) =>
    converse({
      ...{ model, doors: options.doors, tools: TOOLS, system: SYSTEM, maxSteps: 60 },
      prompt: customer === null ? request : `${request}\n\nThe customer's slug is ${customer}.`,
    })
}
