import { toAppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { FinishedAttempt, NewDeadLetter } from '../../db/execution-queue.ts'
import type { ExecutionRow, RetryPolicy } from '../../db/executions.ts'
import type { SandboxResult, WorkflowError } from '../sandbox/sandbox.ts'
import { retryDelayMs } from './retry.ts'

/** An attempt that ended without the sandbox having the last word. */
const withoutResult = (name: string, message: string): SandboxResult => ({
  status: 'failed',
  error: { kind: 'sandbox_crashed', name, message, stack: '', retryable: true },
  logs: [],
  stats: { durationMs: 0, cpuMs: 0, heapBytes: 0, bridgeCalls: 0 },
})

/** Its worker stopped. */
export const lostAttempt = (message: string) => withoutResult('WorkerLost', message)

/** It never got as far as the workflow's code: the database was away, say. */
export const unrunAttempt = (error: unknown) =>
  withoutResult('AttemptNotRun', `The attempt could not be run: ${toAppError(error).message}`)

/**
 * What becomes of an execution after an attempt: done, tried again later, or failed for good (and then put in
 * the dead letter queue, unless its trigger does without).
 */
export function concludeAttempt(
  execution: ExecutionRow,
  policy: RetryPolicy | null,
  result: SandboxResult,
  random: number,
): FinishedAttempt {
  const attempt = {
    id: execution.id,
    organization_id: execution.organization_id,
    customer_id: execution.customer_id,
    attempt: execution.attempt,
    worker: execution.worker ?? '',
    scheduler_id: execution.triggered_by === 'scheduler' ? execution.trigger_id : null,
    stats: result.stats,
    logs: result.logs,
  }
  if (result.status === 'completed') {
    return {
      ...attempt,
      status: 'completed',
      output: result.output,
      error: null,
      delay_ms: 0,
      dead_letter: null,
    }
  }
  const { error } = result
  const retries = execution.max_attempts > 1 ? policy : null
  const delay =
    result.status !== 'cancelled' && error.retryable
      ? retryDelayMs(retries, execution.attempt, random, error.retryAfterSeconds)
      : undefined
  if (delay !== undefined) {
    return { ...attempt, status: 'queued', output: null, error, delay_ms: delay, dead_letter: null }
  }
  return {
    ...attempt,
    status: result.status,
    output: null,
    error,
    delay_ms: 0,
    dead_letter: execution.dead_letter && result.status !== 'cancelled' ? deadLetter(execution, error) : null,
  }
}

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
      ...(error.data === undefined ? {} : { data: error.data }),
    },
  }
}
