import { z } from 'zod'
import { defineAgentTool } from './define-agent-tool.ts'
import { IntegrationPlan } from './integration-plan.ts'

export const GenerateWorkflowInput = z.object({
  plan: IntegrationPlan.describe('The plan, as plan_integration gives it.'),
  instructions: z.string().max(20_000).default('').describe('What to heed besides the plan.'),
})

export const generateWorkflow = defineAgentTool({
  agent: 'workflow_builder',
  name: 'generate_workflow',
  title: 'Write the code of a plan',
  description:
    'Writes the workflow of a ready plan and checks it: syntax, types against your own connectors, that it calls the planned actions and no others. Gives the code and keeps nothing: create_workflow does.',
  input: GenerateWorkflowInput,
  http: 'POST /agents/workflow-builder/runs',
})
