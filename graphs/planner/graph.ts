import { z } from 'zod'
import { planner as card } from '../../agents/planner/agent.ts'
import { planDocument } from '../../agents/planner/plan-document.ts'
import type { JsonObject } from '../../core/json.ts'
import { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { PlanIntegrationInput } from '../../tools/agents/plan-integration.ts'
import { defineAgent } from '../frame/define-agent.ts'
import { approvePlan, askQuestions, draftPlan, understandRequest } from '../workflow-agent/planning.ts'
import { asked, decided, type WorkflowState, workflowState } from '../workflow-agent/state.ts'

/** The Planner alone. */
export const planner = defineAgent({
  name: 'planner',
  title: 'Planner',
  description: card.purpose,
  needsModel: true,
  tools: card.tools,
  input: PlanIntegrationInput,
  output: z.object({
    approved: z.boolean().describe('False: a person stopped it.'),
    plan: IntegrationPlan.nullable().describe('generate_workflow takes it.'),
    document: z.string().nullable().describe('The plan in Markdown.'),
  }),
  graph: ({ langgraph, node }) => {
    const { StateGraph, START, END } = langgraph
    return new StateGraph(workflowState(langgraph))
      .addNode('understand', node(understandRequest))
      .addNode('ask_questions', node(askQuestions))
      .addNode('draft_plan', node(draftPlan))
      .addNode('approve_plan', node(approvePlan))
      .addNode(
        'conclude',
        node(async ({ plan, stopped }: WorkflowState) => ({
          output: {
            approved: stopped === null,
            plan: plan as unknown as JsonObject | null,
            document: plan === null ? null : planDocument(plan),
          },
        })),
      )
      .addEdge(START, 'understand')
      .addEdge('understand', 'ask_questions')
      .addConditionalEdges('ask_questions', asked, ['understand', 'draft_plan', 'conclude'])
      .addEdge('draft_plan', 'approve_plan')
      .addConditionalEdges('approve_plan', decided('conclude', 'draft_plan'), ['draft_plan', 'conclude'])
      .addEdge('conclude', END)
  },
})
