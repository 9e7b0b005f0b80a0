/** Decisions of people that executions wait for. */
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { insertSteps, type NewStep, WAIT_APPROVAL } from './execution-steps.ts'
import { toJsonb } from './jsonb.ts'
import type { QueuedExecution } from './queued-execution.ts'
import { beginWait, endStep, findStep, lock, lockOwn, type WaitState, wake } from './step-waits.ts'

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
