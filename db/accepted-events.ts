/** Events as they are accepted, with the executions they cause. */
import type { Database, Tx } from './database.ts'
import type { ExecutionRow } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { insertExecutions, type NewExecution } from './new-executions.ts'
import type { QueuedExecution } from './queued-execution.ts'

export interface NewEvent {
  id: string
  organization_id: string
  customer_id: string | null
  source: 'webhook' | 'scheduled' | 'manual'
  trigger_id: string
  dedupe_key: string | null
  headers: Record<string, string>
  payload: unknown
  status: 'delivered' | 'unmatched'
}

export interface AcceptedEvent {
  event: NewEvent
  executions: readonly NewExecution[]
}

export interface InsertedEvents {
  ids: string[]
  admitted: QueuedExecution[]
  /** Those that run already, where their `worker` said. */
  started: ExecutionRow[]
}

/**
 * Keeps events and the executions they cause, in one transaction: when this returns nothing acknowledged can
 * be lost.
 * @returns for each event, in order, its own id, or the id of the earlier event it repeats; what to queue; and what
 *   its worker has to run now
 */
export const acceptEvents = (db: Database, accepted: readonly AcceptedEvent[]): Promise<InsertedEvents> =>
  db.system((tx) => insertEvents(tx, accepted))

/** The same in the caller's transaction, which must be one of the runtime's own role. */
export async function insertEvents(tx: Tx, accepted: readonly AcceptedEvent[]): Promise<InsertedEvents> {
  const inserted = await tx.rows<{ id: string }>(
    // In one order, so that batches with the same keys do not wait for each other in a circle.
    `WITH given AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, source text, trigger_id text,
           dedupe_key text, headers jsonb, payload jsonb, status text)
       ), fresh AS (
         INSERT INTO event_keys (trigger_id, dedupe_key, event_id, organization_id)
         SELECT trigger_id, dedupe_key, id, organization_id FROM given WHERE dedupe_key IS NOT NULL ORDER BY trigger_id, dedupe_key, id
         ON CONFLICT (trigger_id, dedupe_key) DO NOTHING RETURNING event_id
       )
       INSERT INTO events (id, organization_id, customer_id, source, trigger_id, dedupe_key, headers, payload, status)
       SELECT id, organization_id, customer_id, source, trigger_id, dedupe_key, headers, payload, status
       FROM given WHERE dedupe_key IS NULL OR id IN (SELECT event_id FROM fresh) RETURNING id`,
    [toJsonb(accepted.map(({ event }) => event))],
  )
  const fresh = new Set(inserted.map((row) => row.id))
  const executions = accepted.filter(({ event }) => fresh.has(event.id)).flatMap((item) => item.executions)
  const rows = executions.length > 0 ? await insertExecutions(tx, executions) : []
  const admitted = admittedOf(rows)
  const started = rows.filter(({ status }) => status === 'running')

  const repeats = accepted.filter(({ event }) => !fresh.has(event.id))
  if (repeats.length === 0) return { ids: accepted.map(({ event }) => event.id), admitted, started }
  const earlier = await tx.rows<{ id: string; trigger_id: string; dedupe_key: string }>(
    `SELECT event_id AS id, trigger_id, dedupe_key FROM event_keys
       JOIN unnest($1::text[], $2::text[]) AS k(trigger_id, dedupe_key) USING (trigger_id, dedupe_key)`,
    [repeats.map(({ event }) => event.trigger_id), repeats.map(({ event }) => event.dedupe_key)],
  )
  const first = new Map(earlier.map((row) => [`${row.trigger_id} ${row.dedupe_key}`, row.id]))
  const ids = accepted.map(({ event }) =>
    fresh.has(event.id) ? event.id : (first.get(`${event.trigger_id} ${event.dedupe_key}`) ?? event.id),
  )
  return { ids, admitted, started }
}

/** Of executions just inserted, the jobs of those that have their places. */
export const admittedOf = (rows: readonly ExecutionRow[]): QueuedExecution[] =>
  rows
    .filter(({ status, admission }) => status === 'queued' && admission === 'admitted')
    .map(({ id, tier, priority, admission }) => ({ id, run: 1, tier, priority, admission, delay_ms: 0 }))
