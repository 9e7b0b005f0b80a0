import { conflict, notFound } from '../../core/errors.ts'
import { admittedOf } from '../../db/accepted-events.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import {
  type ExecutionRow,
  findWorkflowTarget,
  getExecution,
  markDeadLetterReplayed,
  wasReplayed,
} from '../../db/executions.ts'
import { triggerLane } from '../../db/lane-places.ts'
import { insertExecutions } from '../../db/new-executions.ts'
import type { Admission } from './admission.ts'
import type { Executions, Transaction } from './executions.ts'
import { goOnFrom, newExecution, refuseInactive, replayOf } from './requests.ts'
import { hasEnded } from './transitions.ts'

/** Runs an ended execution's input again: see `Executions.replay`. */
export async function replayExecution(
  { db, admission }: { db: Database; admission: Admission },
  ...[scope, executionId, which, options]: Parameters<Executions['replay']>
): Promise<ExecutionRow> {
  const within: Transaction = options?.transaction ?? ((fn) => db.tenant(scope, fn))
  const execution = await within(async (tx) => {
    const original = await getExecution(tx, executionId)
    if (original === undefined) throw notFound('execution', executionId, 'list_executions shows them.')
    if (!hasEnded(original.status)) {
      throw conflict(
        `The execution '${executionId}' is ${original.status}; only one that has ended can be replayed.`,
        {
          hint: 'Wait for it, or cancel_execution first.',
        },
      )
    }
    if (options?.once === true && (await wasReplayed(tx, executionId)))
      throw conflict(`The execution '${executionId}' was replayed already.`, {
        hint: 'list_executions shows the replay; replay_execution runs it once more.',
      })
    const target = await findWorkflowTarget(tx, {
      workflow: original.workflow_id,
      environment: original.environment,
      version: which === 'same' ? original.workflow_version : null,
    })
    if (target?.runnable === null || target === undefined) {
      throw conflict(`Nothing is deployed to '${original.environment}' for this workflow now.`, {
        hint: "Deploy a version with deploy_workflow, or replay with version 'same'.",
      })
    }
    const customerId = original.customer_id
    refuseInactive(target, customerId === null ? null : await findCustomer(tx, customerId))
    const version = target.runnable
    const [row] = await insertExecutions(tx, [
      {
        ...newExecution(scope.organizationId, replayOf(original), customerId, version),
        event_id: original.event_id,
        trigger_id: original.trigger_id,
        replay_of: original.id,
        sequential: original.lanes.some((lane) => lane === triggerLane(original.trigger_id ?? '')),
        status: 'queued',
        origin_id: options?.from === 'failed_step' ? (original.origin_id ?? original.id) : null,
        retry: original.retry,
        max_attempts: (original.retry ?? version.retry)?.maxAttempts ?? 1,
        dead_letter: true,
        worker: null,
      },
    ])
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    if (options?.from === 'failed_step') await goOnFrom(tx, [row], original)
    const letters = await markDeadLetterReplayed(tx, original.id, row.id)
    if (letters === 0 && options?.pendingDeadLetter === true) {
      throw conflict(`The dead letter of '${executionId}' was replayed by another call just now.`, {
        hint: 'list_executions shows the replay; replay_execution runs one again.',
      })
    }
    return row
  })
  await admission.enqueue(admittedOf([execution]))
  return execution
}
