import { firstId } from '../core/ids.ts'
import type { Json } from '../core/json.ts'
import { conditions } from './conditions.ts'
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
export function listEvents(tx: Tx, filter: EventFilter): Promise<EventSummaryRow[]> {
  const { where, params, add } = conditions([
    ['e.source = ?', filter.source],
    ['e.status = ?', filter.status],
    ['e.trigger_id = ?', filter.triggerId],
    ['e.customer_id = ?', filter.customerId],
    ['e.id >= ?', filter.since && firstId('event', filter.since.getTime())],
    ['e.id < ?', filter.cursor],
  ])
  return tx.rows<EventSummaryRow>(
    `SELECT ${SUMMARY} ${FROM} ${where} ORDER BY e.id DESC LIMIT ${add(filter.limit)}`,
    params,
  )
}
