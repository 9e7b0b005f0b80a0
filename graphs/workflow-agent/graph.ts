import { z } from 'zod'
import { planner } from '../../agents/planner/agent.ts'
import { testCaseAgent } from '../../agents/test-case-agent/agent.ts'
import { workflowBuilder } from '../../agents/workflow-builder/agent.ts'
import { BuildWorkflowInput } from '../../tools/agents/build-workflow.ts'
import { TestCase, TestReport } from '../../tools/agents/test-case.ts'
import { defineAgent } from '../frame/define-agent.ts'
import { takenBackFields } from '../frame/taking-back.ts'
import { approveBuild, storeWorkflow, writeWorkflow } from './building.ts'
import { approveCases, writeCases } from './cases.ts'
import { approveTests, conclude, deploy } from './deploying.ts'
import { approvePlanToBuild, askQuestions, draftPlan, understandRequest } from './planning.ts'
import { asked, decided, type WorkflowState, workflowState } from './state.ts'
import { takeBack } from './take-back.ts'
import { checkAccounts, MAX_MENDED, mendWorkflow, runCases, settle } from './testing.ts'

/** What the run itself does with what its sub-agents made. */
const OWN_TOOLS = [
  'list_workflows',
  'create_workflow',
  'update_workflow',
  'publish_workflow',
  'deploy_workflow',
  'list_triggers',
  'create_webhook',
  'create_scheduler',
]

/** What it takes back with, when a person rejects what it made. */
const TAKING_BACK_TOOLS = [
  'get_trigger',
  'list_action_mocks',
  'list_deployments',
  'delete_trigger',
  'delete_action_mock',
  'rollback_workflow',
  'delete_workflow',
]

export const workflowAgent = defineAgent({
  name: 'workflow_agent',
  title: 'Workflow Agent',
  description:
    'From a plain request to a tested, deployed workflow with its trigger: Planner, Workflow Builder, Test Case Agent. Hands back after each stage.',
  needsModel: true,
  tools: [
    ...new Set([
      ...planner.tools,
      ...workflowBuilder.tools,
      ...testCaseAgent.tools,
      ...OWN_TOOLS,
      ...TAKING_BACK_TOOLS,
    ]),
  ],
  input: BuildWorkflowInput,
  output: z.object({
    status: z.enum(['deployed', 'stopped', 'rejected']),
    stoppedAt: z
      .string()
      .nullable()
      .describe('The point a person (or Auto mode, tests failing) stopped it at.'),
    workflow: z.object({ slug: z.string(), version: z.int() }).nullable(),
    environment: z.string().nullable().describe('Where it is deployed.'),
    trigger: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('What starts it: id, type, url, nextRunAt.'),
    cases: z.array(TestCase).describe('For `eval workflow … --run`.'),
    tests: TestReport.nullable(),
    document: z.string().nullable().describe('The integration plan, in Markdown.'),
    ...takenBackFields,
  }),
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    return new StateGraph(workflowState(langgraph))
      .addNode('understand', node(understandRequest))
      .addNode('ask_questions', node(askQuestions))
      .addNode('draft_plan', node(draftPlan))
      .addNode('approve_plan', node(approvePlanToBuild))
      .addNode('write_code', node(writeWorkflow))
      .addNode('store', node(storeWorkflow))
      .addNode('approve_build', node(approveBuild))
      .addNode('write_cases', node(writeCases))
      .addNode('approve_cases', node(approveCases))
      .addNode('check_accounts', node(checkAccounts))
      .addNode('run_cases', node(runCases))
      .addNode('mend', node(mendWorkflow))
      .addNode('settle', node(settle))
      .addNode('approve_tests', node(approveTests))
      .addNode('deploy', node(deploy))
      .addNode('take_back', node(takeBack))
      .addNode('conclude', node(conclude))
      .addEdge(START, 'understand')
      .addEdge('understand', 'ask_questions')
      .addConditionalEdges('ask_questions', asked, ['understand', 'draft_plan', 'conclude'])
      .addEdge('draft_plan', 'approve_plan')
      .addConditionalEdges('approve_plan', decided('write_code', 'draft_plan'), [
        'write_code',
        'draft_plan',
        'conclude',
      ])
      .addEdge('write_code', 'store')
      .addEdge('store', 'approve_build')
      .addConditionalEdges('approve_build', decided('write_cases', 'write_code'), [
        'write_cases',
        'write_code',
        'conclude',
      ])
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
      .addConditionalEdges('run_cases', toMend, ['mend', 'settle'])
      .addConditionalEdges('mend', afterMending, ['run_cases', 'settle'])
      .addEdge('settle', 'approve_tests')
      .addConditionalEdges('approve_tests', afterTesting, ['deploy', 'take_back', 'conclude'])
      .addEdge('deploy', 'conclude')
      .addEdge('take_back', 'conclude')
      .addEdge('conclude', END)
  },
})

const afterTesting = ({ stopped, rejected }: WorkflowState): 'deploy' | 'take_back' | 'conclude' =>
  stopped === null ? 'deploy' : rejected ? 'take_back' : 'conclude'

export const afterMending = ({ mendingRefused }: WorkflowState): 'run_cases' | 'settle' =>
  mendingRefused ? 'settle' : 'run_cases'

/** Failing code is mended, so often at most. */
export const toMend = ({ report, mended }: WorkflowState): 'mend' | 'settle' =>
  (report?.failed ?? 0) > 0 && mended < MAX_MENDED ? 'mend' : 'settle'
