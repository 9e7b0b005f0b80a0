import { toAppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { ExecutionRow, RunnableVersionRow } from '../../db/executions.ts'
import type { FinishedRun, NewDeadLetter } from '../../db/finished-runs.ts'
import type { WorkflowError } from '../sandbox/sandbox.ts'
import { retryDelayMs } from './retry.ts'
import type { RunResult } from './run-once.ts'
import { nextTier } from './tiers.ts'

/** Workers that may die under an execution, one after the other, before it is taken for the cause. */
const MAX_LOSSES = 4
const LOSS_DELAY_MS = 1_000

/** A run that ended without the sandbox having the last word. */
const withoutResult = (name: string, message: string): RunResult => ({
  result: {
    status: 'failed',
    error: { kind: 'sandbox_crashed', name, message, stack: '', retryable: true },
    logs: [],
    stats: { durationMs: 0, cpuMs: 0, heapBytes: 0, bridgeCalls: 0 },
  },
  steps: [],
  parked: [],
  calls: 0,
  calledWorkflows: true,
})

/** Its worker stopped. */
export const lostRun = (message: string) => withoutResult('WorkerLost', message)

/** It never got as far as the workflow's code: the database was away, say. */
export const unrun = (error: unknown) =>
  withoutResult('AttemptNotRun', `The attempt could not be run: ${toAppError(error).message}`)

/** It was called by a workflow that is over. One that goes on later goes on with this one's record. */
export const abandonedRun = (run: RunResult): RunResult => ({
  ...run,
  result: {
    status: 'cancelled',
    error: {
      kind: 'cancelled',
      name: 'CallerEnded',
      message: 'The workflow that called this one ended or was interrupted.',
      stack: '',
      retryable: false,
    },
    logs: run.result.logs,
    stats: run.result.stats,
  },
})

export interface Circumstances {
  /** A caller waits here for the outcome: it is not tried again behind its back. */
  inline: boolean
  /** This process is going away: the run is interrupted, and another process goes on with it. */
  handedBack: boolean
  /** 0 to 1, for the delays of retries. */
  random: number
  /** How long it waited for its place after it was stored as running. */
  waitedMs?: number
}

/**
 * What becomes of an execution after a run: done, put aside while it waits, gone on with or tried again later, or
 * failed for good (and then put in the dead letter queue, unless its trigger does without).
 */
export function concludeRun(
  execution: ExecutionRow,
  version: Pick<RunnableVersionRow, 'retry' | 'escalate_on_timeout'>,
  { result, steps, parked, calledWorkflows }: RunResult,
  { inline, handedBack, random, waitedMs = 0 }: Circumstances,
): FinishedRun {
  const run: FinishedRun = {
    id: execution.id,
    organization_id: execution.organization_id,
    customer_id: execution.customer_id,
    attempt: execution.attempt,
    run: execution.run,
    worker: execution.worker ?? '',
    lanes: execution.lanes,
    priority: execution.priority,
    scheduler_id: execution.triggered_by === 'scheduler' ? execution.trigger_id : null,
    status: 'failed',
    resume: false,
    lost: false,
    heard_at: null,
    tier: execution.tier,
    output: null,
    error: null,
    stats: result.stats,
    delay_ms: 0,
    begun: true,
    waited_ms: waitedMs,
    run_ms: result.stats.durationMs,
    logs: result.logs,
    steps,
    parked,
    called_workflows: calledWorkflows,
    parent_execution_id: execution.parent_execution_id,
    dead_letter: null,
  }
  if (result.status === 'completed') return { ...run, status: 'completed', output: result.output }
  const { error, status } = result
  if (status === 'suspended') {
    // Answered as it was put aside: it would wait for nothing.
    const goesOn = result.answered || parked.length === 0
    return { ...run, status: goesOn ? 'queued' : 'waiting', resume: true }
  }
  // Not a failed attempt: it goes on in another process.
  if (handedBack && !inline) return { ...run, status: 'queued', resume: true, error }
  if (error.kind === 'sandbox_crashed' && !inline && execution.losses < MAX_LOSSES) {
    const delay_ms = execution.losses * LOSS_DELAY_MS
    return { ...run, status: 'queued', resume: true, lost: true, error, delay_ms }
  }
  const longer = nextTier[execution.tier]
  if (status === 'timeout' && version.escalate_on_timeout && longer !== undefined) {
    return { ...run, status: 'queued', resume: true, tier: longer, error }
  }
  const delay =
    !inline && execution.max_attempts > 1 && status !== 'cancelled' && error.retryable
      ? retryDelayMs(execution.retry ?? version.retry, execution.attempt, random, error.retryAfterSeconds)
      : undefined
  if (delay !== undefined) return { ...run, status: 'queued', error, delay_ms: delay }
  return {
    ...run,
    status,
    error,
    dead_letter: execution.dead_letter && status !== 'cancelled' ? deadLetter(execution, error) : null,
  }
}

/** One that got no place in the process that took it on: the next run goes on in its stead. */
export const notBegun = (
  execution: ExecutionRow,
  version: Parameters<typeof concludeRun>[1],
  waitedMs: number,
): FinishedRun => ({
  ...concludeRun(execution, version, lostRun('There was no place for it here.'), {
    inline: false,
    handedBack: true,
    random: 0,
    waitedMs,
  }),
  error: null,
  begun: false,
})

function deadLetter(execution: ExecutionRow, error: WorkflowError): NewDeadLetter {
  return {
    id: newId('deadLetter'),
    event_id: execution.event_id,
    workflow_id: execution.workflow_id,
    workflow_version_id: execution.workflow_version_id,
    event_payload: execution.input,
    error_message: error.message,
    error_context: {
      kind: error.kind,
      name: error.name,
      stack: error.stack,
      attempts: execution.attempt,
      headers: execution.headers,
      ...(error.code === undefined ? {} : { code: error.code }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.data === undefined ? {} : { data: error.data }),
    },
  }
}
