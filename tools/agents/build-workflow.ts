import { z } from 'zod'
import { CustomerRef, EnvironmentSlug, WorkflowRef } from '../params.ts'
import { MayWrite } from '../workflows/may-write.ts'
import { defineAgentTool } from './define-agent-tool.ts'

export const Request = z
  .string()
  .trim()
  .min(8)
  .max(20_000)
  .describe(
    'What the integration must do, in plain words: "When an order is paid in the shop, create the invoice in the ledger."',
  )

export const BuildWorkflowInput = z.object({
  request: Request,
  customer: CustomerRef.nullable()
    .default(null)
    .describe('Whose accounts the tests and the trigger use (id or slug); left out, the organization’s own.'),
  environment: EnvironmentSlug.default('dev').describe(
    'Where it is tested and deployed: not a production one.',
  ),
  workflow: WorkflowRef.nullable()
    .default(null)
    .describe('Rebuild this workflow; left out, a new one is made.'),
  mayWrite: MayWrite.default([]).describe(
    'Apps (slugs) or actions (connector.action) that the person wants written in: live test cases then do, and Auto mode does not ask. A plan that writes anywhere else waits for a person, in Auto mode too.',
  ),
})

export const buildWorkflow = defineAgentTool({
  agent: 'workflow_agent',
  name: 'build_workflow',
  title: 'Build an integration from a sentence',
  description:
    'From a plain request to a deployed workflow: asks at most four business questions in one batch, writes an integration plan with field mappings, writes and type-checks the code, proposes test cases, runs them with real calls, mends what fails, deploys to a non-production environment and binds the trigger. Hands back after each stage. Needs connectors (import_spec, build_connector) and a model; without a model: list_actions, validate_workflow, create_workflow, run_workflow, deploy_workflow.',
  input: BuildWorkflowInput,
  http: 'POST /agents/workflow-agent/runs',
})
