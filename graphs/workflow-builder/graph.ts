import { z } from 'zod'
import { finder } from '../../agents/planner/agent.ts'
import { checkPlan } from '../../agents/planner/check-plan.ts'
import { inputSchemaOf } from '../../agents/planner/input-schema.ts'
import { runsAtOnce } from '../../agents/planner/runs-at-once.ts'
import { workflowBuilder as card, reachOfCode, writeCode } from '../../agents/workflow-builder/agent.ts'
import { invalidInput } from '../../core/errors.ts'
import { GenerateWorkflowInput } from '../../tools/agents/generate-workflow.ts'
import { Concurrency } from '../../tools/workflows/settings.ts'
import { defineAgent, type RunContext } from '../frame/define-agent.ts'
import { further } from '../workflow-agent/building.ts'
import { decide } from '../workflow-agent/decision.ts'
import { decided, made, type Update, type WorkflowState, workflowState } from '../workflow-agent/state.ts'

/** The Standalone Workflow Builder: the code of a ready plan, and nothing kept. */
export const standaloneWorkflowBuilder = defineAgent({
  name: 'workflow_builder',
  title: 'Standalone Workflow Builder',
  description: 'Writes and checks the code of a ready plan. Keeps nothing: create_workflow takes the code.',
  needsModel: true,
  tools: card.tools,
  input: GenerateWorkflowInput,
  output: z.object({
    approved: z.boolean().describe('False: a person stopped it.'),
    code: z.string().describe('For create_workflow.'),
    notes: z.string().describe('Assumptions, what is not covered.'),
    inputSchema: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('For create_workflow; null: any input.'),
    concurrency: Concurrency.nullable().describe(
      'For create_workflow, so that nothing is done twice that comes twice at once; null: no bound.',
    ),
  }),
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    return new StateGraph(workflowState(langgraph))
      .addNode('check_plan', node(checkGivenPlan))
      .addNode('write_code', node(write))
      .addNode('approve_code', node(approve))
      .addNode(
        'conclude',
        node(async ({ plan, code, notes, stopped }: WorkflowState) => ({
          output: {
            approved: stopped === null,
            code,
            notes,
            inputSchema: plan === null || plan.input.length === 0 ? null : inputSchemaOf(plan),
            concurrency: plan === null ? null : runsAtOnce(plan),
          },
        })),
      )
      .addEdge(START, 'check_plan')
      .addEdge('check_plan', 'write_code')
      .addEdge('write_code', 'approve_code')
      .addConditionalEdges('approve_code', decided('conclude', 'write_code'), ['write_code', 'conclude'])
      .addEdge('conclude', END)
  },
})

/** @throws AppError `invalid_input`: a plan that cannot be built is not a model's to mend */
async function checkGivenPlan({ input }: WorkflowState, run: RunContext): Promise<Update> {
  const plan = made(input.plan ?? null, 'a plan')
  const [problem, ...more] = await checkPlan(plan, finder(run))
  if (problem === undefined) return { plan }
  throw invalidInput(`The plan cannot be built: ${problem}`, {
    where: 'plan',
    hint: 'Correct it, or let plan_integration write one.',
    data: { problems: [problem, ...more] },
  })
}

async function write({ plan, code, feedback, input }: WorkflowState, run: RunContext): Promise<Update> {
  const ready = made(plan, 'a plan')
  const before = code === '' || feedback === '' ? null : { code, feedback }
  const written = await writeCode(run, { plan: ready, instructions: input.instructions ?? '', before })
  await run.artifact({ kind: 'workflow_code', title: `${ready.slug}.js`, content: written.code })
  return { ...written, feedback: '' }
}

async function approve({ code, notes, plan }: WorkflowState, run: RunContext): Promise<Update> {
  const { reaches } = await reachOfCode(run, code, plan)
  const question = `Is this code as you want it?${further(reaches)}`
  return decide(
    run,
    { point: 'after_building', question, details: { code, notes, reaches } },
    reaches.length > 0,
  )
}
