import type { Json } from '../core/json.ts'
import type { Tx } from './database.ts'

export interface EventSummaryRow {
  id: string
  customer_id: string | null
  source: 'webhook' | 'scheduled' | 'manual'
  trigger_id: string | null
  trigger_name: string | null
  status: 'delivered' | 'unmatched' | 'failed'
  dedupe_key: string | null
  received_at: Date
  execution_count: number
}

export interface EventRow extends EventSummaryRow {
  headers: Record<string, string>
  payload: Json
}

const SUMMARY = `e.id, e.customer_id, e.source, e.trigger_id, t.name AS trigger_name, e.status, e.dedupe_key, e.received_at,
  (SELECT count(*)::int FROM executions x WHERE x.event_id = e.id) AS execution_count`
const FROM = 'FROM events e LEFT JOIN triggers t ON t.id = e.trigger_id'

export const getEvent = (tx: Tx, id: string) =>
  tx.row<EventRow>(`SELECT ${SUMMARY}, e.headers, e.payload ${FROM} WHERE e.id = $1`, [id])

export interface EventFilter {
  source: EventSummaryRow['source'] | null
  status: EventSummaryRow['status'] | null
  triggerId: string | null
  customerId: string | null
  /** Received at or after. */
  since: Date | null
  cursor: string | null
  limit: number
}

/** Newest first, without what they carry. */
export const listEvents = (tx: Tx, filter: EventFilter) =>
  tx.rows<EventSummaryRow>(
    `SELECT ${SUMMARY} ${FROM}
     WHERE ($1::text IS NULL OR e.source = $1) AND ($2::text IS NULL OR e.status = $2)
       AND ($3::text IS NULL OR e.trigger_id = $3) AND ($4::text IS NULL OR e.customer_id = $4)
       AND ($5::timestamptz IS NULL OR e.received_at >= $5) AND ($6::text IS NULL OR e.id < $6)
     ORDER BY e.id DESC LIMIT $7`,
    [
      filter.source,
      filter.status,
      filter.triggerId,
      filter.customerId,
      filter.since,
      filter.cursor,
      filter.limit,
    ],
  )
