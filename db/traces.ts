import { firstId } from '../core/ids.ts'
import type { Json, JsonObject } from '../core/json.ts'
import { conditions } from './conditions.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** One connector call: what was sent and what came back, redacted and bounded. */
export interface TraceRow {
  id: string
  customer_id: string | null
  execution_id: string | null
  attempt: number | null
  connection_id: string | null
  connector: string
  action: string
  status: 'success' | 'error' | 'pending'
  http_status: number | null
  duration_ms: number | null
  request: JsonObject
  response: Json
  error: Json
  /** The scenario of the mock that answered; null: the app did. */
  mock: string | null
  created_at: Date
}

const SUMMARY =
  'id, customer_id, execution_id, attempt, connection_id, connector, action, status, http_status, duration_ms, error, mock, created_at'

export type NewTrace = Omit<TraceRow, 'created_at' | 'request' | 'response' | 'error' | 'mock'> & {
  mock?: string | null
  request: object
  response: object | null
  error: object | null
  created_at: string
}

/** Adds many traces of one organization in one statement. */
export const insertTraces = (tx: Tx, organizationId: string, traces: readonly NewTrace[]) =>
  tx.run(
    `INSERT INTO traces (id, organization_id, customer_id, execution_id, attempt, connection_id, connector, action, status,
       http_status, duration_ms, request, response, error, mock, created_at)
     SELECT r.id, $1, r.customer_id, r.execution_id, r.attempt, r.connection_id, r.connector, r.action, r.status,
       r.http_status, r.duration_ms, r.request, r.response, r.error, r.mock, r.created_at
     FROM jsonb_to_recordset($2) AS r(id text, customer_id text, execution_id text, attempt int, connection_id text, connector text,
       action text, status text, http_status int, duration_ms int, request jsonb, response jsonb, error jsonb, mock text, created_at timestamptz)`,
    [organizationId, toJsonb(traces)],
  )

export const getTrace = (tx: Tx, id: string) =>
  tx.row<TraceRow>(`SELECT ${SUMMARY}, request, response FROM traces WHERE id = $1`, [id])

export interface TraceFilter {
  executionId: string | null
  /** Called at or after. */
  since?: Date | null
  customerId: string | null
  connectionId: string | null
  connector: string | null
  action: string | null
  status: TraceRow['status'] | null
  cursor: string | null
  limit: number
}

/** Newest first, without what was sent and what came back. */
export function listTraces(tx: Tx, filter: TraceFilter): Promise<Omit<TraceRow, 'request' | 'response'>[]> {
  const { where, params, add } = conditions([
    ['execution_id = ?', filter.executionId],
    ['customer_id = ?', filter.customerId],
    ['connection_id = ?', filter.connectionId],
    ['connector = ?', filter.connector],
    ['action = ?', filter.action],
    ['status = ?', filter.status],
    ['id >= ?', filter.since && firstId('trace', filter.since.getTime())],
    ['id < ?', filter.cursor],
  ])
  return tx.rows<Omit<TraceRow, 'request' | 'response'>>(
    `SELECT ${SUMMARY} FROM traces ${where} ORDER BY id DESC LIMIT ${add(filter.limit)}`,
    params,
  )
}
