/**
 * The execution table as the outbox of the queue: what the runtime asks across tenants. Statements take whole
 * batches, so that many executions share one commit.
 */
import type { Database, Tx } from './database.ts'
import {
  EXECUTION_COLUMNS,
  type ExecutionRow,
  insertExecutions,
  type LogLineRow,
  type NewExecution,
} from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { countScheduleOutcomes } from './schedules.ts'

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

/**
 * Keeps events and the executions they cause, in one transaction: when this returns nothing acknowledged can
 * be lost.
 * @returns for each event, in order, its own id, or the id of the earlier event it repeats
 */
export const acceptEvents = (db: Database, accepted: readonly AcceptedEvent[]): Promise<string[]> =>
  db.system((tx) => insertEvents(tx, accepted))

/** The same in the caller's transaction, which must be one of the runtime's own role. */
export async function insertEvents(tx: Tx, accepted: readonly AcceptedEvent[]): Promise<string[]> {
  const inserted = await tx.rows<{ id: string }>(
    `INSERT INTO events (id, organization_id, customer_id, source, trigger_id, dedupe_key, headers, payload, status)
       SELECT id, organization_id, customer_id, source, trigger_id, dedupe_key, headers, payload, status
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, source text, trigger_id text,
         dedupe_key text, headers jsonb, payload jsonb, status text)
       ON CONFLICT (trigger_id, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id`,
    [toJsonb(accepted.map(({ event }) => event))],
  )
  const fresh = new Set(inserted.map((row) => row.id))
  const executions = accepted.filter(({ event }) => fresh.has(event.id)).flatMap((item) => item.executions)
  if (executions.length > 0) await insertExecutions(tx, executions)

  const repeats = accepted.filter(({ event }) => !fresh.has(event.id))
  if (repeats.length === 0) return accepted.map(({ event }) => event.id)
  const earlier = await tx.rows<{ id: string; trigger_id: string; dedupe_key: string }>(
    `SELECT e.id, e.trigger_id, e.dedupe_key FROM events e
       JOIN unnest($1::text[], $2::text[]) AS k(trigger_id, dedupe_key) USING (trigger_id, dedupe_key)`,
    [repeats.map(({ event }) => event.trigger_id), repeats.map(({ event }) => event.dedupe_key)],
  )
  const first = new Map(earlier.map((row) => [`${row.trigger_id} ${row.dedupe_key}`, row.id]))
  return accepted.map(({ event }) =>
    fresh.has(event.id) ? event.id : (first.get(`${event.trigger_id} ${event.dedupe_key}`) ?? event.id),
  )
}

export interface Claim {
  id: string
  attempt: number
}

/** Takes queued executions for a worker. Those that are no longer queued for that attempt are left out. */
export const claimExecutions = (db: Database, claims: readonly Claim[], worker: string) =>
  db.system((tx) =>
    tx.rows<ExecutionRow>(
      `UPDATE executions e SET status = 'running', attempt = c.attempt, worker = $3, started_at = now(), heartbeat_at = now()
       FROM unnest($1::text[], $2::int[]) AS c(claim_id, attempt)
       WHERE e.id = c.claim_id AND e.status = 'queued' AND e.attempt = c.attempt - 1
       RETURNING ${EXECUTION_COLUMNS.split(', ')
         .map((column) => `e.${column}`)
         .join(', ')}`,
      [claims.map((claim) => claim.id), claims.map((claim) => claim.attempt), worker],
    ),
  )

export interface FinishedAttempt {
  id: string
  organization_id: string
  customer_id: string | null
  attempt: number
  worker: string
  /** The scheduler that started it; null: none did. */
  scheduler_id: string | null
  /** `queued`: it will be tried again when `delay_ms` have passed. */
  status: 'completed' | 'failed' | 'timeout' | 'cancelled' | 'queued'
  output: unknown
  error: unknown
  stats: unknown
  delay_ms: number
  logs: readonly LogLineRow[]
  dead_letter: NewDeadLetter | null
}

export interface NewDeadLetter {
  id: string
  event_id: string | null
  workflow_id: string
  workflow_version_id: string
  event_payload: unknown
  error_message: string
  error_context: unknown
}

/**
 * Records how attempts ended, with their logs and dead letters, in one transaction. An attempt its worker no
 * longer owns (it was given up as lost) is not overwritten; one that somebody asked to cancel is not tried again.
 * @returns the ids recorded
 */
export const finishAttempts = (db: Database, finished: readonly FinishedAttempt[]): Promise<string[]> =>
  db.system(async (tx) => {
    const rows = await tx.rows<{ id: string }>(
      `UPDATE executions e SET status = CASE WHEN r.status = 'queued' AND e.cancel_requested THEN 'cancelled' ELSE r.status END,
         output = r.output, error = r.error, stats = r.stats,
         due_at = now() + r.delay_ms * interval '1 millisecond',
         finished_at = CASE WHEN r.status <> 'queued' OR e.cancel_requested THEN now() END
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, attempt integer, worker text, status text, output jsonb, error jsonb, stats jsonb, delay_ms integer)
       WHERE e.id = r.id AND e.status = 'running' AND e.attempt = r.attempt AND e.worker = r.worker
       RETURNING e.id`,
      [
        toJsonb(
          finished.map(({ id, attempt, worker, status, output, error, stats, delay_ms }) => ({
            id,
            attempt,
            worker,
            status,
            output,
            error,
            stats,
            delay_ms,
          })),
        ),
      ],
    )
    const recorded = new Set(rows.map((row) => row.id))
    const mine = finished.filter((attempt) => recorded.has(attempt.id))
    const logs = mine
      .filter((attempt) => attempt.logs.length > 0)
      .map(({ id, attempt, organization_id, customer_id, logs: lines }) => ({
        execution_id: id,
        attempt,
        organization_id,
        customer_id,
        lines,
      }))
    if (logs.length > 0) {
      await tx.run(
        `INSERT INTO execution_logs (execution_id, attempt, organization_id, customer_id, lines)
         SELECT execution_id, attempt, organization_id, customer_id, lines
         FROM jsonb_to_recordset($1::jsonb) AS r(execution_id text, attempt integer, organization_id text, customer_id text, lines jsonb)
         ON CONFLICT DO NOTHING`,
        [toJsonb(logs)],
      )
    }
    const letters = mine.flatMap((attempt) =>
      attempt.dead_letter === null
        ? []
        : [
            {
              ...attempt.dead_letter,
              organization_id: attempt.organization_id,
              customer_id: attempt.customer_id,
              execution_id: attempt.id,
              retry_count: attempt.attempt - 1,
            },
          ],
    )
    if (letters.length > 0) {
      await tx.run(
        `INSERT INTO dead_letters (id, organization_id, customer_id, execution_id, event_id, workflow_id, workflow_version_id, event_payload, error_message, error_context, retry_count)
         SELECT id, organization_id, customer_id, execution_id, event_id, workflow_id, workflow_version_id, event_payload, error_message, error_context, retry_count
         FROM jsonb_to_recordset($1::jsonb) AS r(id text, organization_id text, customer_id text, execution_id text, event_id text, workflow_id text,
           workflow_version_id text, event_payload jsonb, error_message text, error_context jsonb, retry_count integer)
         ON CONFLICT DO NOTHING`,
        [toJsonb(letters)],
      )
    }
    const outcomes = scheduleOutcomes(mine)
    if (outcomes.length > 0) await countScheduleOutcomes(tx, outcomes)
    return [...recorded]
  })

/** How the runs of each scheduler ended: whether one succeeded, and how many failed since. */
function scheduleOutcomes(finished: readonly FinishedAttempt[]) {
  const outcomes = new Map<string, { trigger_id: string; succeeded: boolean; failures: number }>()
  for (const { scheduler_id: id, status } of finished) {
    if (id === null || status === 'queued' || status === 'cancelled') continue
    const before = outcomes.get(id) ?? { trigger_id: id, succeeded: false, failures: 0 }
    outcomes.set(
      id,
      status === 'completed'
        ? { trigger_id: id, succeeded: true, failures: 0 }
        : { ...before, failures: before.failures + 1 },
    )
  }
  return [...outcomes.values()]
}

/** Says that a worker's executions are alive; gives the ids of those somebody asked to cancel. */
export const heartbeat = async (db: Database, worker: string, ids: readonly string[]): Promise<string[]> =>
  (
    await db.system((tx) =>
      tx.rows<{ id: string }>(
        `WITH beat AS (UPDATE executions SET heartbeat_at = now() WHERE id = ANY($2) AND worker = $1 AND status = 'running' RETURNING id, cancel_requested)
         SELECT id FROM beat WHERE cancel_requested`,
        [worker, ids],
      ),
    )
  ).map((row) => row.id)

export interface QueuedExecution {
  id: string
  attempt: number
  tier: string
  delay_ms: number
}

/** Queued executions whose job should have run by now: their jobs may have been lost. */
export const overdueExecutions = (db: Database, graceMs: number, limit: number) =>
  db.system((tx) =>
    tx.rows<QueuedExecution>(
      `SELECT id, attempt + 1 AS attempt, tier, 0 AS delay_ms FROM executions
       WHERE status = 'queued' AND due_at < now() - $1 * interval '1 millisecond' ORDER BY due_at LIMIT $2`,
      [graceMs, limit],
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

export interface WebhookRouteRow {
  trigger_id: string
  organization_id: string
  customer_id: string | null
  name: string
  enabled: boolean
  config: unknown
  secret: string | null
  routes: {
    id: string
    environment: string
    filter: unknown
    workflow_id: string
    workflow_slug: string
    workflow_status: string
    workflow_version_id: string | null
    tier: ExecutionRow['tier'] | null
    max_attempts: number
  }[]
}

/** A webhook trigger, its routes, and the version each route's environment now runs. */
export const findWebhook = (db: Database, triggerId: string) =>
  db.system((tx) =>
    tx.row<WebhookRouteRow>(
      `SELECT t.id AS trigger_id, t.organization_id, t.customer_id, t.name, t.config, t.secret,
         coalesce((SELECT jsonb_agg(jsonb_build_object(
             'id', r.id, 'environment', r.environment, 'filter', r.filter, 'workflow_id', w.id, 'workflow_slug', w.slug,
             'workflow_status', w.status, 'workflow_version_id', v.id, 'tier', v.tier,
             'max_attempts', coalesce((v.retry->>'maxAttempts')::int, 1)) ORDER BY r.position)
           FROM routes r JOIN workflows w ON w.id = r.workflow_id
           LEFT JOIN deployments d ON d.workflow_id = w.id AND d.environment = r.environment AND d.active
           LEFT JOIN workflow_versions v ON v.id = d.workflow_version_id
           WHERE r.trigger_id = t.id), '[]') AS routes,
         t.enabled AND coalesce((SELECT c.status = 'active' FROM customers c WHERE c.id = t.customer_id), true) AS enabled
       FROM triggers t WHERE t.id = $1 AND t.type = 'webhook'`,
      [triggerId],
    ),
  )
