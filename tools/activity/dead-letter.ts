import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import {
  type DeadLetterRow,
  type DeadLetterSummaryRow,
  getDeadLetter as findDeadLetter,
} from '../../db/dead-letters.ts'
import { Timestamp } from '../params.ts'

export const DeadLetterRef = z.string().min(1).describe("A dead letter's id (dlq_…).")
export const DeadLetterStatus = z.enum(['pending', 'replayed', 'expired'])

export const DeadLetterSummary = z.object({
  id: z.string().describe('dlq_…'),
  status: DeadLetterStatus.describe('pending: nobody has replayed it yet.'),
  workflow: z.string().describe('Slug of the workflow.'),
  workflowId: z.string(),
  version: z.number().int().describe('The version that failed.'),
  executionId: z.string().nullable().describe('The execution that failed for good.'),
  eventId: z.string().nullable(),
  customerId: z.string().nullable(),
  errorMessage: z.string(),
  retries: z.number().int().describe('How often it was tried again after the first attempt.'),
  replayExecutionId: z.string().nullable().describe('The execution that replayed it.'),
  createdAt: Timestamp,
  replayedAt: Timestamp.nullable(),
})

export const toDeadLetterSummary = (row: DeadLetterSummaryRow) => ({
  id: row.id,
  status: row.status,
  workflow: row.workflow_slug,
  workflowId: row.workflow_id,
  version: row.workflow_version,
  executionId: row.execution_id,
  eventId: row.event_id,
  customerId: row.customer_id,
  errorMessage: row.error_message,
  retries: row.retry_count,
  replayExecutionId: row.replay_execution_id,
  createdAt: row.created_at,
  replayedAt: row.replayed_at,
})

/** @throws AppError `not_found` */
export async function requireDeadLetter(tx: Tx, id: string): Promise<DeadLetterRow> {
  const row = await findDeadLetter(tx, id)
  if (row === undefined) throw notFound('dead letter', id, 'list_dead_letters shows the ones there are.')
  return row
}
