import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { admittedOf } from '../../db/accepted-events.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import { holdsExecution } from '../../db/execution-steps.ts'
import {
  type ExecutionRow,
  findWorkflowTarget,
  getExecution,
  type RunnableVersionRow,
} from '../../db/executions.ts'
import type { FinishedRun } from '../../db/finished-runs.ts'
import {
  insertExecutions,
  insertManualEvents,
  type NewExecution,
  type RequestedExecution,
  startExecutions,
} from '../../db/new-executions.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { Admission } from './admission.ts'
import type { Executions, StartExecution } from './executions.ts'
import type { Here } from './here.ts'
import { checkInput } from './input.ts'
import { type Moment, moment } from './lease.ts'
import { asFinished, goOnFrom, newExecution, notRunnable, refuseInactive } from './requests.ts'

const MAX_BATCH = 200
/** How deep workflows may call workflows. */
const MAX_DEPTH = 5

interface StartDeps {
  db: Database
  admission: Admission
  /** Names this process in the rows of the executions it runs. */
  worker: string
  storing: Here['storing']
  /** Somebody is going to wait for this one. */
  expect(id: string): void
  /** Runs one whose caller waits for it. */
  run(
    execution: ExecutionRow,
    version: RunnableVersionRow,
    claimedAt: Moment,
    signal: AbortSignal | undefined,
  ): Promise<FinishedRun>
}

/** Starts executions that somebody asks for: see `Executions.start`. */
export function buildStart(deps: StartDeps): Executions['start'] {
  const { db, admission } = deps

  const starts = buildBatcher<RequestedExecution, ExecutionRow | AppError>(
    (items) =>
      deps.storing(
        (workerFor) =>
          startExecutions(
            db,
            items.map(({ event, execution }) => ({
              event,
              execution: { ...execution, worker: execution.worker ?? workerFor(execution) },
            })),
          ),
        // What was to run at once is run by its caller.
        (rows) =>
          rows.flatMap((row, at) => {
            const runsHere = items[at]?.execution.status === 'queued'
            return runsHere && !(row instanceof AppError) && row.status === 'running' ? [row] : []
          }),
      ),
    MAX_BATCH,
  )

  /** One that a person or a program asked for; the asking is kept as its event. */
  const requested = async (row: NewExecution): Promise<ExecutionRow> => {
    const { organization_id, customer_id, headers, input } = row
    const id = newId('event')
    const started = await starts.add({
      event: { id, organization_id, customer_id, headers, payload: input },
      execution: { ...row, event_id: id },
    })
    if (started instanceof AppError) throw started
    return started
  }

  /** One that another execution starts, that goes on with what another recorded, or is made with what else its caller does. */
  const startedAlone = async (
    scope: TenantScope,
    { by, originOf, parent, transaction = (fn) => db.tenant(scope, fn) }: StartExecution,
    row: NewExecution,
  ): Promise<ExecutionRow> => {
    const [execution] = await transaction(async (tx) => {
      if (by !== undefined && !(await holdsExecution(tx, by)))
        throw new AppError('cancelled', 'The workflow that starts this one was given to another worker.')
      const event =
        parent === undefined
          ? {
              id: newId('event'),
              organization_id: row.organization_id,
              customer_id: row.customer_id,
              headers: row.headers,
              payload: row.input,
            }
          : null
      if (event !== null) await insertManualEvents(tx, [event])
      const origin = originOf === undefined ? undefined : await getExecution(tx, originOf)
      const origin_id = origin?.origin_id ?? origin?.id ?? null
      const rows = await insertExecutions(tx, [{ ...row, event_id: event?.id ?? null, origin_id }])
      return origin === undefined ? rows : goOnFrom(tx, rows, origin)
    })
    if (execution === undefined) throw new Error('INSERT … RETURNING gave no row')
    return execution
  }

  const start = async (
    scope: TenantScope,
    request: StartExecution,
    signal?: AbortSignal,
  ): Promise<ExecutionRow> => {
    const depth = request.parent?.depth ?? 0
    if (depth > MAX_DEPTH) {
      throw conflict(`Workflows call workflows at most ${MAX_DEPTH} deep.`, {
        hint: 'Start the work with ctx.workflows.start, or merge the steps.',
      })
    }
    const { target, customerId, customer } = await db.read(scope, async (tx) => {
      const [target, customerId] = await Promise.all([
        findWorkflowTarget(tx, {
          workflow: request.workflow,
          environment: request.environment,
          version: request.version ?? null,
        }),
        typeof request.customerId === 'function' ? request.customerId(tx) : request.customerId,
      ])
      return { target, customerId, customer: customerId === null ? null : await findCustomer(tx, customerId) }
    })
    if (target === undefined)
      throw notFound('workflow', request.workflow, 'list_workflows shows the ones you may run.')
    if (!target.environment_known)
      throw notFound('environment', request.environment, 'list_environments shows them.')
    if (customer === undefined)
      throw notFound('customer', customerId ?? '', 'list_customers shows the ones you may use.')
    refuseInactive(target, customer)
    const version = target.runnable
    if (version === null) throw notRunnable(request, target.latest_version)
    checkInput(version, request.input)

    const inline = version.tier === 'instant' || request.parent !== undefined
    const claimedAt = moment()
    const row: NewExecution = {
      ...newExecution(scope.organizationId, request, customerId, version),
      status: inline ? 'running' : 'queued',
      parent_step: request.parent?.step ?? null,
      // A caller waits for an inline run and gets its error: nothing is retried or set aside behind its back.
      max_attempts: inline ? 1 : (version.retry?.maxAttempts ?? 1),
      dead_letter: !inline,
      worker: inline ? deps.worker : null,
    }
    if (request.watched === true) deps.expect(row.id)
    const execution =
      request.by === undefined &&
      request.parent === undefined &&
      request.originOf === undefined &&
      request.transaction === undefined
        ? await requested(row)
        : await startedAlone(scope, request, row)
    // Made by an earlier attempt at the same call, whose process died with it.
    if (execution.id !== row.id && inline) return execution
    if (!inline) {
      await admission.enqueue(admittedOf([execution]))
      return execution
    }
    const finished = await deps.run(execution, version, claimedAt, signal)
    return asFinished(execution, finished)
  }

  return start
}
