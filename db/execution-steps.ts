/** What executions did and wait for: the record that a run which goes on takes results from. */
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import type { ExecutionStatus } from './executions.ts'
import { toJsonb } from './jsonb.ts'
import { QUEUED_COLUMNS, type QueuedExecution } from './queued-execution.ts'

export interface NewStep {
  execution_id: string
  /** Its place in the record; one that is written again (pending, then done) keeps it. */
  seq: number
  organization_id: string
  customer_id: string | null
  kind: string
  name: string
  fingerprint: string
  within: string | null
  status: 'done' | 'failed' | 'pending'
  output: Json
  error: Json
  /** ISO 8601. */
  wake_at: string | null
  waits_for: string | null
  attempt: number
  run: number
  started_at: string
  /** When a run took note of it; null of one that has ended: none has yet. */
  finished_at: string | null
}

export interface StepRow extends Omit<NewStep, 'wake_at' | 'started_at' | 'finished_at'> {
  wake_at: Date | null
  started_at: Date
  finished_at: Date | null
}

const COLUMNS =
  'execution_id, seq, organization_id, customer_id, kind, name, fingerprint, within, status, output, error, wake_at, waits_for, attempt, run, started_at, finished_at'

/** Kinds of steps that end from outside. */
export const WAIT_EVENT = 'wait.event'
export const WAIT_APPROVAL = 'wait.approval'
export const WAIT_WORKFLOW = 'workflows.run'

/** Text of one statement: V8 holds 512 MB in one, and it is copied on its way. */
const MAX_TEXT_LENGTH = 32 * 1024 * 1024

export const insertSteps = async (tx: Tx, steps: readonly NewStep[]): Promise<void> => {
  let texts: string[] = []
  let length = 0
  const insert = async () => {
    if (texts.length > 0) await tx.run(INSERT, [`[${texts.join(',')}]`])
    texts = []
    length = 0
  }
  for (const step of steps) {
    const text = toJsonb(step)
    if (length + text.length > MAX_TEXT_LENGTH) await insert()
    texts.push(text)
    length += text.length
  }
  await insert()
}

const INSERT = `INSERT INTO execution_steps (${COLUMNS})
  SELECT ${COLUMNS} FROM jsonb_to_recordset($1::jsonb) AS r(execution_id text, seq integer, organization_id text, customer_id text,
    kind text, name text, fingerprint text, within text, status text, output jsonb, error jsonb, wake_at timestamptz, waits_for text,
    attempt integer, run integer, started_at timestamptz, finished_at timestamptz)
  ON CONFLICT (execution_id, seq) DO UPDATE SET status = excluded.status, output = excluded.output, error = excluded.error,
    finished_at = excluded.finished_at`

/** Steps of one run, to be kept while it is still its worker's. */
export interface StepBatch {
  executionId: string
  run: number
  steps: readonly NewStep[]
}

/**
 * Keeps what runs did, many at once in one transaction.
 * @returns for each batch, in order: is the run still the one that has the execution? Nothing is kept otherwise.
 */
export const keepSteps = (db: Database, batches: readonly StepBatch[]): Promise<boolean[]> =>
  db.system(async (tx) => {
    const rows = await tx.rows<{ id: string; run: number }>(
      `SELECT e.id, e.run FROM executions e JOIN unnest($1::text[], $2::int[]) AS b(batch_id, batch_run)
       ON e.id = b.batch_id AND e.run = b.batch_run WHERE e.id = ANY($1) AND e.status = 'running'`,
      [batches.map(({ executionId }) => executionId), batches.map(({ run }) => run)],
    )
    const current = new Set(rows.map(({ id, run }) => `${id} ${run}`))
    const owned = batches.map(({ executionId, run }) => current.has(`${executionId} ${run}`))
    await insertSteps(
      tx,
      batches.flatMap(({ steps }, index) => (owned[index] === true ? steps : [])),
    )
    return owned
  })

/** The record of an execution, in order. */
export const loadSteps = (db: Database, executionId: string) =>
  db.system((tx) =>
    tx.rows<StepRow>(`SELECT ${COLUMNS} FROM execution_steps WHERE execution_id = $1 ORDER BY seq`, [
      executionId,
    ]),
  )

/** In order; outputs longer than `maxOutput` (characters of JSON) are left out. */
export const listSteps = (
  tx: Tx,
  page: { executionId: string; after: number; limit: number; maxOutput: number },
) =>
  tx.rows<StepRow & { output_length: number }>(
    `SELECT ${COLUMNS.replace('output', 'CASE WHEN t.length <= $4 THEN output END AS output')}, t.length AS output_length
     FROM execution_steps, LATERAL (SELECT coalesce(length(output::text), 0) AS length) t
     WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
    [page.executionId, page.after, page.limit, page.maxOutput],
  )

/** What the other execution did becomes done for this one too, as attempt 0. Gives the number of steps. */
export const copyDoneSteps = (tx: Tx, from: string, to: string) =>
  tx.run(
    `INSERT INTO execution_steps (${COLUMNS})
     SELECT $2, ${COLUMNS.split(', ').slice(1).join(', ').replace('attempt', '0')} FROM execution_steps WHERE execution_id = $1 AND status = 'done'`,
    [from, to],
  )

/** Before a new attempt: what failed is tried again, and what was waited for is waited for anew. */
export async function forgetUndone(tx: Tx, executionIds: readonly string[]): Promise<void> {
  const approvals = await tx.rows<{ waits_for: string }>(
    `WITH gone AS (DELETE FROM execution_steps WHERE execution_id = ANY($1) AND status <> 'done' RETURNING kind, waits_for)
     SELECT waits_for FROM gone WHERE kind = '${WAIT_APPROVAL}'`,
    [executionIds],
  )
  if (approvals.length === 0) return
  await tx.run(`UPDATE approvals SET status = 'expired' WHERE id = ANY($1) AND status = 'pending'`, [
    approvals.map((row) => row.waits_for),
  ])
}

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
const endStep = (
  tx: Tx,
  step: { execution_id: string; seq: number },
  outcome: { status: 'done' | 'failed'; output: Json; error: Json },
) =>
  tx.run(
    `UPDATE execution_steps SET status = $3, output = $4, error = $5
     WHERE execution_id = $1 AND seq = $2 AND status = 'pending'`,
    [step.execution_id, step.seq, outcome.status, toJsonb(outcome.output), toJsonb(outcome.error)],
  )

const wake = (tx: Tx, executionId: string) =>
  tx.rows<QueuedExecution>(
    `UPDATE executions SET status = 'queued', due_at = now() WHERE id = $1 AND status = 'waiting' RETURNING ${QUEUED_COLUMNS}`,
    [executionId],
  )

const lock = (tx: Tx, executionId: string) =>
  tx.row<{ id: string; status: string; run: number }>(
    'SELECT id, status, run FROM executions WHERE id = $1 FOR UPDATE',
    [executionId],
  )

/** Locks the execution of a step. Is the run that takes the step still the one that has it? */
const lockOwn = async (tx: Tx, step: NewStep): Promise<boolean> => {
  const row = await lock(tx, step.execution_id)
  return row?.status === 'running' && row.run === step.run
}

const findStep = (tx: Tx, { execution_id, seq }: { execution_id: string; seq: number }) =>
  tx.row<Pick<StepRow, 'status' | 'output' | 'finished_at'>>(
    'SELECT status, output, finished_at FROM execution_steps WHERE execution_id = $1 AND seq = $2',
    [execution_id, seq],
  )

/** How a wait stands; `undefined`: the execution is another run's by now. */
export type WaitState = Pick<StepRow, 'status' | 'output' | 'finished_at'>

/** The workflow that `parent` waits for has ended. Gives the parent, if it is to go on now. */
export async function endChildStep(
  tx: Tx,
  parent: string,
  child: { id: string; status: string; output: unknown; error: unknown },
): Promise<QueuedExecution[]> {
  await lock(tx, parent)
  const step = await tx.row<{ execution_id: string; seq: number }>(
    `SELECT execution_id, seq FROM execution_steps
     WHERE execution_id = $1 AND kind = '${WAIT_WORKFLOW}' AND status = 'pending' AND waits_for = $2`,
    [parent, child.id],
  )
  if (step === undefined) return []
  const done = child.status === 'completed'
  await endStep(tx, step, {
    status: done ? 'done' : 'failed',
    output: done ? (child.output as Json) : null,
    error: done ? null : { status: child.status, error: child.error as Json },
  })
  return wake(tx, parent)
}

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
     ORDER BY s.execution_id, s.seq LIMIT ${MAX_RECEIVERS}`,
    [name, executionId, key, environments, after],
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

export interface ApprovalRow {
  id: string
  customer_id: string | null
  execution_id: string
  title: string
  description: string
  data: Json
  status: 'pending' | 'approved' | 'rejected' | 'expired'
  decided_by: string | null
  comment: string | null
  expires_at: Date | null
  created_at: Date
  decided_at: Date | null
}

/** Asks for a decision and begins to wait for it; as {@link beginWait}. */
export const beginApproval = (
  db: Database,
  step: NewStep,
  approval: { id: string; title: string; description: string; data: Json },
): Promise<WaitState | undefined> =>
  db.system(async (tx) => {
    if (!(await lockOwn(tx, step))) return undefined
    const before = await findStep(tx, step)
    if (before !== undefined) return before
    await tx.run(
      `INSERT INTO approvals (id, organization_id, customer_id, execution_id, title, description, data, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        approval.id,
        step.organization_id,
        step.customer_id,
        step.execution_id,
        approval.title,
        approval.description,
        toJsonb(approval.data),
        step.wake_at,
      ],
    )
    await insertSteps(tx, [step])
    return { status: 'pending', output: null, finished_at: null }
  })

const APPROVAL = `SELECT a.id, a.customer_id, a.execution_id, a.title, a.description, a.data, a.decided_by, a.comment, a.expires_at,
    a.created_at, a.decided_at,
    CASE WHEN a.status = 'pending' AND (a.expires_at <= now() OR e.status NOT IN ('queued', 'running', 'waiting'))
      THEN 'expired' ELSE a.status END AS status
  FROM approvals a JOIN executions e ON e.id = a.execution_id`

export const getApproval = (tx: Tx, id: string) => tx.row<ApprovalRow>(`${APPROVAL} WHERE a.id = $1`, [id])

/** Newest first. */
export const listApprovals = (
  tx: Tx,
  page: {
    status: ApprovalRow['status'] | null
    executionId: string | null
    cursor: string | null
    limit: number
  },
) =>
  tx.rows<ApprovalRow>(
    `SELECT * FROM (${APPROVAL}) a WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR execution_id = $2)
       AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
    [page.status, page.executionId, page.cursor, page.limit],
  )

/** Decides an approval that is still open. Gives the execution, if it is to go on now; undefined: it was not open. */
export async function decideApproval(
  tx: Tx,
  approval: ApprovalRow,
  decision: { approved: boolean; by: string; comment: string | null },
): Promise<QueuedExecution[] | undefined> {
  await lock(tx, approval.execution_id)
  const row = await tx.row<{ decided_at: Date }>(
    `UPDATE approvals SET status = $2, decided_by = $3, comment = $4, decided_at = now()
     WHERE id = $1 AND status = 'pending' AND (expires_at IS NULL OR expires_at > now()) RETURNING decided_at`,
    [approval.id, decision.approved ? 'approved' : 'rejected', decision.by, decision.comment],
  )
  if (row === undefined) return undefined
  const step = await tx.row<{ execution_id: string; seq: number }>(
    `SELECT execution_id, seq FROM execution_steps WHERE execution_id = $1 AND kind = '${WAIT_APPROVAL}' AND waits_for = $2`,
    [approval.execution_id, approval.id],
  )
  if (step === undefined) return []
  await endStep(tx, step, {
    status: 'done',
    output: {
      approved: decision.approved,
      by: decision.by,
      comment: decision.comment,
      at: row.decided_at.toISOString(),
    },
    error: null,
  })
  return wake(tx, approval.execution_id)
}

/** Pending steps that ended meanwhile, of runs that are still under way. */
export const endedSteps = (db: Database, executionId: string, seqs: readonly number[]) =>
  db.system((tx) =>
    tx.rows<StepRow>(
      `SELECT ${COLUMNS} FROM execution_steps WHERE execution_id = $1 AND seq = ANY($2) AND status <> 'pending'`,
      [executionId, seqs],
    ),
  )

/** Is this run still the one that has the execution? It stays so until the transaction ends. */
export const holdsExecution = async (tx: Tx, { executionId, run }: { executionId: string; run: number }) =>
  (await tx.row(`SELECT id FROM executions WHERE id = $1 AND run = $2 AND status = 'running' FOR SHARE`, [
    executionId,
    run,
  ])) !== undefined

/** The executions that it called and waits for. */
export const pendingChildren = async (tx: Tx, executionId: string): Promise<string[]> => {
  const rows = await tx.rows<{ waits_for: string }>(
    `SELECT waits_for FROM execution_steps WHERE execution_id = $1 AND kind = '${WAIT_WORKFLOW}' AND status = 'pending'`,
    [executionId],
  )
  return rows.map((row) => row.waits_for)
}

/** An execution whose caller has ended without it. */
export interface LeftChild {
  id: string
  organization_id: string
}

/** The same of many, whichever tenants they are of. */
export const leftChildren = (tx: Tx, executionIds: readonly string[]) =>
  tx.rows<LeftChild>(
    `SELECT waits_for AS id, organization_id FROM execution_steps
     WHERE execution_id = ANY($1) AND kind = '${WAIT_WORKFLOW}' AND status = 'pending'`,
    [executionIds],
  )

/** The execution that a step of its parent called earlier: after a crash the parent goes on with it. */
export const findChild = (tx: Tx, parentId: string, parentStep: string) =>
  tx.row<{ id: string; status: ExecutionStatus; run: number; output: Json }>(
    `SELECT id, status, run, output FROM executions
     WHERE parent_execution_id = $1 AND parent_step = $2 ORDER BY id DESC LIMIT 1`,
    [parentId, parentStep],
  )
