import { firstId } from '../core/ids.ts'
import type { Json } from '../core/json.ts'
import { endChildStep } from './child-executions.ts'
import { conditions } from './conditions.ts'
import type { Database, Tx } from './database.ts'
import { leaveQueue } from './lanes.ts'
import type { QueuedExecution } from './queued-execution.ts'

export type ExecutionStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'timeout'
  | 'cancelled'
export type Tier = 'instant' | 'standard' | 'long'

/** How failed attempts are tried again; null on a workflow means never. */
export interface RetryPolicy {
  /** 1–10, the first attempt included. */
  maxAttempts: number
  initialIntervalMs: number
  backoffCoefficient: number
  /** linear: the wait grows by the initial interval each time, and the coefficient is without effect. */
  backoff?: 'exponential' | 'linear'
  maxIntervalMs: number
}

/** How many executions of a workflow run at once; `key` is a path into the input: only equal values count together. */
export interface Concurrency {
  limit: number
  key: string | null
  /** Not there: while it runs. */
  hold?: 'while_running' | 'until_ended'
}

/** What a workflow's code may reach besides its own input, stores and files. */
export interface Reach {
  /** `connector.action` */
  actions: string[]
  fetch: boolean
  secrets: boolean
  /** Other workflows: starting them, sending them events, changing the configs they read. */
  workflows: boolean
}

/** How often a workflow starts. */
export interface StartRate {
  limit: number
  seconds: number
}

/** What answers in place of the apps: mocks only, mocks where there are some, or refusals of what is destructive. */
export interface Mocks {
  mode: 'partial' | 'full' | 'guarded'
  /** By `connector.action`, the scenario (or a part of its name) that answers. */
  scenarios: Record<string, string>
  /** Of a guarded one: apps, actions (`connector.action`) and `ctx.fetch` that may write; left out: all. */
  mayWrite?: string[]
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
  retry: RetryPolicy | null
  run: number
  resume: boolean
  losses: number
  lines_kept: number
  random_seed: string
  clock_at: Date | null
  origin_id: string | null
  parent_step: string | null
  queue_ms: number
  run_ms: number
  attempt_ms: number
  cancel_requested: boolean
  dead_letter: boolean
  created_at: Date
  /** A number (infinity): not by itself. */
  due_at: Date | number
  started_at: Date | null
  finished_at: Date | null
  worker: string | null
  heartbeat_at: Date | null
  priority: number
  lanes: string[]
  slots: number
  admission: 'later' | 'held' | 'admitted'
  /** Null: it calls the apps. */
  mocks: Mocks | null
}

/** Who goes first, within a customer and among all: people before events before what runs by itself. */
export const priorities: Readonly<Record<ExecutionRow['triggered_by'], number>> = {
  api: 1,
  mcp: 1,
  cli: 1,
  agent: 1,
  workflow: 1,
  webhook: 2,
  app_event: 2,
  scheduler: 3,
  replay: 3,
}

/** With the names a person wants to see. */
export interface NamedExecutionRow extends ExecutionRow {
  workflow_slug: string
  workflow_version: number
}

export const EXECUTION_COLUMNS =
  'id, organization_id, customer_id, workflow_id, workflow_version_id, environment, tier, status, triggered_by, event_id, trigger_id, parent_execution_id, replay_of, depth, input, headers, output, error, stats, attempt, max_attempts, retry, run, resume, losses, lines_kept, random_seed, clock_at, origin_id, parent_step, queue_ms, run_ms, attempt_ms, cancel_requested, dead_letter, created_at, due_at, started_at, finished_at, worker, heartbeat_at, priority, lanes, slots, admission, mocks'

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
  /** Created before. */
  until?: Date | null
  /** Leaves out those that were replayed. */
  notReplayed?: boolean
  cursor: string | null
  limit: number
}

/** Newest first. */
export function listExecutions(tx: Tx, filter: ExecutionFilter): Promise<NamedExecutionRow[]> {
  const { where, params, add } = conditions([
    ['e.workflow_id = ?', filter.workflowId],
    ['e.customer_id = ?', filter.customerId],
    ['e.status = ?', filter.status],
    ['e.environment = ?', filter.environment],
    ['e.event_id = ?', filter.eventId],
    ['e.trigger_id = ?', filter.triggerId],
    ['e.id >= ?', filter.since && firstId('execution', filter.since.getTime())],
    ['e.id < ?', filter.until && firstId('execution', filter.until.getTime())],
    ['e.id < ?', filter.cursor],
    [
      '? AND NOT EXISTS (SELECT FROM executions r WHERE r.replay_of = e.id)',
      filter.notReplayed === true || null,
    ],
  ])
  return tx.rows<NamedExecutionRow>(`${NAMED} ${where} ORDER BY e.id DESC LIMIT ${add(filter.limit)}`, params)
}

export interface LogLineRow {
  at: string
  level: 'debug' | 'info' | 'warn' | 'error'
  message: string
  /** What the answer it followed is known by. */
  turn: number
}

export const listExecutionLogs = (tx: Tx, executionId: string) =>
  tx.rows<{ attempt: number; lines: LogLineRow[] }>(
    `SELECT attempt, jsonb_agg(line ORDER BY run, n) AS lines
     FROM execution_logs, jsonb_array_elements(lines) WITH ORDINALITY AS l(line, n)
     WHERE execution_id = $1 GROUP BY attempt ORDER BY attempt`,
    [executionId],
  )

/** How many lines an attempt's earlier runs logged after each answer, by `turn` of a line. */
export async function keptLines(
  db: Database,
  { id, attempt }: { id: string; attempt: number },
): Promise<Record<string, number>> {
  const rows = await db.system((tx) =>
    tx.rows<{ turn: string; lines: number }>(
      `SELECT line->>'turn' AS turn, count(*)::int AS lines FROM execution_logs, jsonb_array_elements(lines) line
       WHERE execution_id = $1 AND attempt = $2 GROUP BY 1`,
      [id, attempt],
    ),
  )
  return Object.fromEntries(rows.map(({ turn, lines }) => [turn, lines]))
}

/** What a run needs of the workflow version it runs. */
export interface RunnableVersionRow {
  workflow_version_id: string
  workflow_id: string
  workflow_slug: string
  version: number
  code: string
  tier: Tier
  timeout_ms: number
  retry: RetryPolicy | null
  escalate_on_timeout: boolean
  input_schema: { [key: string]: unknown } | null
  connectors: string[]
  concurrency: Concurrency | null
  rate_limit: StartRate | null
  reach: Reach | null
}

const RUNNABLE = `v.id AS workflow_version_id, w.id AS workflow_id, w.slug AS workflow_slug, v.version, v.code, v.tier,
  v.timeout_ms, v.retry, v.escalate_on_timeout, v.input_schema, v.connectors, v.concurrency, v.rate_limit, v.reach`

export interface WorkflowTargetRow {
  workflow_id: string
  workflow_slug: string
  status: 'active' | 'inactive'
  latest_version: number
  environment_known: boolean
  runnable: RunnableVersionRow | null
}

/** A workflow (id or slug) and the version to run: the one named, or the one deployed to the environment. */
export async function findWorkflowTarget(
  tx: Tx,
  target: { workflow: string; environment: string; version: number | null },
): Promise<WorkflowTargetRow | undefined> {
  const { workflow, environment, version } = target
  const row = await tx.row<Omit<WorkflowTargetRow, 'runnable'> & RunnableVersionRow>(
    `SELECT ${RUNNABLE}, w.status, w.latest_version, EXISTS (SELECT FROM environments WHERE slug = $2) AS environment_known
     FROM workflows w ${version === null ? DEPLOYED : NAMED_VERSION}
     WHERE w.id = $1 OR w.slug = $1 LIMIT 1`,
    version === null ? [workflow, environment] : [workflow, environment, version],
  )
  if (row === undefined) return undefined
  const { status, latest_version, environment_known, ...runnable } = row
  const { workflow_id, workflow_slug } = runnable
  const found = { workflow_id, workflow_slug, status, latest_version, environment_known }
  return { ...found, runnable: (runnable.workflow_version_id as string | null) === null ? null : runnable }
}

const DEPLOYED = `LEFT JOIN deployments d ON d.workflow_id = w.id AND d.environment = $2 AND d.active
     LEFT JOIN workflow_versions v ON v.id = d.workflow_version_id`
const NAMED_VERSION = 'LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = $3'

/** The versions that executions claimed by a worker run. Versions never change, so callers may keep them. */
export const loadRunnableVersions = (db: Database, versionIds: readonly string[]) =>
  db.system((tx) =>
    tx.rows<RunnableVersionRow>(
      `SELECT ${RUNNABLE} FROM workflow_versions v JOIN workflows w ON w.id = v.workflow_id WHERE v.id = ANY($1)`,
      [versionIds],
    ),
  )

/** Gives an execution the seed, the clock and the idempotency keys of the one it goes on with. */
export const continueFrom = (tx: Tx, id: string, origin: ExecutionRow) =>
  tx.row<ExecutionRow>(
    `UPDATE executions SET random_seed = $2, clock_at = $3, origin_id = $4 WHERE id = $1 RETURNING ${EXECUTION_COLUMNS}`,
    [id, origin.random_seed, origin.clock_at, origin.origin_id ?? origin.id],
  )

/** What became of an execution so far; undefined: there is none. */
export const statusOf = async (tx: Tx, id: string): Promise<ExecutionStatus | undefined> =>
  (await tx.row<{ status: ExecutionStatus }>('SELECT status FROM executions WHERE id = $1', [id]))?.status

/**
 * Asks that an execution be stopped: one that is queued or waits is cancelled here, a running one is marked for its worker.
 * Undefined when it has already ended (or is not visible). `freed`: lanes in which others wait for its place; `woken`:
 * the execution that waited for this one.
 */
export async function requestCancel(
  tx: Tx,
  id: string,
): Promise<(ExecutionRow & { freed: string[]; woken: QueuedExecution[] }) | undefined> {
  const row = await tx.row<ExecutionRow>(
    `UPDATE executions SET cancel_requested = true,
       status = CASE WHEN status = 'running' THEN status ELSE 'cancelled' END,
       finished_at = CASE WHEN status <> 'running' THEN now() END
     WHERE id = $1 AND status IN ('queued', 'waiting', 'running') RETURNING ${EXECUTION_COLUMNS}`,
    [id],
  )
  if (row === undefined) return undefined
  if (row.status !== 'cancelled') return { ...row, freed: [], woken: [] }
  const { parent_execution_id: parent } = row
  const woken = parent === null ? [] : await endChildStep(tx, parent, row)
  return { ...row, woken, freed: await leaveQueue(tx, row) }
}

/** Was it replayed? Until the transaction ends nobody else is told that it was not. */
export async function wasReplayed(tx: Tx, id: string): Promise<boolean> {
  await tx.row('SELECT id FROM executions WHERE id = $1 FOR UPDATE', [id])
  return (
    (await tx.row('SELECT id FROM executions WHERE replay_of = $1 AND id > $1 LIMIT 1', [id])) !== undefined
  )
}

export const markDeadLetterReplayed = (tx: Tx, executionId: string, replayExecutionId: string) =>
  tx.run(
    `UPDATE dead_letters SET status = 'replayed', replay_execution_id = $2, replayed_at = now()
     WHERE execution_id = $1 AND status = 'pending'`,
    [executionId, replayExecutionId],
  )
