/**
 * The execution table as the outbox of the queue: what the runtime asks across tenants. Statements take whole
 * batches, so that many executions share one commit. They name the ids once more by themselves (`= ANY`): only then
 * does the planner leave the other partitions alone.
 */

import type { Database, Tx } from './database.ts'
import {
  endChildStep,
  forgetUndone,
  insertSteps,
  type LeftChild,
  leftChildren,
  type NewStep,
  settleWaiting,
} from './execution-steps.ts'
import {
  type Concurrency,
  EXECUTION_COLUMNS,
  type ExecutionRow,
  type LogLineRow,
  type StartRate,
  type Tier,
} from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { keptSlots } from './lane-places.ts'
import { type Leaving, leaveLanes } from './lanes.ts'
import { insertExecutions, type NewExecution } from './new-executions.ts'
import { QUEUED_COLUMNS, type QueuedExecution } from './queued-execution.ts'
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

export interface FinishedRun {
  id: string
  organization_id: string
  customer_id: string | null
  attempt: number
  run: number
  worker: string
  lanes: readonly string[]
  priority: number
  /** The scheduler that started it; null: none did. */
  scheduler_id: string | null
  /** `queued`: it runs again when `delay_ms` have passed; `waiting`: when one of its pending steps ends. */
  status: 'completed' | 'failed' | 'timeout' | 'cancelled' | 'queued' | 'waiting'
  /** Of `queued`: does the attempt go on, or a new one begin? */
  resume: boolean
  /** Its worker died under it. */
  lost: boolean
  /** Of a silent worker's: when it was last heard of. If that is no longer so, it is not recorded. Null: its own worker says. */
  heard_at: Date | null
  tier: Tier
  output: unknown
  error: unknown
  stats: unknown
  delay_ms: number
  /** False: it got no place where it was stored as running. */
  begun: boolean
  /** How long it waited for its place after it was stored as running. */
  waited_ms: number
  run_ms: number
  logs: readonly LogLineRow[]
  /** What it did that is not kept yet. */
  steps: readonly NewStep[]
  /** Of `waiting`: the places in the record of what it waits for. */
  parked: readonly number[]
  /** The execution that called it and may wait for it. */
  parent_execution_id: string | null
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
 * Records how runs ended, with their steps, logs and dead letters, in one transaction. A run its worker no longer
 * owns (it was given up as lost) is not recorded; one that somebody asked to cancel does not go on. Executions that
 * waited for one of these are queued.
 * @returns the executions recorded, by id, those that were woken, lanes in which others wait for a place that became free, and
 *   what those that failed for good called and waited for: nobody does any more
 */
export const finishRuns = (
  db: Database,
  finished: readonly FinishedRun[],
): Promise<{
  recorded: Map<string, EndedRow>
  woken: QueuedExecution[]
  freed: string[]
  left: LeftChild[]
}> =>
  db.system(async (tx) => {
    const rows = await tx.rows<EndedRow>(
      `UPDATE executions e SET status = CASE WHEN r.status IN ('queued', 'waiting') AND e.cancel_requested THEN 'cancelled' ELSE r.status END,
         output = r.output, error = r.error, stats = r.stats, tier = r.tier, resume = r.resume,
         losses = CASE WHEN r.lost THEN e.losses + 1 ELSE 0 END,
         due_at = CASE WHEN r.status = 'waiting' THEN 'infinity' ELSE now() + r.delay_ms * interval '1 millisecond' END,
         clock_at = CASE WHEN r.begun OR e.run > 1 THEN e.clock_at END, started_at = CASE WHEN r.begun OR e.run > 1 THEN e.started_at END,
         queue_ms = e.queue_ms + r.waited_ms, run_ms = e.run_ms + r.run_ms,
         attempt_ms = CASE WHEN r.resume THEN e.attempt_ms + r.run_ms ELSE 0 END,
         lines_kept = CASE WHEN r.resume THEN e.lines_kept + r.lines ELSE 0 END,
         finished_at = CASE WHEN r.status NOT IN ('queued', 'waiting') OR e.cancel_requested THEN now() END,
         admission = CASE WHEN r.status = 'waiting' OR r.delay_ms > 0 THEN 'later' ELSE 'admitted' END,
         slots = CASE WHEN r.status = 'waiting' OR r.delay_ms > 0 THEN r.kept ELSE e.slots END
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, run integer, worker text, status text, output jsonb, error jsonb, stats jsonb, tier text,
         resume boolean, lost boolean, heard_at timestamptz, delay_ms double precision, begun boolean, waited_ms double precision, run_ms double precision, lines integer, kept smallint)
       WHERE e.id = r.id AND e.id = ANY($2) AND e.status = 'running' AND e.run = r.run AND e.worker = r.worker
         AND (r.heard_at IS NULL OR e.heartbeat_at < r.heard_at + interval '1 second')
       RETURNING e.id, e.status, e.lanes, e.slots, e.due_at, e.finished_at, e.queue_ms, e.run_ms`,
      [
        toJsonb(
          finished.map(({ logs, steps: _steps, dead_letter: _letter, parked: _parked, lanes, ...run }) => ({
            ...run,
            lines: logs.length,
            kept: keptSlots(lanes),
          })),
        ),
        finished.map(({ id }) => id),
      ],
    )
    const recorded = new Map(rows.map((row) => [row.id, row]))
    const mine = finished.filter((attempt) => recorded.has(attempt.id))
    await insertSteps(
      tx,
      mine.flatMap(({ steps }) => steps),
    )
    const again = mine.filter(({ status, resume }) => status === 'queued' && !resume)
    if (again.length > 0)
      await forgetUndone(
        tx,
        again.map(({ id }) => id),
      )
    const logs = mine
      .filter((attempt) => attempt.logs.length > 0)
      .map(({ id, run, attempt, organization_id, customer_id, logs: lines }) => ({
        execution_id: id,
        run,
        attempt,
        organization_id,
        customer_id,
        lines,
      }))
    if (logs.length > 0) {
      await tx.run(
        `INSERT INTO execution_logs (execution_id, run, attempt, organization_id, customer_id, lines)
         SELECT execution_id, run, attempt, organization_id, customer_id, lines
         FROM jsonb_to_recordset($1::jsonb) AS r(execution_id text, run integer, attempt integer, organization_id text, customer_id text, lines jsonb)
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
    const woken = await wakeAfter(tx, mine, rows)
    const failed = rows.filter(({ status }) => !UNDER_WAY.includes(status) && status !== 'completed')
    return {
      recorded,
      woken,
      freed: await leaveLanes(tx, rows.map(leavingOf)),
      left:
        failed.length === 0
          ? []
          : await leftChildren(
              tx,
              failed.map(({ id }) => id),
            ),
    }
  })

/** What a run left. */
export interface EndedRow extends Pick<ExecutionRow, 'due_at' | 'finished_at' | 'queue_ms' | 'run_ms'> {
  id: string
  status: FinishedRun['status']
  lanes: string[]
  /** As they are now: a running execution had a place in each lane. */
  slots: number
}

const UNDER_WAY: readonly string[] = ['queued', 'waiting']

function leavingOf({ status, lanes, slots }: EndedRow): Leaving {
  const ended = !UNDER_WAY.includes(status)
  const own = lanes.at(-1)
  return {
    taken: ended ? lanes : lanes.slice(slots),
    waited: null,
    ended: ended && own?.startsWith('c:') === true ? own : null,
  }
}

/** Those of these that wait and whose step ended meanwhile, and those that waited for one that has ended. */
async function wakeAfter(
  tx: Tx,
  finished: readonly FinishedRun[],
  rows: readonly { id: string; status: FinishedRun['status'] }[],
): Promise<QueuedExecution[]> {
  const woken: QueuedExecution[] = []
  const status = new Map(rows.map((row) => [row.id, row.status]))
  const waiting = finished.filter(({ id }) => status.get(id) === 'waiting')
  if (waiting.length > 0)
    woken.push(
      ...(await settleWaiting(
        tx,
        waiting.map(({ id, parked }) => ({ id, parked })),
      )),
    )
  for (const run of finished) {
    const now = status.get(run.id)
    // In its first run its parent waits for it in the process that runs both.
    if (run.parent_execution_id === null || run.run === 1) continue
    if (now === undefined || now === 'queued' || now === 'waiting') continue
    const outcome = { id: run.id, status: now, output: run.output, error: run.error }
    woken.push(...(await endChildStep(tx, run.parent_execution_id, outcome)))
  }
  return woken
}

/** How the runs of each scheduler ended: whether one succeeded, and how many failed since. */
function scheduleOutcomes(finished: readonly FinishedRun[]) {
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
    concurrency: Concurrency | null
    rate_limit: StartRate | null
  }[]
}

/** A webhook trigger, its routes, and the version each route's environment now runs. */
export const findWebhook = (db: Database, triggerId: string) =>
  db.system((tx) =>
    tx.row<WebhookRouteRow>(
      `SELECT t.id AS trigger_id, t.organization_id, t.customer_id, t.name, t.config, t.secret,
         coalesce((SELECT jsonb_agg(jsonb_build_object(
             'id', r.id, 'environment', r.environment, 'filter', r.filter, 'workflow_id', w.id, 'workflow_slug', w.slug,
             'workflow_status', w.status, 'workflow_version_id', v.id, 'tier', v.tier, 'concurrency', v.concurrency, 'rate_limit', v.rate_limit,
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
