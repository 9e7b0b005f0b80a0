/**
 * The execution table as the outbox of the queue: what the runtime asks across tenants. Statements take whole
 * batches, so that many executions share one commit. They name the ids once more by themselves (`= ANY`): only then
 * does the planner leave the other partitions alone.
 */
import type { Database } from './database.ts'
import { EXECUTION_COLUMNS, type ExecutionRow } from './executions.ts'
import { QUEUED_COLUMNS, type QueuedExecution } from './queued-execution.ts'

export interface Claim {
  id: string
  /** The run this is to be: one more than it had. */
  run: number
}

/** Takes queued executions for a worker. Those that are no longer queued for that run are left out. */
export const claimExecutions = (db: Database, claims: readonly Claim[], worker: string) =>
  db.system((tx) =>
    tx.rows<ExecutionRow>(
      `UPDATE executions e SET status = 'running', run = c.claim_run, attempt = e.attempt + CASE WHEN e.resume THEN 0 ELSE 1 END,
         worker = $3, started_at = coalesce(e.started_at, now()), clock_at = coalesce(e.clock_at, now()), heartbeat_at = now(),
         queue_ms = e.queue_ms + greatest(0, extract(epoch FROM now() - e.due_at) * 1000)
       FROM unnest($1::text[], $2::int[]) AS c(claim_id, claim_run)
       WHERE e.id = c.claim_id AND e.id = ANY($1) AND e.status = 'queued' AND e.admission = 'admitted' AND e.run = c.claim_run - 1
       RETURNING ${EXECUTION_COLUMNS.split(', ')
         .map((column) => `e.${column}`)
         .join(', ')}`,
      [claims.map((claim) => claim.id), claims.map((claim) => claim.run), worker],
    ),
  )

/** Says that a worker's executions are alive; gives those that are still its own. */
export const heartbeat = (db: Database, worker: string, ids: readonly string[]) =>
  db.system((tx) =>
    tx.rows<{ id: string; cancel_requested: boolean }>(
      `UPDATE executions SET heartbeat_at = now() WHERE id = ANY($2) AND worker = $1 AND status = 'running' RETURNING id, cancel_requested`,
      [worker, ids],
    ),
  )

/** Admitted executions whose job should have run by now: their jobs may have been lost. */
export const overdueExecutions = (db: Database, graceMs: number, limit: number) =>
  db.system((tx) =>
    tx.rows<QueuedExecution>(
      `SELECT ${QUEUED_COLUMNS} FROM executions
       WHERE status = 'queued' AND admission = 'admitted' AND due_at < now() - $1 * interval '1 millisecond' ORDER BY due_at LIMIT $2`,
      [graceMs, limit],
    ),
  )

/** Queues the waiting executions whose time has come; any number of processes may. */
export const wakeDue = (db: Database, limit: number) =>
  db.system((tx) =>
    tx.rows<QueuedExecution>(
      `UPDATE executions SET status = 'queued', due_at = now() WHERE id IN (
         SELECT id FROM executions WHERE status = 'waiting' AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING ${QUEUED_COLUMNS}`,
      [limit],
    ),
  )

/** Running executions whose worker has gone silent. */
export const lostExecutions = (db: Database, silentMs: number, limit: number) =>
  db.system((tx) =>
    tx.rows<ExecutionRow>(
      `SELECT ${EXECUTION_COLUMNS} FROM executions
       WHERE status = 'running' AND heartbeat_at < now() - $1 * interval '1 millisecond' ORDER BY heartbeat_at LIMIT $2`,
      [silentMs, limit],
    ),
  )
