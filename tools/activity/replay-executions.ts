import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import { listExecutions } from '../../db/executions.ts'
import { defineTool } from '../define-tool.ts'
import { NextCursor } from '../params.ts'
import { ByCustomer, ByEnvironment, ByTrigger, ByWorkflow, idsOf, Since, sinceDate } from './filters.ts'
import { ReplayFrom, ReplayVersion, replay } from './replay.ts'

const MAX_AT_ONCE = 200

export const replayExecutions = defineTool({
  name: 'replay_executions',
  title: 'Replay executions by filter',
  description:
    'Runs many ended executions again, each as a new execution with real effects: say, all that failed while an API was down. Those replayed already are left out, so it can be called again until nextCursor is null. See first with dryRun what it would take.',
  input: z.object({
    workflow: ByWorkflow,
    customer: ByCustomer,
    status: z
      .enum(['failed', 'timeout', 'cancelled', 'completed'])
      .default('failed')
      .describe('How they ended.'),
    environment: ByEnvironment,
    trigger: ByTrigger,
    since: Since,
    until: Since.describe('Only those before this time, ISO 8601.'),
    version: ReplayVersion,
    from: ReplayFrom,
    cursor: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('nextCursor of the call before: goes on with older ones.'),
    limit: z.number().int().min(1).max(MAX_AT_ONCE).default(50).describe('How many at most, newest first.'),
    dryRun: z.boolean().default(false).describe('Only say which; nothing runs.'),
  }),
  output: z.object({
    replayed: z
      .array(z.object({ execution: z.string(), replay: z.string().nullable() }))
      .describe('The ended execution and the new one (null in a dry run).'),
    refused: z
      .array(z.object({ execution: z.string(), reason: z.string() }))
      .describe('Those that could not be started, and why.'),
    nextCursor: NextCursor,
  }),
  permission: 'events.replay',
  effect: 'write',
  openWorld: true,
  http: 'POST /executions/replay',
  successStatus: 202,
  async run(context, input) {
    const { environment, trigger: triggerId, status, cursor, limit, version, from } = input
    const found = await context.read(async (tx) =>
      listExecutions(tx, {
        ...(await idsOf(tx, input, context.actor)),
        status,
        environment,
        eventId: null,
        triggerId,
        since: sinceDate(input.since),
        until: sinceDate(input.until),
        notReplayed: true,
        cursor,
        limit,
      }),
    )
    const replayed: { execution: string; replay: string | null }[] = []
    const refused: { execution: string; reason: string }[] = []
    for (const { id } of found) {
      if (context.signal.aborted) break
      if (input.dryRun) {
        replayed.push({ execution: id, replay: null })
        continue
      }
      try {
        const { id: replayId } = await replay(context, id, version, { from, once: true })
        replayed.push({ execution: id, replay: replayId })
      } catch (cause) {
        const error = toAppError(cause)
        // What is wrong with one is told of it; what is wrong with the server ends the call.
        if (error.code === 'internal' || error.code === 'unavailable') throw cause
        refused.push({ execution: id, reason: error.message })
      }
    }
    return { replayed, refused, nextCursor: found.length === limit ? (found.at(-1)?.id ?? null) : null }
  },
})
