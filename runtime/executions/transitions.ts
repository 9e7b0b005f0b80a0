import type { ExecutionStatus } from '../../db/executions.ts'

/**
 * The moves an execution may make; the statements of db/execution-queue.ts, db/execution-steps.ts and
 * db/executions.ts make no other. `running → queued`: a retry, or it goes on in another process; `running → waiting`:
 * it sleeps, or waits for an event, an approval or a workflow.
 */
export const transitions: Readonly<Record<ExecutionStatus, readonly ExecutionStatus[]>> = {
  queued: ['running', 'cancelled'],
  running: ['completed', 'failed', 'timeout', 'cancelled', 'queued', 'waiting'],
  waiting: ['queued', 'cancelled'],
  completed: [],
  failed: [],
  timeout: [],
  cancelled: [],
}

export const hasEnded = (status: ExecutionStatus): boolean => transitions[status].length === 0
