/** Steps that wait for something outside, and how they end. */
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { insertSteps, type NewStep, type StepRow, WAIT_EVENT } from './execution-steps.ts'
import { toJsonb } from './jsonb.ts'
import { QUEUED_COLUMNS, type QueuedExecution } from './queued-execution.ts'

/**
 * Sets when executions that have just begun to wait go on. One whose step ended while it was being put aside is
 * queued at once: whoever ended it could not know that it waits. Their rows must be locked.
 */
export const settleWaiting = async (
  tx: Tx,
  waiting: readonly { id: string; parked: readonly number[] }[],
): Promise<QueuedExecution[]> => {
  const rows = await tx.rows<QueuedExecution & { status: string }>(
    `UPDATE executions e SET status = CASE WHEN w.ended THEN 'queued' ELSE 'waiting' END,
       due_at = CASE WHEN w.ended THEN now() ELSE coalesce(w.wake_at, 'infinity') END
     FROM (SELECT p.id AS execution_id, min(s.wake_at) AS wake_at, bool_or(s.status <> 'pending') AS ended
           FROM jsonb_to_recordset($1::jsonb) AS p(id text, parked integer[])
           JOIN execution_steps s ON s.execution_id = p.id AND s.seq = ANY (p.parked) GROUP BY p.id) w
     WHERE e.id = w.execution_id AND e.status = 'waiting' RETURNING ${QUEUED_COLUMNS}, status`,
    [toJsonb(waiting)],
  )
  return rows.filter(({ status }) => status === 'queued').map(({ status: _status, ...row }) => row)
}

/** Ends a pending step from outside: a run has yet to take note of it. The execution's row must be locked. */
export const endStep = (
  tx: Tx,
  step: { execution_id: string; seq: number },
  outcome: { status: 'done' | 'failed'; output: Json; error: Json },
) =>
  tx.run(
    `UPDATE execution_steps SET status = $3, output = $4, error = $5
     WHERE execution_id = $1 AND seq = $2 AND status = 'pending'`,
    [step.execution_id, step.seq, outcome.status, toJsonb(outcome.output), toJsonb(outcome.error)],
  )

export const wake = (tx: Tx, executionId: string) =>
  tx.rows<QueuedExecution>(
    `UPDATE executions SET status = 'queued', due_at = now() WHERE id = $1 AND status = 'waiting' RETURNING ${QUEUED_COLUMNS}`,
    [executionId],
  )

export const lock = (tx: Tx, executionId: string) =>
  tx.row<{ id: string; status: string; run: number }>(
    'SELECT id, status, run FROM executions WHERE id = $1 FOR UPDATE',
    [executionId],
  )

/** Locks the execution of a step. Is the run that takes the step still the one that has it? */
export const lockOwn = async (tx: Tx, step: NewStep): Promise<boolean> => {
  const row = await lock(tx, step.execution_id)
  return row?.status === 'running' && row.run === step.run
}

export const findStep = (tx: Tx, { execution_id, seq }: { execution_id: string; seq: number }) =>
  tx.row<Pick<StepRow, 'status' | 'output' | 'finished_at'>>(
    'SELECT status, output, finished_at FROM execution_steps WHERE execution_id = $1 AND seq = $2',
    [execution_id, seq],
  )

/** How a wait stands; `undefined`: the execution is another run's by now. */
export type WaitState = Pick<StepRow, 'status' | 'output' | 'finished_at'>

/** Executions that an event reaches in one transaction. */
const MAX_RECEIVERS = 200

/** Events kept for one execution that does not wait for them yet. */
const MAX_SIGNALS = 1_000

export interface SentEvent {
  /** To this execution only; null: to all that wait for it. */
  executionId: string | null
  name: string
  key: string | null
  payload: Json
  /** Only executions in these environments; null: in all. */
  environments: readonly string[] | null
  /** Only executions that are mocked too: what is not would call the apps. */
  mockedOnly?: boolean
}

/**
 * Hands an event to the executions that wait for it. One that is addressed and does not wait for it yet finds it
 * when it does.
 * @param event `after`: only executions with greater ids
 * @returns the executions that got it, and the id after which there may be more; `undefined` when the one addressed is
 *   not there, `ended` when it is over, `full` when it has too many already
 */
export async function sendEvent(
  tx: Tx,
  event: SentEvent & { signal: { id: string }; after: string },
): Promise<
  { received: string[]; woken: QueuedExecution[]; next: string | null } | 'ended' | 'full' | undefined
> {
  const { executionId, name, key, payload, environments, after } = event
  if (executionId !== null) {
    const row = await lock(tx, executionId)
    if (row === undefined) return undefined
    if (!['queued', 'running', 'waiting'].includes(row.status)) return 'ended'
  }
  const steps = await tx.rows<{ execution_id: string; seq: number }>(
    `SELECT DISTINCT ON (s.execution_id) s.execution_id, s.seq FROM execution_steps s JOIN executions e ON e.id = s.execution_id
     WHERE s.kind = '${WAIT_EVENT}' AND s.status = 'pending' AND s.name = $1 AND ($2::text IS NULL OR s.execution_id = $2)
       AND ($3::text IS NULL AND $2::text IS NOT NULL OR s.waits_for IS NOT DISTINCT FROM $3)
       AND e.status IN ('queued', 'running', 'waiting') AND ($4::text[] IS NULL OR e.environment = ANY($4)) AND s.execution_id > $5
       AND (NOT $6::boolean OR e.mocks IS NOT NULL)
     ORDER BY s.execution_id, s.seq LIMIT ${MAX_RECEIVERS}`,
    [name, executionId, key, environments, after, event.mockedOnly ?? false],
  )
  const received: string[] = []
  const woken: QueuedExecution[] = []
  for (const step of steps) {
    await lock(tx, step.execution_id)
    if ((await endStep(tx, step, { status: 'done', output: payload, error: null })) === 0) continue
    received.push(step.execution_id)
    woken.push(...(await wake(tx, step.execution_id)))
  }
  if (executionId !== null && received.length === 0) {
    const kept = await tx.run(
      `INSERT INTO execution_signals (id, organization_id, customer_id, execution_id, name, key, payload)
       SELECT $1, organization_id, customer_id, id, $3, $4, $5 FROM executions
       WHERE id = $2 AND (SELECT count(*) FROM execution_signals WHERE execution_id = $2) < ${MAX_SIGNALS}`,
      [event.signal.id, executionId, name, key, toJsonb(payload)],
    )
    if (kept === 0) return 'full'
    received.push(executionId)
  }
  const next = steps.length === MAX_RECEIVERS ? (steps.at(-1)?.execution_id ?? null) : null
  return { received, woken, next }
}

/**
 * Begins to wait for an event, unless one came before: then the step is done. It may be asked again by a run that does
 * not know whether it was done.
 */
export const beginWait = (db: Database, step: NewStep): Promise<WaitState | undefined> =>
  db.system(async (tx) => {
    if (!(await lockOwn(tx, step))) return undefined
    const before = await findStep(tx, step)
    if (before !== undefined) return before
    const early = await tx.row<{ payload: Json }>(
      `DELETE FROM execution_signals WHERE id = (
         SELECT id FROM execution_signals WHERE execution_id = $1 AND name = $2 AND (key IS NULL OR key = $3)
         ORDER BY id LIMIT 1) RETURNING payload`,
      [step.execution_id, step.name, step.waits_for],
    )
    await insertSteps(tx, [early === undefined ? step : { ...step, status: 'done', output: early.payload }])
    return {
      status: early === undefined ? 'pending' : 'done',
      output: early?.payload ?? null,
      finished_at: null,
    }
  })

/** Ends a wait whose time is up as `expired` says, unless it was ended from outside before. */
export const expireWait = (db: Database, expired: NewStep): Promise<WaitState | undefined> =>
  db.system(async (tx) => {
    if (!(await lockOwn(tx, expired))) return undefined
    const before = await findStep(tx, expired)
    if (before !== undefined && before.status !== 'pending') return before
    await insertSteps(tx, [expired])
    return { status: expired.status, output: expired.output, finished_at: null }
  })
