import { z } from 'zod'
import { listSteps } from '../../db/execution-steps.ts'
import { defineTool } from '../define-tool.ts'
import { Timestamp } from '../params.ts'
import { ExecutionRef, requireExecution } from './execution.ts'

const MAX_STEPS = 200
const MAX_OUTPUT_LENGTH = 65_536

export const listExecutionSteps = defineTool({
  name: 'list_execution_steps',
  title: 'List the steps of an execution',
  description:
    'What an execution did, in order: its calls, ctx.step results, sleeps and waits, each with what it gave. These are taken as done when it goes on after a crash or a wait, and by replay_execution from the failed step.',
  input: z.object({
    execution: ExecutionRef,
    after: z.number().int().min(-1).default(-1).describe('Only those after this place (seq).'),
    limit: z.number().int().min(1).max(MAX_STEPS).default(50).describe('How many at most.'),
  }),
  output: z.object({
    steps: z.array(
      z.object({
        seq: z.number().int(),
        kind: z.string().describe('connectors.call, fetch, step, sleep, wait.event, state.set …'),
        name: z.string().describe('What was called or waited for, or the name given to ctx.step.'),
        status: z.enum(['done', 'failed', 'pending']),
        output: z.unknown(),
        outputOmitted: z
          .boolean()
          .describe(
            `Is the output left out because it has more than ${MAX_OUTPUT_LENGTH} characters of JSON?`,
          ),
        error: z.unknown().describe('Why it failed.'),
        attempt: z.number().int().describe('0: taken over from the execution it replays.'),
        wakeAt: Timestamp.nullable().describe('When a pending one ends by itself.'),
        startedAt: Timestamp,
        finishedAt: Timestamp.nullable().describe('When the workflow got it.'),
      }),
    ),
    next: z.number().int().nullable().describe('Give it as `after` for more; null: that was all.'),
  }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /executions/:execution/steps',
  async run(context, input) {
    const { after, limit } = input
    const rows = await context.read(async (tx) => {
      const { id } = await requireExecution(tx, input.execution)
      return listSteps(tx, { executionId: id, after, limit: limit + 1, maxOutput: MAX_OUTPUT_LENGTH })
    })
    const shown = rows.slice(0, limit)
    return {
      steps: shown.map((row) => ({
        seq: row.seq,
        kind: row.kind,
        name: row.name,
        status: row.status,
        output: row.output,
        outputOmitted: row.output_length > MAX_OUTPUT_LENGTH,
        error: row.error,
        attempt: row.attempt,
        wakeAt: row.wake_at,
        startedAt: row.started_at,
        finishedAt: row.finished_at,
      })),
      next: rows.length > limit ? (shown.at(-1)?.seq ?? null) : null,
    }
  },
})
