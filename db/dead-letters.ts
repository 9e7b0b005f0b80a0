import type { Json } from '../core/json.ts'
import type { Tx } from './database.ts'

export interface DeadLetterSummaryRow {
  id: string
  customer_id: string | null
  execution_id: string | null
  event_id: string | null
  workflow_id: string
  workflow_slug: string
  workflow_version: number
  error_message: string
  retry_count: number
  status: 'pending' | 'replayed' | 'expired'
  replay_execution_id: string | null
  created_at: Date
  replayed_at: Date | null
}

export interface DeadLetterRow extends DeadLetterSummaryRow {
  event_payload: Json
  error_context: { [key: string]: Json }
}

const SUMMARY = `d.id, d.customer_id, d.execution_id, d.event_id, d.workflow_id, w.slug AS workflow_slug, v.version AS workflow_version,
  d.error_message, d.retry_count, d.status, d.replay_execution_id, d.created_at, d.replayed_at`
const FROM =
  'FROM dead_letters d JOIN workflows w ON w.id = d.workflow_id JOIN workflow_versions v ON v.id = d.workflow_version_id'

export const getDeadLetter = (tx: Tx, id: string) =>
  tx.row<DeadLetterRow>(`SELECT ${SUMMARY}, d.event_payload, d.error_context ${FROM} WHERE d.id = $1`, [id])

export interface DeadLetterFilter {
  status: DeadLetterSummaryRow['status'] | null
  workflowId: string | null
  customerId: string | null
  cursor: string | null
  limit: number
}

/** Newest first, without what they carry. */
export const listDeadLetters = (tx: Tx, filter: DeadLetterFilter) =>
  tx.rows<DeadLetterSummaryRow>(
    `SELECT ${SUMMARY} ${FROM}
     WHERE ($1::text IS NULL OR d.status = $1) AND ($2::text IS NULL OR d.workflow_id = $2)
       AND ($3::text IS NULL OR d.customer_id = $3) AND ($4::text IS NULL OR d.id < $4)
     ORDER BY d.id DESC LIMIT $5`,
    [filter.status, filter.workflowId, filter.customerId, filter.cursor, filter.limit],
  )
