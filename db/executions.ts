import type { Json } from '../core/json.ts'
import type { Tx } from './database.ts'

export type ExecutionStatus = 'queued' | 'running' | 'completed' | 'failed' | 'timeout' | 'cancelled'
export type Tier = 'instant' | 'standard' | 'long'

/** How failed attempts are tried again; null on a workflow means never. */
export interface RetryPolicy {
  /** 1–10, the first attempt included. */
  maxAttempts: number
  initialIntervalMs: number
  backoffCoefficient: number
  maxIntervalMs: number
}

export interface ExecutionRow {
  id: string
  organization_id: string
  customer_id: string | null
  workflow_id: string
  workflow_version_id: string
  environment: string
  tier: Tier
  status: ExecutionStatus
  triggered_by:
    | 'webhook'
    | 'scheduler'
    | 'app_event'
    | 'api'
    | 'mcp'
    | 'cli'
    | 'workflow'
    | 'replay'
    | 'agent'
  event_id: string | null
  trigger_id: string | null
  parent_execution_id: string | null
  replay_of: string | null
  depth: number
  input: Json
  headers: Record<string, string>
  output: Json
  /** A WorkflowError of runtime/sandbox. */
  error: Json
  stats: Json
  attempt: number
  max_attempts: number
  cancel_requested: boolean
  created_at: Date
  due_at: Date
  started_at: Date | null
  finished_at: Date | null
  worker: string | null
  heartbeat_at: Date | null
}

/** With the names a person wants to see. */
export interface NamedExecutionRow extends ExecutionRow {
  workflow_slug: string
  workflow_version: number
}

export const EXECUTION_COLUMNS =
  'id, organization_id, customer_id, workflow_id, workflow_version_id, environment, tier, status, triggered_by, event_id, trigger_id, parent_execution_id, replay_of, depth, input, headers, output, error, stats, attempt, max_attempts, cancel_requested, created_at, due_at, started_at, finished_at, worker, heartbeat_at'

const NAMED = `SELECT ${EXECUTION_COLUMNS.split(', ')
  .map((column) => `e.${column}`)
  .join(', ')}, w.slug AS workflow_slug, v.version AS workflow_version
  FROM executions e JOIN workflows w ON w.id = e.workflow_id JOIN workflow_versions v ON v.id = e.workflow_version_id`

export const getExecution = (tx: Tx, id: string) =>
  tx.row<NamedExecutionRow>(`${NAMED} WHERE e.id = $1`, [id])

export interface ExecutionFilter {
  workflowId: string | null
  customerId: string | null
  status: ExecutionStatus | null
  environment: string | null
  eventId: string | null
  triggerId: string | null
  /** Created at or after. */
  since: Date | null
  cursor: string | null
  limit: number
}

export const listExecutions = (tx: Tx, filter: ExecutionFilter) =>
  tx.rows<NamedExecutionRow>(
    `${NAMED}
     WHERE ($1::text IS NULL OR e.workflow_id = $1) AND ($2::text IS NULL OR e.customer_id = $2)
       AND ($3::text IS NULL OR e.status = $3) AND ($4::text IS NULL OR e.environment = $4)
       AND ($5::text IS NULL OR e.event_id = $5) AND ($6::text IS NULL OR e.trigger_id = $6)
       AND ($7::timestamptz IS NULL OR e.created_at >= $7) AND ($8::text IS NULL OR e.id < $8)
     ORDER BY e.id DESC LIMIT $9`,
    [
      filter.workflowId,
      filter.customerId,
      filter.status,
      filter.environment,
      filter.eventId,
      filter.triggerId,
      filter.since,
      filter.cursor,
      filter.limit,
    ],
  )

export interface LogLineRow {
  at: string
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
}

export const listExecutionLogs = (tx: Tx, executionId: string) =>
  tx.rows<{ attempt: number; lines: LogLineRow[] }>(
    'SELECT attempt, lines FROM execution_logs WHERE execution_id = $1 ORDER BY attempt',
    [executionId],
  )
