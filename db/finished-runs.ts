/** How runs of executions ended. */
import { endChildStep, type LeftChild, leftChildren } from './child-executions.ts'
import type { Database, Tx } from './database.ts'
import { forgetUndone, insertSteps, type NewStep } from './execution-steps.ts'
import type { ExecutionRow, LogLineRow, Tier } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { keptSlots } from './lane-places.ts'
import { type Leaving, leaveLanes } from './lanes.ts'
import type { QueuedExecution } from './queued-execution.ts'
import { countScheduleOutcomes } from './schedules.ts'
import { settleWaiting } from './step-waits.ts'

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
  /** Did it, now or in an earlier run, perhaps call workflows? Those go with it when it ends. */
  called_workflows: boolean
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
 *   what those that ended had called and is not over: nobody waits for it any more
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
    const callers = mine.flatMap(({ id, called_workflows }) => {
      const row = recorded.get(id)
      return called_workflows && row !== undefined && isOver(row) ? [id] : []
    })
    return {
      recorded,
      woken,
      freed: await leaveLanes(tx, rows.map(leavingOf)),
      left: callers.length === 0 ? [] : await leftChildren(tx, callers),
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

/** Is its execution over? What is queued or waits runs again. */
const isOver = ({ status }: Pick<EndedRow, 'status'>): boolean => status !== 'queued' && status !== 'waiting'

function leavingOf(row: EndedRow): Leaving {
  const { lanes, slots } = row
  const over = isOver(row)
  const own = lanes.at(-1)
  return {
    taken: over ? lanes : lanes.slice(slots),
    waited: null,
    ended: over && own?.startsWith('c:') === true ? own : null,
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
    if (now === undefined || !isOver({ status: now })) continue
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
