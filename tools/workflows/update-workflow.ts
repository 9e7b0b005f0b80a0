import { z } from 'zod'
import { saveWorkflow } from '../../db/workflows.ts'
import { prepareWorkflow } from '../../runtime/sandbox/prepare.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import {
  Code,
  Concurrency,
  checkInputSchema,
  EscalateOnTimeout,
  InputSchema,
  Reach,
  RetryPolicy,
  StartRate,
  Tier,
  TimeoutMs,
  timeoutFor,
} from './settings.ts'
import { refuseCustomerKey, requireWorkflowLocked, toWorkflow, Workflow } from './workflow.ts'

export const updateWorkflow = defineTool({
  name: 'update_workflow',
  title: 'Change a workflow',
  description:
    'Changes a workflow; what is left out stays. Code, tier, timeout, retry, limits, reach and input schema are those of the draft: what is deployed keeps running as it is until a new version is published and deployed. Name, description and status take effect at once.',
  input: z.object({
    workflow: WorkflowRef,
    name: z.string().trim().min(1).max(200).optional().describe('New display name.'),
    description: z.string().max(5_000).optional().describe('New description.'),
    status: z.enum(['active', 'inactive']).optional().describe('An inactive workflow does not run.'),
    code: Code.optional(),
    tier: Tier.optional(),
    timeoutMs: TimeoutMs.optional().describe(
      'New timeout in milliseconds. With a new tier and no timeout, the tier’s default is taken.',
    ),
    retry: RetryPolicy.nullable().optional().describe('New retry policy; null for none.'),
    escalateOnTimeout: EscalateOnTimeout.optional(),
    concurrency: Concurrency.nullable().optional().describe('New bound on runs at once; null for none.'),
    rateLimit: StartRate.nullable().optional().describe('New bound on starts; null for none.'),
    reach: Reach.nullable()
      .optional()
      .describe('What the code may reach from the next version on; null for everything.'),
    inputSchema: InputSchema.nullable().optional().describe('New input schema; null for none.'),
  }),
  output: z.object({ workflow: Workflow }),
  permission: 'workflows.update',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /workflows/:workflow',
  resource: (input) => input.workflow,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    if (input.code !== undefined) prepareWorkflow(input.code)
    const inputSchema = input.inputSchema && checkInputSchema(input.inputSchema)
    const row = await context.transaction(async (tx) => {
      const before = await requireWorkflowLocked(tx, input.workflow)
      context.touches(before.id)
      const tier = input.tier ?? before.tier
      const keptTimeout = tier === before.tier ? before.timeout_ms : undefined
      return saveWorkflow(tx, {
        ...before,
        name: input.name ?? before.name,
        description: input.description ?? before.description,
        status: input.status ?? before.status,
        draft_code: input.code ?? before.draft_code,
        tier,
        timeout_ms: timeoutFor(tier, input.timeoutMs ?? keptTimeout),
        retry: input.retry === undefined ? before.retry : input.retry,
        escalate_on_timeout: input.escalateOnTimeout ?? before.escalate_on_timeout,
        concurrency: input.concurrency === undefined ? before.concurrency : input.concurrency,
        rate_limit: input.rateLimit === undefined ? before.rate_limit : input.rateLimit,
        reach: input.reach === undefined ? before.reach : input.reach,
        input_schema: inputSchema === undefined ? before.input_schema : inputSchema,
      })
    })
    if (row === undefined) throw new Error('UPDATE … RETURNING gave no row')
    return { workflow: toWorkflow(row) }
  },
})
