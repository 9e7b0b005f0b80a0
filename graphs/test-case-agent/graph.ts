import { z } from 'zod'
import { testCaseAgent as card } from '../../agents/test-case-agent/agent.ts'
import { workflowBuilder } from '../../agents/workflow-builder/agent.ts'
import { conflict } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { TestCase, TestReport } from '../../tools/agents/test-case.ts'
import { WriteTestCasesInput } from '../../tools/agents/write-test-cases.ts'
import { defineAgent, type RunContext } from '../frame/define-agent.ts'
import { draftOf } from '../workflow-agent/building.ts'
import { approveCases, writeCases } from '../workflow-agent/cases.ts'
import { afterMending, toMend } from '../workflow-agent/graph.ts'
import { requireTestEnvironment } from '../workflow-agent/planning.ts'
import { decided, type Update, type WorkflowState, workflowState } from '../workflow-agent/state.ts'
import { checkAccounts, mendWorkflow, runCases, settle } from '../workflow-agent/testing.ts'

/** The Test Case Agent alone, for a workflow there is. */
export const testCaseAgent = defineAgent({
  name: 'test_case_agent',
  title: 'Test Case Agent',
  description: card.purpose,
  needsModel: true,
  tools: [...new Set([...card.tools, ...workflowBuilder.tools, 'update_workflow', 'publish_workflow'])],
  input: WriteTestCasesInput,
  output: z.object({
    stoppedAt: z.string().nullable().describe('The point a person stopped it at.'),
    version: z.int().describe('The version the report is of; a new one where the code was mended.'),
    cases: z.array(TestCase),
    tests: TestReport.nullable().describe('Null: the cases were not run.'),
  }),
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    return new StateGraph(workflowState(langgraph))
      .addNode('load', node(load))
      .addNode('write_cases', node(writeCases))
      .addNode('approve_cases', node(approveCases))
      .addNode('check_accounts', node(checkAccounts))
      .addNode('run_cases', node(runCases))
      .addNode('mend', node(mendWorkflow))
      .addNode('settle', node(settle))
      .addNode(
        'conclude',
        node(async ({ stopped, stored, cases, report }: WorkflowState) => ({
          output: {
            stoppedAt: stopped,
            version: stored?.version ?? 0,
            cases: cases as unknown as Json,
            tests: report as unknown as Json,
          },
        })),
      )
      .addEdge(START, 'load')
      .addEdge('load', 'write_cases')
      .addEdge('write_cases', 'approve_cases')
      .addConditionalEdges('approve_cases', decided('check_accounts', 'write_cases'), [
        'check_accounts',
        'write_cases',
        'conclude',
      ])
      .addConditionalEdges('check_accounts', decided('run_cases', 'check_accounts'), [
        'run_cases',
        'check_accounts',
        'conclude',
      ])
      .addConditionalEdges('run_cases', (state) => (state.input.heal === true ? toMend(state) : 'settle'), [
        'mend',
        'settle',
      ])
      .addConditionalEdges('mend', afterMending, ['run_cases', 'settle'])
      .addEdge('settle', 'conclude')
      .addEdge('conclude', END)
  },
})

/** The workflow as it is published. @throws AppError `conflict` when its draft is something else */
async function load({ input }: WorkflowState, run: RunContext): Promise<Update> {
  await requireTestEnvironment(run, input.environment)
  const draft = await draftOf(run, input.workflow ?? '')
  if (draft.latestVersion === 0 || draft.unpublishedChanges) {
    throw conflict(`The draft of ${draft.slug} is not published.`, {
      where: 'workflow',
      hint: 'publish_workflow makes a version of it; that is what is tested.',
    })
  }
  return {
    plan: input.plan ?? null,
    code: draft.code,
    stored: {
      slug: draft.slug,
      version: draft.latestVersion,
      inputSchema: draft.inputSchema,
      reach: draft.reach,
    },
  }
}
