import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import { findCustomer } from '../../db/customers.ts'
import type { Database } from '../../db/database.ts'
import {
  type Claim,
  claimExecutions,
  type FinishedAttempt,
  finishAttempts,
} from '../../db/execution-queue.ts'
import {
  type ExecutionRow,
  findWorkflowTarget,
  getExecution,
  insertExecutions,
  insertManualEvent,
  markDeadLetterReplayed,
  type RunnableVersionRow,
  requestCancel,
} from '../../db/executions.ts'
import type { Connections } from '../connections/connections.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { ExecutionJob, ExecutionQueue } from '../queue/execution-queue.ts'
import type { Sandbox, SandboxResult } from '../sandbox/sandbox.ts'
import type { Vault } from '../vault/vault.ts'
import { runAttempt } from './attempt.ts'
import { type BridgeDeps, scopeOfRun } from './bridge.ts'
import type { Executions, StartExecution } from './executions.ts'
import { checkInput } from './input.ts'
import { concludeAttempt, unrunAttempt } from './outcome.ts'
import {
  asFinished,
  childOf,
  newExecution,
  notRunnable,
  outputOf,
  refuseInactive,
  replayOf,
  whyNot,
} from './requests.ts'
import { hasEnded } from './transitions.ts'
import type { Versions } from './versions.ts'

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
  queue: ExecutionQueue
  versions: Versions
  log: Logger
  /** Names this process in the rows of the executions it runs. */
  worker: string
}

export interface Engine extends Executions {
  /** Runs the execution a queue job names; resolves when its outcome is recorded. */
  handle(job: ExecutionJob): Promise<void>
  /** Ids of the executions running here. */
  running(): string[]
  /** Interrupts an execution running here, because somebody asked to cancel it. */
  interrupt(executionId: string): void
  /**
   * Waits up to `graceMs` for the executions running here, then hands back the rest to the queue; those a caller
   * waits for are stopped.
   */
  drain(graceMs: number): Promise<void>
}

const CANCELLED = 'cancelled'
const HANDED_BACK = 'handed back'

export function buildEngine(deps: EngineDeps): Engine {
  const { db, queue, log, worker } = deps
  const active = new Map<string, { abort: AbortController; done: Promise<void> }>()

  const claims = buildBatcher<Claim, ExecutionRow | undefined>(async (items) => {
    const rows = new Map((await claimExecutions(db, items, worker)).map((row) => [row.id, row]))
    return items.map((item) => rows.get(item.id))
  }, MAX_BATCH)

  const finishes = buildBatcher<FinishedAttempt, boolean>(async (items) => {
    const recorded = new Set(await finishAttempts(db, items))
    return items.map((item) => recorded.has(item.id))
  }, MAX_BATCH)

  const bridgeDeps: BridgeDeps & { sandbox: Sandbox } = {
    db,
    vault: deps.vault,
    http: deps.http,
    connections: deps.connections,
    files: deps.files,
    sandbox: deps.sandbox,
    children: {
      run: async (parent, slug, input, signal) =>
        outputOf(await start(scopeOfRun(parent), childOf(parent, slug, input), signal)),
      start: async (parent, slug, input) => {
        const { parent: _, ...request } = childOf(parent, slug, input)
        return { executionId: (await start(scopeOfRun(parent), request)).id }
      },
    },
  }

  /**
   * Runs one claimed execution to the end of this attempt and records how it ended.
   * @param inline the signal of the caller who waits for it; such a run is never handed back to the queue, for its
   *   caller would not get the outcome (and a parent workflow that runs again starts it anew)
   */
  const run = async (
    execution: ExecutionRow,
    version: RunnableVersionRow,
    inline?: { signal: AbortSignal | undefined },
  ): Promise<FinishedAttempt> => {
    const abort = new AbortController()
    let settle: () => void = () => {}
    active.set(execution.id, { abort, done: new Promise((resolve) => (settle = resolve)) })
    try {
      const caller = inline?.signal
      const stop = caller === undefined ? abort.signal : AbortSignal.any([abort.signal, caller])
      const result = await runAttempt(bridgeDeps, execution, version, stop).catch((error: unknown) => {
        log.error({ execution: execution.id, err: error }, 'an attempt could not be run')
        return unrunAttempt(error)
      })
      const handBack = inline === undefined && abort.signal.reason === HANDED_BACK
      const finished = conclude(execution, version, result, handBack)
      const recorded = await record(finished)
      if (!recorded)
        log.warn(
          { execution: execution.id },
          'an attempt ended after its execution was given to another worker',
        )
      else if (finished.status === 'queued') {
        await queue.add([
          {
            id: execution.id,
            attempt: execution.attempt + 1,
            tier: execution.tier,
            delay_ms: finished.delay_ms,
          },
        ])
      }
      return finished
    } finally {
      active.delete(execution.id)
      settle()
    }
  }

  /** The run is over; a database that is away for a while must not turn it into a lost one. */
  const record = async (finished: FinishedAttempt): Promise<boolean> => {
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

  const conclude = (
    execution: ExecutionRow,
    version: RunnableVersionRow,
    result: SandboxResult,
    handBack: boolean,
  ): FinishedAttempt => {
    const finished = concludeAttempt(execution, version.retry, result, Math.random())
    if (result.status === 'completed' || !handBack) return finished
    // Not a failed attempt: this process is going away, and another runs it again.
    return { ...finished, status: 'queued', delay_ms: 0, dead_letter: null }
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
    const eventId = request.parent === undefined ? newId('event') : null
    const [execution] = await db.tenant(scope, async (tx) => {
      if (eventId !== null) {
        const { organizationId } = scope
        await insertManualEvent(tx, {
          id: eventId,
          organizationId,
          customerId,
          headers: request.headers,
          payload: request.input,
        })
      }
      return insertExecutions(tx, [
        {
          ...newExecution(scope.organizationId, request, version),
          event_id: eventId,
          status: inline ? 'running' : 'queued',
          attempt: inline ? 1 : 0,
          // A caller waits for an inline run and gets its error: nothing is retried or set aside behind its back.
          max_attempts: inline ? 1 : (version.retry?.maxAttempts ?? 1),
          dead_letter: !inline,
          worker: inline ? worker : null,
        },
      ])
    })
    if (execution === undefined) throw new Error('INSERT … RETURNING gave no row')
    if (!inline) {
      await enqueue(execution)
      return execution
    }
    const finished = await run(execution, version, { signal })
    return asFinished(execution, finished)
  }

  /** The row is already committed: a queue that does not answer now only delays it until the sweeper comes by. */
  const enqueue = async (execution: ExecutionRow): Promise<void> => {
    await queue
      .add([{ id: execution.id, attempt: execution.attempt + 1, tier: execution.tier, delay_ms: 0 }])
      .catch((error: Error) =>
        log.warn(
          { execution: execution.id, err: error.message },
          'job not queued; the sweeper will queue it',
        ),
      )
  }

  return {
    start,
    cancel: async (scope, executionId) => {
      const row = await db.tenant(scope, (tx) => requestCancel(tx, executionId))
      if (row === undefined) throw await whyNot(db, scope, executionId, 'cancelled')
      active.get(executionId)?.abort.abort(CANCELLED)
      return row
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
            status: 'queued',
            attempt: 0,
            max_attempts: version.retry?.maxAttempts ?? 1,
            dead_letter: true,
            worker: null,
          },
        ])
        if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
        const letters = await markDeadLetterReplayed(tx, original.id, row.id)
        if (letters === 0 && options?.pendingDeadLetter === true) {
          throw conflict(`The dead letter of '${executionId}' was replayed by another call just now.`, {
            hint: 'list_executions shows the replay; replay_execution runs one again.',
          })
        }
        return row
      })
      await enqueue(execution)
      return execution
    },
    handle: async ({ id, attempt }) => {
      const execution = await claims.add({ id, attempt })
      if (execution === undefined) return // cancelled, or already run: the job was a duplicate
      await run(execution, await deps.versions(execution.workflow_version_id))
    },
    running: () => [...active.keys()],
    interrupt: (executionId) => active.get(executionId)?.abort.abort(CANCELLED),
    drain: async (graceMs) => {
      const all = () => Promise.all([...active.values()].map(({ done }) => done))
      let timer: NodeJS.Timeout | undefined
      await Promise.race([all(), new Promise((resolve) => (timer = setTimeout(resolve, graceMs)))])
      clearTimeout(timer)
      for (const { abort } of active.values()) abort.abort(HANDED_BACK)
      await all()
      await finishes.idle()
    },
  }
}
