import { z } from 'zod'
import { Request } from './build-workflow.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const PlanIntegrationInput = z.object({ request: Request })

export const planIntegration = defineAgentTool({
  agent: 'planner',
  name: 'plan_integration',
  title: 'Plan an integration',
  description:
    'Turns a plain request into an integration plan: trigger, actions that exist, field mappings checked against both schemas, rules, failure handling, acceptance. Asks at most four business questions in one batch. Builds nothing: generate_workflow writes the code of a plan, build_workflow does all of it.',
  input: PlanIntegrationInput,
  http: 'POST /agents/planner/runs',
})
