import type { TenantScope } from '../../core/actor.ts'
import { type AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Json } from '../../core/json.ts'
import type { CustomerRow } from '../../db/customers.ts'
import type { Database, Tx } from '../../db/database.ts'
import { copyDoneSteps } from '../../db/execution-steps.ts'
import {
  continueFrom,
  type ExecutionRow,
  getExecution,
  type NamedExecutionRow,
  type RunnableVersionRow,
  type WorkflowTargetRow,
} from '../../db/executions.ts'
import type { EndedRow, FinishedRun } from '../../db/finished-runs.ts'
import type { NewExecution } from '../../db/new-executions.ts'
import type { QueuedExecution } from '../../db/queued-execution.ts'
import type { StartExecution } from './executions.ts'
import { runLimits } from './run-limits.ts'
import { hasEnded } from './transitions.ts'

/** What a workflow asks for when it runs another. */
export const childOf = (parent: ExecutionRow, slug: string, input: Json, step = ''): StartExecution => ({
  workflow: slug,
  environment: parent.environment,
  customerId: parent.customer_id,
  input,
  headers: {},
  triggeredBy: 'workflow',
  mocks: parent.mocks,
  parent: { executionId: parent.id, depth: parent.depth + 1, step },
  by: { executionId: parent.id, run: parent.run },
})

/** What a replay asks for. */
export const replayOf = (original: ExecutionRow): StartExecution => ({
  workflow: original.workflow_id,
  environment: original.environment,
  customerId: original.customer_id,
  input: original.input,
  headers: original.headers,
  triggeredBy: 'replay',
  mocks: original.mocks,
})

/** The row of an execution about to be inserted, but for what its caller decides. */
export function newExecution(
  organizationId: string,
  request: StartExecution,
  customerId: string | null,
  version: RunnableVersionRow,
): Omit<NewExecution, 'status' | 'max_attempts' | 'dead_letter' | 'worker'> {
  return {
    id: newId('execution'),
    organization_id: organizationId,
    customer_id: customerId,
    workflow_id: version.workflow_id,
    workflow_version_id: version.workflow_version_id,
    environment: request.environment,
    tier: version.tier,
    triggered_by: request.triggeredBy,
    event_id: null,
    trigger_id: null,
    parent_execution_id: request.parent?.executionId ?? null,
    replay_of: null,
    depth: request.parent?.depth ?? 0,
    input: request.input,
    headers: request.headers,
    mocks: request.mocks ?? null,
    ...runLimits(version, request.input),
  }
}

/** The row as the finished attempt left it, without reading it back. */
export function asFinished(execution: ExecutionRow, finished: FinishedRun): ExecutionRow {
  return {
    ...execution,
    status: finished.status,
    output: finished.output as Json,
    error: finished.error as Json,
    stats: finished.stats as Json,
    tier: finished.tier,
    finished_at: hasEnded(finished.status) ? new Date() : null,
  }
}

/** The same with what the database made of it, as `getExecution` would give it. */
export const asEnded = (
  execution: ExecutionRow,
  version: RunnableVersionRow,
  finished: FinishedRun,
  { status, due_at, finished_at, queue_ms, run_ms }: EndedRow,
): NamedExecutionRow => ({
  ...asFinished(execution, finished),
  status,
  due_at,
  finished_at,
  queue_ms,
  run_ms,
  workflow_slug: version.workflow_slug,
  workflow_version: version.version,
})

/** The job of a run that goes on, or is tried again. */
export const nextRun = ({ id, run, tier, priority, delay_ms }: FinishedRun): QueuedExecution => ({
  id,
  run: run + 1,
  tier,
  priority,
  delay_ms,
  // One that goes on at once keeps its places.
  admission: delay_ms > 0 ? 'later' : 'admitted',
})

/** Lets a new execution go on with what another recorded as done, and see the same time and random numbers. */
export async function goOnFrom(
  tx: Tx,
  rows: readonly ExecutionRow[],
  origin: ExecutionRow,
): Promise<ExecutionRow[]> {
  const going: ExecutionRow[] = []
  for (const row of rows) {
    await copyDoneSteps(tx, origin.id, row.id)
    const copied = await continueFrom(tx, row.id, origin)
    if (copied === undefined) throw new Error('UPDATE … RETURNING gave no row')
    going.push(copied)
  }
  return going
}

/** Nothing new is started for a customer, or of a workflow, that was switched off. */
export function refuseInactive(target: WorkflowTargetRow, customer: CustomerRow | null | undefined): void {
  if (customer?.status === 'inactive') {
    throw conflict(`The customer '${customer.slug}' is inactive.`, {
      where: 'customer',
      hint: 'Set its status to active with update_customer.',
    })
  }
  if (target.status === 'inactive') {
    throw conflict(`The workflow '${target.workflow_slug}' is inactive.`, {
      where: 'workflow',
      hint: 'Set its status to active with update_workflow.',
    })
  }
}

/** Why there is no version to run, and what to do about it. */
export function notRunnable(request: StartExecution, latestVersion: number): AppError {
  if (request.version !== undefined)
    return notFound('version', String(request.version), 'list_workflow_versions shows them.')
  if (latestVersion === 0) {
    return conflict('The workflow has never been published.', {
      where: 'workflow',
      hint: 'publish_workflow, then deploy_workflow.',
      data: { reason: 'WORKFLOW_NOT_PUBLISHED' },
    })
  }
  return conflict(`The workflow is not deployed to '${request.environment}'.`, {
    where: 'environment',
    hint: 'deploy_workflow puts a version there; or name a version to run one that is not deployed.',
  })
}

/** Why an execution could not be changed: it is not there, or has ended. */
export async function whyNot(
  db: Database,
  scope: TenantScope,
  executionId: string,
  what: string,
): Promise<AppError> {
  const row = await db.read(scope, (tx) => getExecution(tx, executionId))
  if (row === undefined) return notFound('execution', executionId, 'list_executions shows them.')
  return conflict(`The execution '${executionId}' has already ended (${row.status}) and cannot be ${what}.`)
}
