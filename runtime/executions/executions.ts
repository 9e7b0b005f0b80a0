import type { TenantScope } from '../../core/actor.ts'
import type { Json } from '../../core/json.ts'
import type { Tx } from '../../db/database.ts'
import type { ExecutionRow, LogLineRow, Mocks, NamedExecutionRow } from '../../db/executions.ts'
import type { SentEvent } from '../../db/step-waits.ts'

export type TriggeredBy = ExecutionRow['triggered_by']

export interface StartExecution {
  /** Workflow id or slug. */
  workflow: string
  /** Runs what is deployed there… */
  environment: string
  /** …unless a version is named (test runs of a version that is not deployed). */
  version?: number | undefined
  /**
   * Id of the customer it runs for; null for the organization itself. A function chooses it in the transaction that looks
   * up the workflow, and may refuse the call there.
   */
  customerId: string | null | ((tx: Tx) => Promise<string | null>)
  input: Json
  headers: Record<string, string>
  triggeredBy: TriggeredBy
  /** What answers in place of the apps; null or left out: the apps do. */
  mocks?: Mocks | null
  parent?: { executionId: string; depth: number; step: string } | undefined
  /** The run that starts it: only while it has its execution. */
  by?: { executionId: string; run: number }
  /** The execution whose record it goes on with. */
  originOf?: string
  /** The caller asks for its end with `untilEnded`. */
  watched?: boolean
  /** The caller's transaction, in which it is to be made: an answer that was kept from before starts nothing anew. */
  transaction?: Transaction | undefined
}

/** An execution that ended here, with all there is to know of it. */
export interface EndedExecution {
  row: NamedExecutionRow
  /** Of its only attempt. */
  logs: readonly LogLineRow[]
}

export type Transaction = <T>(fn: (tx: Tx) => Promise<T>) => Promise<T>

/** Starting, stopping and repeating runs of workflows. */
export interface Executions {
  /**
   * Creates an execution. Instant workflows run here and now and come back finished; others come back queued.
   * @throws AppError `not_found` (workflow, environment or version), `conflict` (nothing published or deployed,
   *   workflow or customer inactive), `invalid_input` when the input breaks the workflow's schema
   */
  start(scope: TenantScope, request: StartExecution, signal?: AbortSignal): Promise<ExecutionRow>
  /**
   * Resolves when an execution has ended, it begins to wait, or after `ms`. Gives what became of it where that is known
   * without asking the database: a `watched` one that ended here, in its first run, and called nothing outside.
   */
  untilEnded(
    scope: TenantScope,
    id: string,
    ms: number,
    signal: AbortSignal,
  ): Promise<EndedExecution | undefined>
  /**
   * Stops an execution: a queued one never starts, a running one is interrupted.
   * @throws AppError `not_found`; `conflict` when it has already ended
   */
  cancel(scope: TenantScope, executionId: string): Promise<ExecutionRow>
  /**
   * Runs an ended execution's input again, as a new execution that names it in `replay_of`.
   * Its dead letter, if there is one, becomes `replayed`.
   * @param version the one that ran, or the one now deployed to its environment
   * @param options with `pendingDeadLetter`, only if its dead letter is still pending: of two calls at once one wins;
   *   `once`: only if it was not replayed yet; `from: 'failed_step'`: with what it recorded as done taken as done
   * @throws AppError `not_found`; `conflict` when it has not ended, cannot be run now, or was replayed meanwhile
   */
  replay(
    scope: TenantScope,
    executionId: string,
    version: 'same' | 'newest',
    options?: {
      pendingDeadLetter?: boolean
      once?: boolean
      from?: 'start' | 'failed_step'
      transaction?: Transaction | undefined
    },
  ): Promise<ExecutionRow>
  /**
   * Hands an event to the executions that wait for it with ctx.wait.event. Addressed to one execution, it is kept for it
   * until it waits. Gives the ids of those that got it.
   * @throws AppError `not_found`, `conflict` when the one addressed has ended
   */
  sendEvent(scope: TenantScope, event: SentEvent): Promise<string[]>
  /**
   * Decides an approval that an execution waits for.
   * @throws AppError `not_found`; `conflict` when it is not open any more
   */
  decide(
    scope: TenantScope,
    approvalId: string,
    decision: { approved: boolean; by: string; comment: string | null },
  ): Promise<void>
}
