import { AppError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { EXECUTION_COLUMNS, type ExecutionRow, priorities } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { type RunLimits, takePlaces } from './lanes.ts'

type Given =
  | 'id'
  | 'organization_id'
  | 'customer_id'
  | 'workflow_id'
  | 'workflow_version_id'
  | 'environment'
  | 'tier'
  | 'triggered_by'
  | 'event_id'
  | 'trigger_id'
  | 'parent_execution_id'
  | 'replay_of'
  | 'depth'
  | 'input'
  | 'headers'
  | 'max_attempts'
  | 'dead_letter'
  | 'worker'

/**
 * An execution as it begins; the database adds the rest. One that starts running names the `worker` whose run it is. One
 * to be queued may name a worker with room for it: if it gets its places at once it starts running there instead.
 */
export interface NewExecution
  extends RunLimits,
    Pick<ExecutionRow, Given>,
    Partial<Pick<ExecutionRow, 'retry' | 'origin_id' | 'parent_step' | 'mocks'>> {
  status: 'queued' | 'running'
}

const NEW_COLUMNS =
  'id, organization_id, customer_id, workflow_id, workflow_version_id, environment, tier, status, triggered_by, event_id, trigger_id, parent_execution_id, replay_of, depth, input, headers, max_attempts, retry, dead_letter, worker, origin_id, parent_step, priority, lanes, slots, admission, mocks'

/**
 * Inserts executions in one statement; those that start running begin their first attempt with it. Of the others,
 * those that have their places (`admission`: admitted) are to be queued once this is committed.
 * @throws AppError `limit_exceeded` when one of them may not start now
 */
export async function insertExecutions(tx: Tx, executions: readonly NewExecution[]): Promise<ExecutionRow[]> {
  const rows = await insertAllowed(tx, executions)
  const refused = rows.find((row) => row instanceof AppError)
  if (refused !== undefined) throw refused
  return rows.filter((row) => !(row instanceof AppError))
}

/** The same for some that do not know of each other: gives for each, in order, its row, or why it may not start now. */
export async function insertAllowed(
  tx: Tx,
  executions: readonly NewExecution[],
): Promise<(ExecutionRow | AppError)[]> {
  const ranked = executions.map((execution) => ({
    ...execution,
    priority: priorities[execution.triggered_by],
  }))
  const places = await takePlaces(tx, ranked)
  const allowed = ranked.flatMap(
    ({ concurrency: _concurrency, starts: _starts, sequential: _sequential, ...row }, index) => {
      const place = places[index]
      if (place === undefined || 'refused' in place) return []
      const starts = row.status === 'running' || (row.worker !== null && place.admission === 'admitted')
      return [{ ...row, ...place, status: starts ? 'running' : 'queued', worker: starts ? row.worker : null }]
    },
  )
  const inserted =
    allowed.length === 0 ? [] : await tx.rows<ExecutionRow>(INSERT_EXECUTIONS, [toJsonb(allowed)])
  const rows = new Map(inserted.map((row) => [row.id, row]))
  return executions.map(({ id }, index) => {
    const place = places[index]
    const row = rows.get(id)
    if (place !== undefined && 'refused' in place) return place.refused
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return row
  })
}

const INSERT_EXECUTIONS = `INSERT INTO executions (${NEW_COLUMNS}, attempt, run, started_at, heartbeat_at, clock_at, due_at)
  SELECT ${NEW_COLUMNS}, s.one, s.one, s.at, s.at, s.at, now() + delay_ms * interval '1 millisecond'
  FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, workflow_id text, workflow_version_id text,
    environment text, tier text, status text, triggered_by text, event_id text, trigger_id text, parent_execution_id text,
    replay_of text, depth integer, input jsonb, headers jsonb, max_attempts integer, retry jsonb, dead_letter boolean, worker text, origin_id text, parent_step text,
    priority smallint, lanes text[], slots smallint, admission text, delay_ms double precision, mocks jsonb),
    LATERAL (SELECT CASE WHEN status = 'running' THEN 1 ELSE 0 END AS one, CASE WHEN status = 'running' THEN now() END AS at) s
  RETURNING ${EXECUTION_COLUMNS}`

export interface ManualEvent {
  id: string
  organization_id: string
  customer_id: string | null
  headers: Record<string, string>
  payload: Json
}

/** Keeps that somebody started workflows by hand or by API, as the events their executions answer. */
export const insertManualEvents = (tx: Tx, events: readonly ManualEvent[]) =>
  tx.run(
    `INSERT INTO events (id, organization_id, customer_id, source, headers, payload, status)
     SELECT id, organization_id, customer_id, 'manual', headers, payload, 'delivered'
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, headers jsonb, payload jsonb)`,
    [toJsonb(events)],
  )

export interface RequestedExecution {
  event: ManualEvent
  execution: NewExecution
}

/**
 * Keeps executions that were asked for one by one, in one transaction: a customer's are counted in one place, where
 * each alone would wait for the one before it.
 * @returns for each, in order, its row, or why it may not start now; nothing is kept of that
 */
export const startExecutions = (
  db: Database,
  requested: readonly RequestedExecution[],
): Promise<(ExecutionRow | AppError)[]> =>
  db.system(async (tx) => {
    const rows = await insertAllowed(
      tx,
      requested.map(({ execution }) => execution),
    )
    const events = requested.flatMap(({ event }, index) => (rows[index] instanceof AppError ? [] : [event]))
    if (events.length > 0) await insertManualEvents(tx, events)
    return rows
  })
