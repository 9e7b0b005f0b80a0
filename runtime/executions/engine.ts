import type { TenantScope } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { type LeftChild, leftChildren } from '../../db/child-executions.ts'
import type { Database } from '../../db/database.ts'
import { type Claim, claimExecutions } from '../../db/execution-queue.ts'
import { keepSteps, type StepBatch } from '../../db/execution-steps.ts'
import { type ExecutionRow, type RunnableVersionRow, requestCancel } from '../../db/executions.ts'
import { type EndedRow, type FinishedRun, finishRuns } from '../../db/finished-runs.ts'
import type { Connections } from '../connections/connections.ts'
import type { Files } from '../files/files.ts'
import type { HttpClient } from '../http/client.ts'
import { buildBatcher } from '../queue/batcher.ts'
import type { DueRun } from '../queue/execution-queue.ts'
import { buildSlots } from '../queue/slots.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Vault } from '../vault/vault.ts'
import type { Admission } from './admission.ts'
import { buildChildren } from './children.ts'
import type { Executions } from './executions.ts'
import { buildHere, type Here } from './here.ts'
import { buildLease, elapsedMs, type Lease, type Moment, moment } from './lease.ts'
import { abandonedRun, concludeRun, notBegun, unrun } from './outcome.ts'
import { replayExecution } from './replay.ts'
import { asEnded, nextRun, whyNot } from './requests.ts'
import { type RunDeps, runOnce } from './run-once.ts'
import { decideWaiting, sendToWaiting } from './signals.ts'
import { buildStart } from './start.ts'
import { hasEnded } from './transitions.ts'
import type { Versions } from './versions.ts'
import { buildWatch } from './watch.ts'

const MAX_BATCH = 200
/** Five minutes of trying to record an outcome. */
const RECORD_TRIES = 300
const RECORD_RETRY_MS = 1_000
/** How long a run from the queue waits for a place here before others may take it. */
const PATIENCE_MS = 1_000

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
   * it was not begun, because this process stops, or has no place for it soon.
   */
  take(due: DueRun): Promise<boolean>
  /** Resolves when there is a place for a run. */
  hasPlace(): Promise<void>
  /** Executions stored by it run here where there is room, and need no job. */
  storing: Here['storing']
  /** From now on there is such room, until `stopTaking`. */
  startTaking(): void
  /** Ids of the executions running here. */
  running(): string[]
  /** Word from the database, asked then, that these are still run by this process. */
  confirm(executionIds: Iterable<string>, at: Moment): void
  /** Interrupts an execution running here: somebody asked to cancel it, or it was given to another worker. */
  interrupt(executionId: string, why: 'cancelled' | 'lost'): void
  /** Cancels what was called by executions that have ended. */
  cancelLeft(left: readonly LeftChild[]): Promise<void>
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

  /** Started here and without a place so far; true: somebody asked to cancel it. */
  const ahead = new Map<string, boolean>()
  const slots = buildSlots(deps.concurrency)
  const begun = new Set<Promise<void>>()
  let handsBack = false

  const claims = buildBatcher<Claim, ExecutionRow | undefined>(async (items) => {
    const rows = new Map((await claimExecutions(db, items, worker)).map((row) => [row.id, row]))
    return items.map((item) => rows.get(item.id))
  }, MAX_BATCH)

  const finishes = buildBatcher<FinishedRun, EndedRow | undefined>(async (items) => {
    const { recorded, woken, freed, left } = await finishRuns(db, items)
    admission.serve(freed)
    await admission.enqueue(woken)
    void cancelLeft(left)
    return items.map((item) => recorded.get(item.id))
  }, MAX_BATCH)

  const steps = buildBatcher<StepBatch, boolean>((batches) => keepSteps(db, batches), MAX_BATCH)

  const start = buildStart({
    db,
    admission,
    worker,
    storing: (...given) => here.storing(...given),
    expect: watch.expect,
    run: (execution, version, claimedAt, signal) =>
      run(execution, version, claimedAt, { inline: true, caller: signal }),
  })
  const children = buildChildren({
    db,
    versions: deps.versions,
    start,
    record: async (finished) => (await record(finished)) !== undefined,
    interrupt: (id) => active.get(id)?.abort.abort('lost'),
  })

  const runDeps: RunDeps = {
    db,
    vault: deps.vault,
    http: deps.http,
    connections: deps.connections,
    files: deps.files,
    sandbox: deps.sandbox,
    keepSteps: (batch) => steps.add(batch),
    others: {
      ...children,
      sendEvent: (scope, event) => sendToWaiting(deps, scope, event),
    },
  }

  /**
   * Runs one claimed execution until it ends or is put aside, and records how.
   * @param claimedAt when it was asked for, not when it was got: time may have passed unnoticed in between
   * @param how `inline`: a caller waits for it, with this signal; such a run is never handed back to the queue, for its
   *   caller would not get the outcome (and a parent workflow that runs again goes on with what it recorded).
   *   `waitedMs`: how long it waited here for its place
   */
  const run = async (
    execution: ExecutionRow,
    version: RunnableVersionRow,
    claimedAt: Moment,
    how: { inline: boolean; caller?: AbortSignal | undefined; waitedMs?: number },
  ): Promise<FinishedRun> => {
    const abort = new AbortController()
    const lease = buildLease(claimedAt)
    let settle: () => void = () => {}
    active.set(execution.id, { abort, lease, done: new Promise((resolve) => (settle = resolve)) })
    if (ahead.get(execution.id) === true) abort.abort('cancelled')
    ahead.delete(execution.id)
    if (handsBack) abort.abort(HANDED_BACK)
    try {
      const { inline, caller } = how
      const stop = caller === undefined ? abort.signal : AbortSignal.any([abort.signal, caller])
      const hold = { lease, onLost: () => abort.abort('lost') }
      const ended = await runOnce(runDeps, execution, version, stop, hold).catch((error: unknown) => {
        log.error({ execution: execution.id, err: error }, 'an attempt could not be run')
        return unrun(error)
      })
      const abandoned =
        ended.result.status === 'cancelled' && caller?.aborted === true && abort.signal.reason !== 'cancelled'
      const finished = concludeRun(execution, version, abandoned ? abandonedRun(ended) : ended, {
        inline,
        handedBack: abort.signal.reason === HANDED_BACK,
        random: Math.random(),
        waitedMs: how.waitedMs ?? 0,
      })
      const row = await record(finished)
      if (row !== undefined && finished.status !== 'queued')
        watch.noted(execution.id, hasEnded(finished.status), () =>
          execution.run === 1 && execution.origin_id === null && ended.calls === 0
            ? { row: asEnded(execution, version, finished, row), logs: finished.logs }
            : undefined,
        )
      if (row === undefined) {
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

  /** Lets a run of this worker go on by itself. */
  const goOn = (execution: ExecutionRow, work: Promise<void>): Promise<void> => {
    const going: Promise<void> = work
      .catch((error: Error) =>
        log.error({ execution: execution.id, err: error }, 'a run is given up; the sweeper concludes it'),
      )
      .finally(() => begun.delete(going))
    begun.add(going)
    return going
  }

  /** Runs a claimed execution, which nobody here waits for, in a place it has, and gives the place back. */
  const begin = (execution: ExecutionRow, claimedAt: Moment, waitedMs = 0): void => {
    const at = performance.now()
    const work = async () => {
      const version = await deps.versions(execution.workflow_version_id)
      await run(execution, version, claimedAt, { inline: false, waitedMs })
    }
    void goOn(
      execution,
      work().finally(() => {
        ahead.delete(execution.id)
        slots.leave()
        here.ran(performance.now() - at)
      }),
    )
  }

  /** It did not get a place here in time: whoever has one first takes it from the queue. */
  const handOn = async (execution: ExecutionRow, waitedMs: number): Promise<void> => {
    try {
      const version = await deps.versions(execution.workflow_version_id)
      const finished = notBegun(execution, version, waitedMs)
      if ((await record(finished)) !== undefined) await admission.enqueue([nextRun(finished)])
    } finally {
      ahead.delete(execution.id)
    }
  }

  const here = buildHere({
    worker,
    slots,
    concurrency: deps.concurrency,
    run: (execution, claimedAt, patienceMs) => {
      ahead.set(execution.id, false)
      const placed = slots.take(patienceMs).then((had) => {
        const waitedMs = elapsedMs(claimedAt)
        return had ? begin(execution, claimedAt, waitedMs) : handOn(execution, waitedMs)
      })
      return goOn(execution, placed)
    },
  })

  /** The run is over; a database that is away for a while must not turn it into a lost one. */
  const record = async (finished: FinishedRun): Promise<EndedRow | undefined> => {
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

  /** Undefined: it has ended. With it goes what it called. */
  const cancel = async (scope: TenantScope, executionId: string): Promise<ExecutionRow | undefined> => {
    const { row, children } = await db.tenant(scope, async (tx) => ({
      row: await requestCancel(tx, executionId),
      children: await leftChildren(tx, [executionId]),
    }))
    if (row === undefined) return undefined
    admission.serve(row.freed)
    active.get(executionId)?.abort.abort('cancelled')
    if (ahead.has(executionId)) ahead.set(executionId, true)
    await admission.enqueue(row.woken)
    for (const child of children) await cancel(scope, child.id)
    return row
  }

  /** What nobody waits for any more. One that cannot be cancelled now is left to the sweeper. */
  const cancelLeft = async (left: readonly LeftChild[]): Promise<void> => {
    for (const { id, organization_id } of left) {
      await cancel({ organizationId: organization_id, customerIds: null }, id).catch((error: Error) =>
        log.warn(
          { execution: id, err: error.message },
          'what called it has ended; it could not be cancelled yet',
        ),
      )
    }
  }

  return {
    start,
    cancelLeft,
    untilEnded: watch.untilEnded,
    cancel: async (scope, executionId) => {
      const row = await cancel(scope, executionId)
      if (row === undefined) throw await whyNot(db, scope, executionId, 'cancelled')
      return row
    },
    sendEvent: (scope, event) => sendToWaiting(deps, scope, event),
    decide: (...given) => decideWaiting(deps, ...given),
    replay: (...given) => replayExecution(deps, ...given),
    take: async (due) => {
      if (!(await slots.take(PATIENCE_MS))) return false
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
    storing: here.storing,
    startTaking: here.open,
    hasPlace: slots.someFree,
    running: () => [...active.keys(), ...ahead.keys()],
    confirm: (executionIds, at) => {
      for (const id of executionIds) active.get(id)?.lease.confirm(at)
    },
    interrupt: (executionId, why) => active.get(executionId)?.abort.abort(why),
    stopTaking: () => {
      here.close()
      slots.close()
    },
    drain: async (graceMs) => {
      const all = async () => {
        while (begun.size + active.size > 0)
          await Promise.all([...begun, ...[...active.values()].map(({ done }) => done)])
      }
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
