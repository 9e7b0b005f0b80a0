import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { getWorkflowVersion, type WorkflowRow, type WorkflowVersionRow } from '../../db/workflows.ts'
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

export const VersionNumber = z.coerce
  .number()
  .int()
  .min(1)
  .describe('Version number, as publish_workflow gave it.')

export const WorkflowVersion = z.object({
  id: z.string().describe('wv_…'),
  version: z.number().int(),
  tier: Tier,
  timeoutMs: z.number().int(),
  retry: RetryPolicy.nullable(),
  escalateOnTimeout: EscalateOnTimeout,
  inputSchema: InputSchema.nullable(),
  concurrency: Concurrency.nullable(),
  rateLimit: StartRate.nullable(),
  reach: Reach.nullable().describe('What its code may reach; null: all that its runs may.'),
  connectors: z.array(z.string()).describe('Slugs of the connectors its code calls.'),
  publishedBy: z.string().describe('Id of the key that published it.'),
  createdAt: Timestamp,
})

export const toVersion = (row: Omit<WorkflowVersionRow, 'source'>) => ({
  id: row.id,
  version: row.version,
  tier: row.tier,
  timeoutMs: row.timeout_ms,
  retry: row.retry,
  escalateOnTimeout: row.escalate_on_timeout,
  inputSchema: row.input_schema,
  concurrency: row.concurrency,
  rateLimit: row.rate_limit,
  reach: row.reach,
  connectors: row.connectors,
  publishedBy: row.published_by,
  createdAt: row.created_at,
})

/** @throws AppError `not_found` */
export async function requireVersion(
  tx: Tx,
  workflow: WorkflowRow,
  version: number,
): Promise<WorkflowVersionRow> {
  const row = await getWorkflowVersion(tx, workflow.id, version)
  if (row !== undefined) return row
  throw notFound(
    `version of the workflow '${workflow.slug}'`,
    String(version),
    workflow.latest_version === 0
      ? 'It has never been published: publish_workflow makes version 1.'
      : `Its newest is ${workflow.latest_version}; list_workflow_versions shows them.`,
  )
}
