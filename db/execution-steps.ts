/** What executions did and wait for: the record that a run which goes on takes results from. */
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

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
