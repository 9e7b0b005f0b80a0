import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { type ApprovalRow, getApproval } from '../../db/approvals.ts'
import type { Tx } from '../../db/database.ts'
import { Timestamp } from '../params.ts'

export const ApprovalRef = z.string().min(1).describe("An approval's id (apr_…).")

export const ApprovalStatus = z.enum(['pending', 'approved', 'rejected', 'expired'])

export const Approval = z.object({
  id: z.string().describe('apr_…'),
  executionId: z.string().describe('The execution that waits for it.'),
  customerId: z.string().nullable(),
  title: z.string(),
  description: z.string(),
  data: z.unknown().describe('What is to be decided on, as the workflow gave it.'),
  status: ApprovalStatus.describe('expired: its time was up, or its execution ended, before it was decided.'),
  decidedBy: z.string().nullable(),
  comment: z.string().nullable(),
  expiresAt: Timestamp.nullable(),
  createdAt: Timestamp,
  decidedAt: Timestamp.nullable(),
})

export const toApproval = (row: ApprovalRow) => ({
  id: row.id,
  executionId: row.execution_id,
  customerId: row.customer_id,
  title: row.title,
  description: row.description,
  data: row.data,
  status: row.status,
  decidedBy: row.decided_by,
  comment: row.comment,
  expiresAt: row.expires_at,
  createdAt: row.created_at,
  decidedAt: row.decided_at,
})

/** @throws AppError `not_found` */
export async function requireApproval(tx: Tx, id: string): Promise<ApprovalRow> {
  const row = await getApproval(tx, id)
  if (row === undefined) throw notFound('approval', id, 'list_approvals shows the ones there are.')
  return row
}
