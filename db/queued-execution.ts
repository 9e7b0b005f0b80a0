import type { ExecutionRow, Tier } from './executions.ts'

/** An execution as the queue needs to know it. */
export interface QueuedExecution {
  id: string
  /** The run it is queued for. */
  run: number
  tier: Tier
  /** 1 (first) to 4. */
  priority: number
  /** admitted: a worker may take it; later: it has yet to get its places (`admitDue` of lane-admission.ts). */
  admission: ExecutionRow['admission']
  delay_ms: number
}

/** What {@link QueuedExecution} is made of, in SQL. */
export const QUEUED_COLUMNS = 'id, run + 1 AS run, tier, priority, admission, 0 AS delay_ms'
