import { z } from 'zod'
import { CustomerRef, EnvironmentSlug, WorkflowRef } from '../params.ts'
import { MayWrite } from '../workflows/may-write.ts'
import { defineAgentTool } from './define-agent-tool.ts'
import { IntegrationPlan } from './integration-plan.ts'

export const WriteTestCasesInput = z.object({
  workflow: WorkflowRef.describe('A published workflow.'),
  plan: IntegrationPlan.nullable().default(null).describe('The plan it was built from, if there is one.'),
  customer: CustomerRef.nullable()
    .default(null)
    .describe('Whose accounts the runs use; left out, the organization’s own.'),
  environment: EnvironmentSlug.default('dev').describe('Where the cases run: not a production one.'),
  heal: z
    .boolean()
    .default(false)
    .describe('Mend the workflow where cases fail, up to three times, and publish new versions of it.'),
  mayWrite: MayWrite.default([]).describe(
    'Apps (slugs), actions (connector.action) or ctx.fetch that live cases may write with, unasked. Where the code writes with others, a person is asked, in Auto mode too.',
  ),
})

export const writeTestCases = defineAgentTool({
  agent: 'test_case_agent',
  name: 'write_test_cases',
  title: 'Write and run test cases',
  description:
    'Proposes test cases for a published workflow (an input and the end state it must lead to), and once approved runs each with real calls (use test accounts) or with mocks, in a non-production environment. Reports expected against actual.',
  input: WriteTestCasesInput,
  http: 'POST /agents/test-case-agent/runs',
})
