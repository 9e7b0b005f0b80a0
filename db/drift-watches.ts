import type { Database, Tx } from './database.ts'

export interface DriftWatchRow {
  /** Of the connector. */
  id: string
  /** Its slug. */
  connector: string
  api_key_id: string
  every_hours: number
  due_at: Date
  looked_at: Date | null
  /** Looks that failed since one last succeeded. */
  failures: number
  /** Why the last one did. */
  problem: string | null
  /** SHA-256 of the changes proposed last, in hex. */
  proposed: string | null
  /** The run that proposes them. */
  run_id: string | null
  created_at: Date
}

const WATCHES = `SELECT w.connector_id AS id, c.slug AS connector, w.api_key_id, w.every_hours, w.due_at, w.looked_at, w.failures,
    w.problem, w.proposed, w.run_id, w.created_at
  FROM drift_watches w JOIN connectors c ON c.id = w.connector_id`

export const getDriftWatch = (tx: Tx, connectorId: string) =>
  tx.row<DriftWatchRow>(`${WATCHES} WHERE w.connector_id = $1`, [connectorId])

export const listDriftWatches = (tx: Tx, page: { cursor: string | null; limit: number }) =>
  tx.rows<DriftWatchRow>(
    `${WATCHES} WHERE $1::text IS NULL OR w.connector_id > $1 ORDER BY w.connector_id LIMIT $2`,
    [page.cursor, page.limit],
  )

/** Begins or changes a watch; it is due at once, and what was proposed before stays known. */
export const setDriftWatch = (
  tx: Tx,
  watch: { connectorId: string; organizationId: string; apiKeyId: string; everyHours: number },
) =>
  tx.run(
    `INSERT INTO drift_watches (connector_id, organization_id, api_key_id, every_hours) VALUES ($1, $2, $3, $4)
     ON CONFLICT (connector_id) DO UPDATE SET api_key_id = excluded.api_key_id, every_hours = excluded.every_hours,
       due_at = now(), failures = 0, problem = NULL`,
    [watch.connectorId, watch.organizationId, watch.apiKeyId, watch.everyHours],
  )

export const deleteDriftWatch = (tx: Tx, connectorId: string) =>
  tx.run('DELETE FROM drift_watches WHERE connector_id = $1', [connectorId])

export interface DueDriftWatch {
  connector_id: string
  organization_id: string
  api_key_id: string
  every_hours: number
  failures: number
  proposed: string | null
  run_id: string | null
}

/** Takes watches that are due, the longest first, for one process: should it die with them, they are due again after `leaseMs`. */
export const claimDueDriftWatches = (db: Database, { limit, leaseMs }: { limit: number; leaseMs: number }) =>
  db.system((tx) =>
    tx.rows<DueDriftWatch>(
      `UPDATE drift_watches w SET due_at = now() + $2 * interval '1 millisecond'
       FROM (SELECT connector_id FROM drift_watches WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
       WHERE w.connector_id = due.connector_id
       RETURNING w.connector_id, w.organization_id, w.api_key_id, w.every_hours, w.failures, w.proposed, w.run_id`,
      [limit, leaseMs],
    ),
  )

/** How a look went. What is left out stays. @param look `inMs`: when it is looked again */
export const noteDriftLook = (
  tx: Tx,
  connectorId: string,
  look: { inMs: number; failures: number; problem: string | null; proposed?: string; runId?: string },
) =>
  tx.run(
    `UPDATE drift_watches SET due_at = now() + $2 * interval '1 millisecond', looked_at = now(), failures = $3, problem = $4,
       proposed = coalesce($5, proposed), run_id = coalesce($6, run_id) WHERE connector_id = $1`,
    [connectorId, look.inMs, look.failures, look.problem, look.proposed ?? null, look.runId ?? null],
  )
