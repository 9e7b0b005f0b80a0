import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { redactHeaders } from '../../core/secret.ts'
import type { Tx } from '../../db/database.ts'
import { getExecution, listExecutionLogs, type Mocks, type NamedExecutionRow } from '../../db/executions.ts'
import { listTraces } from '../../db/traces.ts'
import type { EndedExecution } from '../../runtime/executions/executions.ts'
import { Timestamp } from '../params.ts'
import { TraceSummary, toTraceSummary } from './trace.ts'

/** Newest connector calls shown with an execution; list_traces has the rest. */
const TRACES_SHOWN = 50

export const ExecutionRef = z.string().min(1).describe("An execution's id (exec_…).")

export const ExecutionStatus = z.enum([
  'queued',
  'running',
  'waiting',
  'completed',
  'failed',
  'timeout',
  'cancelled',
])

export const RunMode = z.enum(['live', 'guarded', 'partial_mock', 'full_mock'])

const RUN_MODES = { guarded: 'guarded', partial: 'partial_mock', full: 'full_mock' } as const

const toRunMode = (mocks: Mocks | null): z.output<typeof RunMode> =>
  mocks === null ? 'live' : RUN_MODES[mocks.mode]

export const ExecutionSummary = z.object({
  id: z.string().describe('exec_…'),
  workflow: z.string().describe('Slug of the workflow.'),
  workflowId: z.string(),
  version: z.number().int(),
  environment: z.string(),
  tier: z.enum(['instant', 'standard', 'long']),
  status: ExecutionStatus.describe(
    'queued, running and waiting (it sleeps, or waits for an event, an approval or a workflow) change; the others are final.',
  ),
  triggeredBy: z.enum([
    'webhook',
    'scheduler',
    'app_event',
    'api',
    'mcp',
    'cli',
    'workflow',
    'replay',
    'agent',
  ]),
  priority: z
    .number()
    .int()
    .describe('1 people and agents, 2 events, 3 schedules and replays, 4 polling: lower goes first.'),
  heldIn: z
    .enum(['customer', 'workflow', 'trigger'])
    .nullable()
    .describe(
      'Whose limit of runs at once a queued execution waits for; null: it waits for a worker, or for its time.',
    ),
  customerId: z.string().nullable().describe('Null: the organization itself.'),
  eventId: z.string().nullable(),
  triggerId: z.string().nullable(),
  parentExecutionId: z.string().nullable().describe('The execution whose code started this one.'),
  replayOf: z.string().nullable().describe('The execution this one repeats.'),
  mode: RunMode.describe('Live: it calls the apps. Mocked: set_action_mock tells what they would answer.'),
  attempt: z.number().int().describe('Attempts begun so far.'),
  runs: z
    .number()
    .int()
    .describe(
      'How often a worker took it: one attempt goes on in another run after it waited or its worker died.',
    ),
  maxAttempts: z.number().int(),
  cancelRequested: z.boolean(),
  createdAt: Timestamp,
  dueAt: Timestamp.nullable().describe(
    'When a queued execution may start, or a waiting one goes on by itself; null: when what it waits for comes.',
  ),
  startedAt: Timestamp.nullable(),
  finishedAt: Timestamp.nullable(),
  durationMs: z.number().nullable().describe('From start to end; null until it ends.'),
  queueMs: z.number().describe('Time it waited for a worker, over all its runs.'),
  runMs: z
    .number()
    .describe('Time its code ran, over all its runs: without waiting in the queue, sleeping, waiting.'),
})

const limits = { c: 'customer', w: 'workflow', t: 'trigger' } as const

function heldIn({ status, admission, lanes, slots }: NamedExecutionRow) {
  if (status !== 'queued' || admission !== 'held') return null
  const kind = lanes[slots]?.[0]
  return kind === 'c' || kind === 'w' || kind === 't' ? limits[kind] : null
}

export const toExecutionSummary = (row: NamedExecutionRow) => ({
  id: row.id,
  workflow: row.workflow_slug,
  workflowId: row.workflow_id,
  version: row.workflow_version,
  environment: row.environment,
  tier: row.tier,
  status: row.status,
  triggeredBy: row.triggered_by,
  priority: row.priority,
  heldIn: heldIn(row),
  customerId: row.customer_id,
  eventId: row.event_id,
  triggerId: row.trigger_id,
  parentExecutionId: row.parent_execution_id,
  replayOf: row.replay_of,
  mode: toRunMode(row.mocks),
  attempt: row.attempt,
  runs: row.run,
  maxAttempts: row.max_attempts,
  cancelRequested: row.cancel_requested,
  createdAt: row.created_at,
  // Postgres has a moment after all others; it comes as a number.
  dueAt: row.due_at instanceof Date ? row.due_at : null,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  durationMs:
    row.started_at === null || row.finished_at === null
      ? null
      : row.finished_at.getTime() - row.started_at.getTime(),
  queueMs: Math.round(row.queue_ms),
  runMs: Math.round(row.run_ms),
})

export const Execution = ExecutionSummary.extend({
  input: z.unknown().describe('What the workflow was given as `ctx.input`.'),
  headers: z.record(z.string(), z.string()),
  output: z.unknown().describe('What the workflow returned; null until it completed.'),
  error: z
    .looseObject({
      kind: z.string().optional().describe('What sort of failure it was.'),
      message: z.string().optional(),
      where: z.string().optional().describe('Where in the code or in which call.'),
      hint: z.string().optional().describe('What to do about it.'),
      retryable: z.boolean().optional().describe('May the same input work later?'),
    })
    .nullable()
    .describe('Why the last attempt failed.'),
  stats: z.record(z.string(), z.unknown()).nullable().describe('Time and memory the last attempt took.'),
  logs: z
    .array(
      z.object({
        attempt: z.number().int(),
        lines: z.array(
          z.object({
            at: z.string(),
            level: z.enum(['debug', 'info', 'warn', 'error']),
            message: z.string(),
          }),
        ),
      }),
    )
    .describe('What the code logged, by attempt.'),
  traces: z
    .array(TraceSummary)
    .describe(
      `The newest ${TRACES_SHOWN} connector calls; get_trace shows one in full, list_traces the rest.`,
    ),
})

/**
 * An execution with its logs and traces.
 * @throws AppError `not_found`, also for executions of customers the actor may not see
 */
export async function describeExecution(tx: Tx, id: string): Promise<z.input<typeof Execution>> {
  const [row, logs] = await Promise.all([requireExecution(tx, id), listExecutionLogs(tx, id)])
  const traces = madeCalls(row)
    ? await listTraces(tx, {
        executionId: id,
        since: new Date(row.created_at.getTime() - CLOCKS_DIFFER_MS),
        customerId: null,
        connectionId: null,
        connector: null,
        action: null,
        status: null,
        cursor: null,
        limit: TRACES_SHOWN,
      })
    : []
  return { ...described(row), logs, traces: traces.map(toTraceSummary) }
}

/** The same of one that ended here and called nothing, without asking the database. */
export const describeEnded = ({ row, logs }: EndedExecution): z.input<typeof Execution> => ({
  ...described(row),
  logs: logs.length === 0 ? [] : [{ attempt: row.attempt, lines: [...logs] }],
  traces: [],
})

const described = (row: NamedExecutionRow) => ({
  ...toExecutionSummary(row),
  input: row.input,
  headers: redactHeaders(row.headers),
  output: row.output,
  error: row.error as z.input<typeof Execution>['error'],
  stats: row.stats as z.input<typeof Execution>['stats'],
})

/** False: it ended in its first run and called nothing. */
const madeCalls = ({ run, stats }: NamedExecutionRow): boolean =>
  run > 1 || (stats as { bridgeCalls?: number } | null)?.bridgeCalls !== 0

/** How far apart the clocks of two servers may be; calls are looked for from then on only (history is kept by time). */
const CLOCKS_DIFFER_MS = 24 * 60 * 60 * 1000

/** @throws AppError `not_found` */
export async function requireExecution(tx: Tx, id: string): Promise<NamedExecutionRow> {
  const row = await getExecution(tx, id)
  if (row === undefined) throw notFound('execution', id, 'list_executions shows the ones there are.')
  return row
}
