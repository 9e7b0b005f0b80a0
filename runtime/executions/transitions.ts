import type { ExecutionStatus } from '../../db/executions.ts'

/**
 * The moves an execution may make; the statements of db/execution-queue.ts and db/executions.ts make no other.
 * `running → queued` is a retry, or a worker handing its run back when it shuts down.
 */
export const transitions: Readonly<Record<ExecutionStatus, readonly ExecutionStatus[]>> = {
  queued: ['running', 'cancelled'],
  running: ['completed', 'failed', 'timeout', 'cancelled', 'queued'],
  completed: [],
  failed: [],
  timeout: [],
  cancelled: [],
}

export const hasEnded = (status: ExecutionStatus): boolean => transitions[status].length === 0
