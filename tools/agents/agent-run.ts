import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { scopeOf } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import { type AgentRunEventRow, type AgentRunRow, getAgentRun } from '../../db/agent-runs.ts'
import type { Database, Tx } from '../../db/database.ts'
import { Timestamp } from '../params.ts'

export const AgentRunRef = z.string().regex(/^run_/, 'is an id like run_…').describe('The run (run_…).')

export const WaitSeconds = z.coerce
  .number()
  .min(0)
  .max(60)
  .default(0)
  .describe('Waits so long, and answers as soon as the run has ended or asks something. 0–60.')
/** Of a tool that waits so long; the rest is for an answer of the client's model that is under way then. */
export const WAITING_DEADLINE_MS = 185_000

export const statuses = ['queued', 'running', 'waiting', 'completed', 'failed', 'canceled'] as const

export const Question = z.object({
  id: z.string().describe('Name it in answer_agent_run.'),
  point: z.string().describe('Which point of the agent’s work it is.'),
  question: z.string().describe('What a person is asked.'),
  details: z.record(z.string(), z.unknown()).describe('What they need to see to answer.'),
  schema: z.unknown().describe('JSON Schema of `answer` in answer_agent_run.'),
  default: z
    .record(z.string(), z.unknown())
    .nullable()
    .describe('The answer Auto mode would give; null: a person must.'),
})

export const AgentRun = z.object({
  id: z.string().describe('The run’s id (run_…).'),
  agent: z.string().describe('Which agent runs.'),
  status: z
    .enum(statuses)
    .describe('queued, running, waiting (for an answer to `question`), completed, failed or canceled.'),
  approval: z.enum(['auto', 'manual']).describe('manual: it asks at each point; auto: only where it must.'),
  model: z
    .enum(['server', 'client', 'none'])
    .describe(
      'Whose model drives it. client: the model of the MCP client that started it, asked while that client waits: call get_agent_run with waitSeconds until it has ended. none: no model was configured when it started.',
    ),
  input: z.record(z.string(), z.unknown()).describe('What it was started with.'),
  question: Question.nullable().describe(
    'What the run waits to be told, by answer_agent_run; null: nothing.',
  ),
  output: z.record(z.string(), z.unknown()).nullable().describe('What came out, when completed.'),
  error: z
    .object({
      code: z.string().describe('Kind of error.'),
      message: z.string().describe('What went wrong.'),
      hint: z.string().optional().describe('What to do next.'),
    })
    .nullable()
    .describe('Why it failed.'),
  usage: z.record(z.string(), z.unknown()).describe('Tokens, money and calls of models so far.'),
  workedSeconds: z.number().describe('Time it worked, waiting not counted.'),
  lastEvent: z.int().describe('Number of its newest event; see list_agent_run_events.'),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
})

export const describeRun = (row: AgentRunRow): z.input<typeof AgentRun> => ({
  id: row.id,
  agent: row.agent,
  status: row.status,
  approval: row.approval,
  model: row.model,
  input: row.input,
  question: row.question,
  output: row.output,
  error: row.error,
  usage: row.usage,
  workedSeconds: Math.round(row.worked_ms / 100) / 10,
  lastEvent: row.last_event,
  createdAt: row.created_at,
  startedAt: row.started_at,
  endedAt: row.ended_at,
})

/** The largest number an event can have. */
export const MAX_EVENT = 2 ** 31 - 1

export const AgentRunEvent = z.object({
  seq: z.int().describe('Its number within the run, from 1.'),
  type: z
    .string()
    .describe('status, step, token, model_call, tool_call, message, artifact, handback, answer or rewind.'),
  data: z.record(z.string(), z.unknown()).describe('What happened, by type.'),
  at: Timestamp,
})

export const describeRunEvent = (row: AgentRunEventRow): z.input<typeof AgentRunEvent> => ({
  seq: row.seq,
  type: row.type,
  data: row.data,
  at: row.created_at,
})

/** @throws AppError `not_found` */
export async function requireAgentRun(tx: Tx, id: string): Promise<AgentRunRow> {
  const row = await getAgentRun(tx, id)
  if (row === undefined) throw notFound('agent run', id, 'list_agent_runs lists the runs this key may see.')
  return row
}

export const readAgentRun = (db: Pick<Database, 'read'>, actor: Actor, id: string): Promise<AgentRunRow> =>
  db.read(scopeOf(actor), (tx) => requireAgentRun(tx, id))
