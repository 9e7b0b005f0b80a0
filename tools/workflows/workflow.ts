import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { AppError, notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { findWorkflow, holdWorkflow, lockWorkflow, type WorkflowRow } from '../../db/workflows.ts'
import { Timestamp } from '../params.ts'
import {
  Concurrency,
  EscalateOnTimeout,
  InputSchema,
  Reach,
  RetryPolicy,
  StartRate,
  Tier,
} from './settings.ts'

export const Workflow = z.object({
  id: z.string().describe('wf_…'),
  name: z.string(),
  slug: z.string(),
  description: z.string(),
  status: z.enum(['active', 'inactive']).describe('An inactive workflow does not run.'),
  tier: Tier,
  timeoutMs: z.number().int().describe('A run is stopped after this many milliseconds.'),
  retry: RetryPolicy.nullable().describe('How failed attempts are tried again; null: never.'),
  escalateOnTimeout: EscalateOnTimeout,
  inputSchema: InputSchema.nullable().describe(
    'What the input of a caller must fit, null: anything. Not checked for webhooks and schedulers.',
  ),
  concurrency: Concurrency.nullable(),
  rateLimit: StartRate.nullable(),
  reach: Reach.nullable().describe('What its code may reach; null: all that its runs may.'),
  latestVersion: z.number().int().describe('Number of the newest published version; 0: none yet.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toWorkflow = (row: WorkflowRow) => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  description: row.description,
  status: row.status,
  tier: row.tier,
  timeoutMs: row.timeout_ms,
  retry: row.retry,
  escalateOnTimeout: row.escalate_on_timeout,
  inputSchema: row.input_schema,
  concurrency: row.concurrency,
  rateLimit: row.rate_limit,
  reach: row.reach,
  latestVersion: row.latest_version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const noWorkflow = (ref: string) => notFound('workflow', ref, 'list_workflows shows the ones there are.')

/** @throws AppError `not_found`, also for another organization's workflow */
export async function requireWorkflow(tx: Tx, ref: string): Promise<WorkflowRow> {
  const row = await findWorkflow(tx, ref)
  if (row === undefined) throw noWorkflow(ref)
  return row
}

/** The same, locked until the transaction ends. */
export async function requireWorkflowLocked(tx: Tx, ref: string): Promise<WorkflowRow> {
  const row = await lockWorkflow(tx, ref)
  if (row === undefined) throw noWorkflow(ref)
  return row
}

/** The same, held until the transaction ends: nobody deletes it before what refers to it is stored. */
export async function requireWorkflowHeld(tx: Tx, ref: string): Promise<WorkflowRow> {
  const row = await holdWorkflow(tx, ref)
  if (row === undefined) throw noWorkflow(ref)
  return row
}

/**
 * Workflows belong to the whole organization and run for every customer, so a key limited to some customers
 * does not change them.
 * @throws AppError `forbidden`
 */
export function refuseCustomerKey(actor: Actor): void {
  if (actor.customerIds === null) return
  throw new AppError(
    'forbidden',
    'Workflows run for every customer; a key limited to some cannot change them.',
    {
      hint: 'Use a key that reaches all customers.',
    },
  )
}
