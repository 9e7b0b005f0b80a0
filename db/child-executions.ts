/** Executions that others called and wait for. */
import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { WAIT_WORKFLOW } from './execution-steps.ts'
import type { ExecutionStatus } from './executions.ts'
import type { QueuedExecution } from './queued-execution.ts'
import { endStep, lock, wake } from './step-waits.ts'

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

/** An execution whose caller has ended, or is about to, without it. */
export interface LeftChild {
  id: string
  organization_id: string
}

/**
 * The executions that these called and that are not over, whichever tenants they are of. One that runs for the first
 * time does so in the process of its caller and stops with it.
 */
export const leftChildren = (tx: Tx, executionIds: readonly string[]) =>
  tx.rows<LeftChild>(
    `SELECT id, organization_id FROM executions
     WHERE parent_execution_id = ANY($1) AND (status IN ('queued', 'waiting') OR status = 'running' AND run > 1)`,
    [executionIds],
  )

/**
 * What waits, in line or for something, though its caller has been over for so long: whoever ended that one could not cancel
 * this, or was killed before. Oldest first.
 */
export const orphans = (db: Database, overForMs: number, limit: number): Promise<LeftChild[]> =>
  db.system((tx) =>
    tx.rows<LeftChild>(
      `SELECT c.id, c.organization_id FROM executions c
       JOIN executions p ON p.id = c.parent_execution_id AND p.organization_id = c.organization_id
       WHERE c.parent_execution_id IS NOT NULL AND c.status IN ('queued', 'waiting')
         AND p.status NOT IN ('queued', 'running', 'waiting') AND p.finished_at < now() - $1 * interval '1 millisecond'
       ORDER BY c.id LIMIT $2`,
      [overForMs, limit],
    ),
  )

/** The execution that a step of its parent called earlier: after a crash the parent goes on with it. */
export const findChild = (tx: Tx, parentId: string, parentStep: string) =>
  tx.row<{ id: string; status: ExecutionStatus; run: number; output: Json }>(
    `SELECT id, status, run, output FROM executions
     WHERE parent_execution_id = $1 AND parent_step = $2 ORDER BY id DESC LIMIT 1`,
    [parentId, parentStep],
  )
