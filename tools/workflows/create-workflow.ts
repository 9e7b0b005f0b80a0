import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { brokenUnique } from '../../db/database.ts'
import { insertWorkflow } from '../../db/workflows.ts'
import { prepareWorkflow } from '../../runtime/sandbox/prepare.ts'
import { defineTool } from '../define-tool.ts'
import { ResourceSlug, slugFrom } from '../params.ts'
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
import { refuseCustomerKey, toWorkflow, Workflow } from './workflow.ts'

export const createWorkflow = defineTool({
  name: 'create_workflow',
  title: 'Create a workflow',
  description:
    'Creates a workflow from code. The code becomes its draft: publish_workflow makes a version of it, deploy_workflow lets that run. Code that could not run is refused with the line of the error; validate_workflow checks code without keeping it.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('Display name, e.g. "Sync orders".'),
    slug: ResourceSlug.optional().describe(
      'Short stable name, unique in your organization; made from the name when left out.',
    ),
    description: z.string().max(5_000).default('').describe('What it is for.'),
    code: Code,
    tier: Tier.default('standard'),
    timeoutMs: TimeoutMs.optional(),
    retry: RetryPolicy.optional().describe(
      'How failed attempts are tried again; left out, never. {} takes the defaults: 3 attempts, 5 s apart and growing. Only failures that may pass are tried again.',
    ),
    escalateOnTimeout: EscalateOnTimeout.default(false),
    inputSchema: InputSchema.optional(),
    concurrency: Concurrency.optional(),
    rateLimit: StartRate.optional(),
    reach: Reach.optional(),
  }),
  output: z.object({ workflow: Workflow }),
  permission: 'workflows.create',
  effect: 'write',
  http: 'POST /workflows',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    const slug = input.slug ?? slugFrom(input.name)
    const timeoutMs = timeoutFor(input.tier, input.timeoutMs)
    const inputSchema = input.inputSchema === undefined ? null : checkInputSchema(input.inputSchema)
    prepareWorkflow(input.code)
    const row = await context
      .transaction((tx) => {
        const id = newId('workflow')
        context.touches(id)
        return insertWorkflow(tx, {
          id,
          organization_id: context.actor.organizationId,
          slug,
          name: input.name,
          description: input.description,
          tier: input.tier,
          timeout_ms: timeoutMs,
          retry: input.retry ?? null,
          escalate_on_timeout: input.escalateOnTimeout,
          input_schema: inputSchema,
          concurrency: input.concurrency ?? null,
          rate_limit: input.rateLimit ?? null,
          reach: input.reach ?? null,
          draft_code: input.code,
        })
      })
      .catch((error: unknown) => {
        if (brokenUnique(error) === undefined) throw error
        throw conflict(`A workflow with the slug '${slug}' exists already.`, {
          where: 'slug',
          hint: 'Give another slug, or change the existing workflow with update_workflow.',
        })
      })
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return { workflow: toWorkflow(row) }
  },
})
