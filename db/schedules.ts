import type { Json, JsonObject } from '../core/json.ts'
import { type AcceptedEvent, insertEvents } from './accepted-events.ts'
import type { Database, Tx } from './database.ts'
import type { Concurrency, StartRate, Tier } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import type { QueuedExecution } from './queued-execution.ts'

export interface ScheduleRow {
  trigger_id: string
  next_slot_at: Date | null
  next_run_at: Date | null
  last_run_at: Date | null
  consecutive_failures: number
  disabled_reason: string | null
  disabled_at: Date | null
}

/** When it comes next, as the timetable and the delay say. */
export interface NextRun {
  slotAt: Date | null
  runAt: Date | null
}

/** Sets when a scheduler comes next; what made it switch itself off is forgotten. */
export const setSchedule = (
  tx: Tx,
  owner: { triggerId: string; organizationId: string; customerId: string | null },
  next: NextRun,
) =>
  tx.run(
    `INSERT INTO schedules (trigger_id, organization_id, customer_id, next_slot_at, next_run_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (trigger_id) DO UPDATE SET next_slot_at = excluded.next_slot_at, next_run_at = excluded.next_run_at,
       consecutive_failures = 0, disabled_reason = NULL, disabled_at = NULL`,
    [owner.triggerId, owner.organizationId, owner.customerId, next.slotAt, next.runAt],
  )

export interface DueScheduleRow extends ScheduleRow {
  organization_id: string
  customer_id: string | null
  config: JsonObject
  routes: {
    workflow_id: string
    workflow_slug: string
    workflow_status: string
    environment: string
    payload: Json
    workflow_version_id: string | null
    tier: Tier | null
    max_attempts: number
    concurrency: Concurrency | null
    rate_limit: StartRate | null
  }[]
}

/**
 * Locks the schedulers that are due, oldest first, for this transaction; those another process has locked are
 * left to it. A disabled trigger or customer is not due.
 *
 * Everybody who changes a trigger and its schedule locks the trigger first. Here both are taken without waiting,
 * also because some may turn out to be switched off, which changes the trigger: see `disableSchedule`.
 */
const lockDueSchedules = (tx: Tx, now: Date, limit: number) =>
  tx.rows<DueScheduleRow>(
    `SELECT s.trigger_id, s.organization_id, s.customer_id, s.next_slot_at, s.next_run_at, s.last_run_at, s.consecutive_failures,
       s.disabled_reason, s.disabled_at, t.config, ${ROUTES} AS routes
     FROM schedules s JOIN triggers t ON t.id = s.trigger_id
     WHERE s.next_run_at <= $1 AND t.enabled
       AND coalesce((SELECT c.status = 'active' FROM customers c WHERE c.id = t.customer_id), true)
     ORDER BY s.next_run_at LIMIT $2 FOR NO KEY UPDATE OF t SKIP LOCKED FOR UPDATE OF s SKIP LOCKED`,
    [now, limit],
  )

const ROUTES = `coalesce((SELECT jsonb_agg(jsonb_build_object(
    'workflow_id', w.id, 'workflow_slug', w.slug, 'workflow_status', w.status, 'environment', r.environment, 'payload', r.payload,
    'workflow_version_id', v.id, 'tier', v.tier, 'concurrency', v.concurrency, 'rate_limit', v.rate_limit, 'max_attempts', coalesce((v.retry->>'maxAttempts')::int, 1)) ORDER BY r.position)
  FROM routes r JOIN workflows w ON w.id = r.workflow_id
  LEFT JOIN deployments d ON d.workflow_id = w.id AND d.environment = r.environment AND d.active
  LEFT JOIN workflow_versions v ON v.id = d.workflow_version_id
  WHERE r.trigger_id = t.id), '[]')`

/** One scheduler with its routes, whenever it is due: for a run that somebody asks for. */
const lockSchedule = (tx: Tx, triggerId: string) =>
  tx.row<DueScheduleRow>(
    `SELECT s.trigger_id, s.organization_id, s.customer_id, s.next_slot_at, s.next_run_at, s.last_run_at, s.consecutive_failures,
       s.disabled_reason, s.disabled_at, t.config, ${ROUTES} AS routes
     FROM schedules s JOIN triggers t ON t.id = s.trigger_id WHERE s.trigger_id = $1 FOR UPDATE OF s`,
    [triggerId],
  )

export interface ScheduleAdvance {
  trigger_id: string
  next_slot_at: Date | null
  next_run_at: Date | null
  ran: boolean
}

/** Moves schedulers on to their next run, in the transaction that made this one. */
const advanceSchedules = (tx: Tx, advances: readonly ScheduleAdvance[], now: Date) =>
  tx.run(
    `UPDATE schedules s SET next_slot_at = a.next_slot_at, next_run_at = a.next_run_at,
       last_run_at = CASE WHEN a.ran THEN $2 ELSE s.last_run_at END
     FROM jsonb_to_recordset($1::jsonb) AS a(trigger_id text, next_slot_at timestamptz, next_run_at timestamptz, ran boolean)
     WHERE s.trigger_id = a.trigger_id`,
    [toJsonb(advances), now],
  )

/** Switches a scheduler off, with the reason; its trigger must be locked. */
async function disableSchedule(tx: Tx, triggerId: string, reason: string, now: Date): Promise<void> {
  await tx.run(
    'UPDATE schedules SET next_slot_at = NULL, next_run_at = NULL, disabled_reason = $2, disabled_at = $3 WHERE trigger_id = $1',
    [triggerId, reason, now],
  )
  await tx.run('UPDATE triggers SET enabled = false, updated_at = now() WHERE id = $1', [triggerId])
}

/**
 * Counts how the runs of schedulers ended; each entry is one scheduler's outcomes of a batch, in order. Batches of
 * other processes count for the same schedulers at the same time: all lock them in the order of their ids.
 */
export const countScheduleOutcomes = (
  tx: Tx,
  outcomes: readonly { trigger_id: string; succeeded: boolean; failures: number }[],
) =>
  tx.run(
    `WITH outcome AS (
       SELECT * FROM jsonb_to_recordset($1::jsonb) AS o(trigger_id text, succeeded boolean, failures integer)
     ), locked AS (
       SELECT s.trigger_id FROM schedules s WHERE s.trigger_id IN (SELECT trigger_id FROM outcome)
       ORDER BY s.trigger_id FOR UPDATE
     )
     UPDATE schedules s SET consecutive_failures = CASE WHEN o.succeeded THEN o.failures ELSE s.consecutive_failures + o.failures END
     FROM locked l JOIN outcome o ON o.trigger_id = l.trigger_id WHERE s.trigger_id = l.trigger_id`,
    [toJsonb(outcomes)],
  )

/** What is to become of schedulers that were looked at. */
export interface ScheduleDecision {
  accepted: readonly AcceptedEvent[]
  advances: readonly ScheduleAdvance[]
  disabled: readonly { triggerId: string; reason: string }[]
}

/**
 * Runs what is due: locks it, lets `decide` say what each becomes, and stores events, executions and the next
 * runs, all in one transaction. Any number of processes may do it at once: a moment of a timetable is run by
 * one of them, once, whatever dies when.
 * @param now the database's clock when left out
 */
export const fireDueSchedules = (
  db: Database,
  decide: (rows: readonly DueScheduleRow[], now: Date) => ScheduleDecision,
  options: { limit: number; now?: Date | undefined },
): Promise<ScheduleDecision & { admitted: QueuedExecution[] }> =>
  db.system(async (tx) => {
    const now = options.now ?? (await tx.row<{ now: Date }>('SELECT now() AS now'))?.now ?? new Date()
    const rows = await lockDueSchedules(tx, now, options.limit)
    const decision = rows.length === 0 ? NOTHING : decide(rows, now)
    return { ...decision, admitted: await carryOut(tx, decision, now) }
  })

/** Runs one scheduler now, besides its timetable. Undefined when there is none. */
export const fireSchedule = (
  db: Database,
  triggerId: string,
  decide: (row: DueScheduleRow) => AcceptedEvent,
): Promise<{ accepted: AcceptedEvent; admitted: QueuedExecution[] } | undefined> =>
  db.system(async (tx) => {
    const row = await lockSchedule(tx, triggerId)
    if (row === undefined) return undefined
    const accepted = decide(row)
    const { admitted } = await insertEvents(tx, [accepted])
    return { accepted, admitted }
  })

const NOTHING: ScheduleDecision = { accepted: [], advances: [], disabled: [] }

async function carryOut(tx: Tx, decision: ScheduleDecision, now: Date): Promise<QueuedExecution[]> {
  const { admitted } =
    decision.accepted.length > 0 ? await insertEvents(tx, decision.accepted) : { admitted: [] }
  if (decision.advances.length > 0) await advanceSchedules(tx, decision.advances, now)
  for (const { triggerId, reason } of decision.disabled) await disableSchedule(tx, triggerId, reason, now)
  return admitted
}
