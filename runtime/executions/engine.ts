import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Json } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import {
  admittedOf,
  type Claim,
  claimExecutions,
  type FinishedRun,
  finishRuns,
} from '../../db/execution-queue.ts'
import {
  decideApproval,
  findChild,
  getApproval,
  holdsExecution,
  keepSteps,
  pendingChildren,
  type SentEvent,
  type StepBatch,
  sendEvent,
} from '../../db/execution-steps.ts'
import {
  type ExecutionRow,
  findWorkflowTarget,
  getExecution,
  insertExecutions,
  insertManualEvents,
  markDeadLetterReplayed,
  type NewExecution,
  type RequestedExecution,
  type RunnableVersionRow,
  requestCancel,
  startExecutions,
  wasReplayed,
} from '../../db/executions.ts'
import { triggerLane } from '../../db/lane-places.ts'
import type { Connections } from '../connections/connections.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { DueRun } from '../queue/execution-queue.ts'
import { buildSlots } from '../queue/slots.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Vault } from '../vault/vault.ts'
import type { Admission } from './admission.ts'
import { scopeOfRun } from './bridge.ts'
import { type ChildAnswer, childFailure } from './durable-bridge.ts'
import type { Executions, StartExecution } from './executions.ts'
import { checkInput } from './input.ts'
import { buildLease, type Lease, type Moment, moment } from './lease.ts'
import { abandonedRun, concludeRun, lostRun, unrun } from './outcome.ts'
import { outlast } from './outlast.ts'
import {
  asFinished,
  childOf,
  goOnFrom,
  newExecution,
  nextRun,
  notRunnable,
  refuseInactive,
  replayOf,
  whyNot,
} from './requests.ts'
import { type RunDeps, runOnce } from './run-once.ts'
import { hasEnded } from './transitions.ts'
import type { Versions } from './versions.ts'
import { buildWatch } from './watch.ts'

const MAX_BATCH = 200
/** Five minutes of trying to record an outcome. */
const RECORD_TRIES = 300
const RECORD_RETRY_MS = 1_000
/** How deep workflows may call workflows. */
const MAX_DEPTH = 5

export interface EngineDeps {
  db: Database
  vault: Vault
  http: HttpClient
  connections: Connections
  files: Files
  sandbox: Sandbox
  admission: Admission
  versions: Versions
  log: Logger
  /** Names this process in the rows of the executions it runs. */
  worker: string
  /** Executions of the queue it runs at once. */
  concurrency: number
}

export interface Engine extends Executions {
  /**
   * Begins a run that is due, as soon as there is a place for it; resolves when it is begun, or is another's. False:
   * it was not begun, because this process stops.
   */
  take(due: DueRun): Promise<boolean>
  /** Ids of the executions running here. */
  running(): string[]
  /** Word from the database, asked then, that these are still run by this process. */
  confirm(executionIds: Iterable<string>, at: Moment): void
  /** Interrupts an execution running here: somebody asked to cancel it, or it was given to another worker. */
  interrupt(executionId: string, why: 'cancelled' | 'lost'): void
  /** Begins no run of the queue any more: `take` says so from now on. */
  stopTaking(): void
  /**
   * Waits up to `graceMs` for the executions running here, then hands back the rest to the queue; those a caller
   * waits for are stopped.
   */
  drain(graceMs: number): Promise<void>
}

const HANDED_BACK = 'handed back'

export function buildEngine(deps: EngineDeps): Engine {
  const { db, admission, log, worker } = deps
  const watch = buildWatch(db)
  const active = new Map<string, { abort: AbortController; lease: Lease; done: Promise<void> }>()

  const slots = buildSlots(deps.concurrency)
  const begun = new Set<Promise<void>>()
  let handsBack = false

  const claims = buildBatcher<Claim, ExecutionRow | undefined>(async (items) => {
    const rows = new Map((await claimExecutions(db, items, worker)).map((row) => [row.id, row]))
    return items.map((item) => rows.get(item.id))
  }, MAX_BATCH)

  const finishes = buildBatcher<FinishedRun, boolean>(async (items) => {
    const { recorded, woken, freed } = await finishRuns(db, items)
    admission.serve(freed)
    await admission.enqueue(woken)
    const kept = new Set(recorded)
    return items.map((item) => kept.has(item.id))
  }, MAX_BATCH)

  const starts = buildBatcher<RequestedExecution, ExecutionRow | AppError>(
    (items) => startExecutions(db, items),
    MAX_BATCH,
  )

  const steps = buildBatcher<StepBatch, boolean>((batches) => keepSteps(db, batches), MAX_BATCH)

  const runDeps: RunDeps = {
    db,
    vault: deps.vault,
    http: deps.http,
    connections: deps.connections,
    files: deps.files,
    sandbox: deps.sandbox,
    keepSteps: (batch) => steps.add(batch),
    others: {
      run: (parent, slug, input, key, signal) =>
        outlast((again) => runChild(parent, slug, input, key, signal, again), signal),
      outcome: async (scope, id) => {
        const child = await db.read(scope, (tx) => getExecution(tx, id))
        if (child === undefined) throw notFound('execution', id)
        return answerOf(child)
      },
      start: async (parent, slug, input) => {
        const { parent: _, ...request } = childOf(parent, slug, input)
        return { executionId: (await start(scopeOfRun(parent), request)).id }
      },
      sendEvent: (scope, event) => send(scope, event),
    },
  }

  /** Runs a workflow for another, or goes on with what an interrupted run of the other had begun. */
  const runChild = async (
    parent: ExecutionRow,
    slug: string,
    input: Json,
    step: string,
    signal: AbortSignal,
    again: boolean,
  ): Promise<ChildAnswer> => {
    const scope = scopeOfRun(parent)
    const find = () => db.read(scope, (tx) => findChild(tx, parent.id, step))
    let earlier = again || parent.run > 1 || parent.attempt > 1 ? await find() : undefined
    if (earlier?.status === 'running' && earlier.run === 1) {
      await takeOver(scope, earlier.id)
      earlier = await find()
    }
    if (earlier !== undefined && !hasEnded(earlier.status)) return { waitsFor: earlier.id }
    if (earlier?.status === 'completed') return { output: earlier.output }
    const request = childOf(parent, slug, input, step)
    const child = await start(
      scope,
      // What it had done stays done, and what it does again has the same idempotency keys.
      earlier === undefined ? request : { ...request, originOf: earlier.id },
      signal,
    )
    return answerOf(child)
  }

  /**
   * Ends the first run of a workflow that an earlier run of its caller called: it went with that run, or is about to,
   * and would tell nobody how it ended.
   */
  const takeOver = async (scope: TenantScope, id: string): Promise<void> => {
    active.get(id)?.abort.abort('lost')
    const child = await db.read(scope, (tx) => getExecution(tx, id))
    if (child?.status !== 'running') return
    const lost = lostRun(`The worker '${child.worker}' lost the workflow that called this one.`)
    const alone = { inline: true, handedBack: false, random: 0 }
    await record(concludeRun(child, await deps.versions(child.workflow_version_id), lost, alone))
  }

  const answerOf = (child: ExecutionRow): ChildAnswer => {
    if (child.status === 'completed') return { output: child.output }
    if (!hasEnded(child.status)) return { waitsFor: child.id }
    throw childFailure(child.id, { status: child.status, error: child.error })
  }

  const send = async (scope: TenantScope, event: SentEvent): Promise<string[]> => {
    const received: string[] = []
    let after: string | null = ''
    while (after !== null) {
      const part: Parameters<typeof sendEvent>[1] = { ...event, after, signal: { id: newId('signal') } }
      const sent = await db.tenant(scope, (tx) => sendEvent(tx, part))
      if (sent === undefined)
        throw notFound('execution', event.executionId ?? '', 'list_executions shows the ones there are.')
      if (sent === 'ended')
        throw conflict(`The execution '${event.executionId}' has ended: nothing there waits for an event.`, {
          hint: 'get_execution shows how it ended; leave out execution to reach others that wait.',
        })
      if (sent === 'full')
        throw new AppError('limit_exceeded', `Too many events are kept for '${event.executionId}' already.`, {
          hint: 'It finds them when it waits for them with ctx.wait.event.',
        })
      await admission.enqueue(sent.woken)
      received.push(...sent.received)
      after = sent.next
    }
    return received
  }

  /**
   * Runs one claimed execution until it ends or is put aside, and records how.
   * @param claimedAt when it was asked for, not when it was got: time may have passed unnoticed in between
   * @param inline the signal of the caller who waits for it; such a run is never handed back to the queue, for its
   *   caller would not get the outcome (and a parent workflow that runs again goes on with what it recorded)
   */
  const run = async (
    execution: ExecutionRow,
    version: RunnableVersionRow,
    claimedAt: Moment,
    inline?: { signal: AbortSignal | undefined },
  ): Promise<FinishedRun> => {
    const abort = new AbortController()
    const lease = buildLease(claimedAt)
    let settle: () => void = () => {}
    active.set(execution.id, { abort, lease, done: new Promise((resolve) => (settle = resolve)) })
    if (handsBack) abort.abort(HANDED_BACK)
    try {
      const caller = inline?.signal
      const stop = caller === undefined ? abort.signal : AbortSignal.any([abort.signal, caller])
      const hold = { lease, onLost: () => abort.abort('lost') }
      const ended = await runOnce(runDeps, execution, version, stop, hold).catch((error: unknown) => {
        log.error({ execution: execution.id, err: error }, 'an attempt could not be run')
        return unrun(error)
      })
      const abandoned =
        ended.result.status === 'cancelled' && caller?.aborted === true && abort.signal.reason !== 'cancelled'
      const finished = concludeRun(execution, version, abandoned ? abandonedRun(ended) : ended, {
        inline: inline !== undefined,
        handedBack: abort.signal.reason === HANDED_BACK,
        random: Math.random(),
      })
      const mine = await record(finished)
      watch.noted(execution.id)
      if (!mine) {
        log.warn({ execution: execution.id }, 'a run ended after its execution was given to another worker')
      } else if (finished.status === 'queued') {
        await admission.enqueue([nextRun(finished)])
      }
      return finished
    } finally {
      active.delete(execution.id)
      settle()
    }
  }

  /** Runs a claimed execution of the queue, which nobody here waits for, and gives its place back. */
  const begin = (execution: ExecutionRow, claimedAt: Moment): void => {
    const work: Promise<void> = deps
      .versions(execution.workflow_version_id)
      .then(async (version) => {
        await run(execution, version, claimedAt)
      })
      .catch((error: Error) =>
        log.error({ execution: execution.id, err: error }, 'a run is given up; the sweeper concludes it'),
      )
      .finally(() => {
        begun.delete(work)
        slots.leave()
      })
    begun.add(work)
  }

  /** The run is over; a database that is away for a while must not turn it into a lost one. */
  const record = async (finished: FinishedRun): Promise<boolean> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await finishes.add(finished)
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'unavailable' || tries === RECORD_TRIES)
          throw error
        log.warn(
          { execution: finished.id, tries },
          'the database is away; the outcome is recorded when it is back',
        )
        await new Promise((next) => setTimeout(next, RECORD_RETRY_MS))
      }
    }
  }

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

  /** One that another execution starts, or that goes on with what another recorded. */
  const startedByRun = async (
    scope: TenantScope,
    { by, originOf, parent }: StartExecution,
    row: NewExecution,
  ): Promise<ExecutionRow> => {
    const [execution] = await db.tenant(scope, async (tx) => {
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
    const { customerId } = request
    const { target, customer } = await db.read(scope, async (tx) => ({
      target: await findWorkflowTarget(tx, {
        workflow: request.workflow,
        environment: request.environment,
        version: request.version ?? null,
      }),
      customer: customerId === null ? null : await findCustomer(tx, customerId),
    }))
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
      ...newExecution(scope.organizationId, request, version),
      status: inline ? 'running' : 'queued',
      parent_step: request.parent?.step ?? null,
      // A caller waits for an inline run and gets its error: nothing is retried or set aside behind its back.
      max_attempts: inline ? 1 : (version.retry?.maxAttempts ?? 1),
      dead_letter: !inline,
      worker: inline ? worker : null,
    }
    const execution =
      request.by === undefined && request.parent === undefined && request.originOf === undefined
        ? await requested(row)
        : await startedByRun(scope, request, row)
    if (!inline) {
      await admission.enqueue(admittedOf([execution]))
      return execution
    }
    const finished = await run(execution, version, claimedAt, { signal })
    return asFinished(execution, finished)
  }

  /** Undefined: it has ended. With it goes what it called and waits for. */
  const cancel = async (scope: TenantScope, executionId: string): Promise<ExecutionRow | undefined> => {
    const { row, children } = await db.tenant(scope, async (tx) => ({
      row: await requestCancel(tx, executionId),
      children: await pendingChildren(tx, executionId),
    }))
    if (row === undefined) return undefined
    admission.serve(row.freed)
    active.get(executionId)?.abort.abort('cancelled')
    await admission.enqueue(row.woken)
    for (const child of children) await cancel(scope, child)
    return row
  }

  return {
    start,
    untilEnded: watch.untilEnded,
    cancel: async (scope, executionId) => {
      const row = await cancel(scope, executionId)
      if (row === undefined) throw await whyNot(db, scope, executionId, 'cancelled')
      return row
    },
    sendEvent: send,
    decide: async (scope, approvalId, decision) => {
      const woken = await db.tenant(scope, async (tx) => {
        const approval = await getApproval(tx, approvalId)
        if (approval === undefined) throw notFound('approval', approvalId, 'list_approvals shows them.')
        const decided =
          approval.status === 'pending' ? await decideApproval(tx, approval, decision) : undefined
        if (decided !== undefined) return decided
        throw conflict(
          `The approval '${approvalId}' is ${approval.status === 'pending' ? 'expired' : approval.status}: it cannot be decided any more.`,
          { hint: 'get_execution shows what became of its execution.' },
        )
      })
      await admission.enqueue(woken)
    },
    replay: async (scope, executionId, which, options) => {
      const execution = await db.tenant(scope, async (tx) => {
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
            ...newExecution(scope.organizationId, replayOf(original), version),
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
    },
    take: async (due) => {
      if (!(await slots.take())) return false
      const claimedAt = moment()
      const execution = await claims.add(due).catch((error: Error) => {
        log.warn({ execution: due.id, err: error.message }, 'not taken; the sweeper queues it again')
        return undefined
      })
      // Undefined also when it was cancelled, or has run already: there may be two jobs for a run.
      if (execution === undefined) slots.leave()
      else begin(execution, claimedAt)
      return true
    },
    running: () => [...active.keys()],
    confirm: (executionIds, at) => {
      for (const id of executionIds) active.get(id)?.lease.confirm(at)
    },
    interrupt: (executionId, why) => active.get(executionId)?.abort.abort(why),
    stopTaking: slots.close,
    drain: async (graceMs) => {
      const all = () => Promise.all([...begun, ...[...active.values()].map(({ done }) => done)])
      let timer: NodeJS.Timeout | undefined
      await Promise.race([all(), new Promise((resolve) => (timer = setTimeout(resolve, graceMs)))])
      clearTimeout(timer)
      handsBack = true
      for (const { abort } of active.values()) abort.abort(HANDED_BACK)
      await all()
      handsBack = false
      await finishes.idle()
      await admission.settled()
    },
  }
}
