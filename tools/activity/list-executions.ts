import { z } from 'zod'
import { listExecutions as queryExecutions } from '../../db/executions.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { ExecutionStatus, ExecutionSummary, toExecutionSummary } from './execution.ts'
import { ByCustomer, ByEnvironment, ByTrigger, ByWorkflow, idsOf, Since, sinceDate } from './filters.ts'

export const listExecutions = defineTool({
  name: 'list_executions',
  title: 'List executions',
  description:
    'Lists runs of workflows, newest first, narrowed by any of the filters. get_execution shows one with its input, output, logs and error.',
  input: z.object({
    workflow: ByWorkflow,
    customer: ByCustomer,
    status: ExecutionStatus.nullable().default(null).describe('Only those of this status.'),
    environment: ByEnvironment,
    event: z.string().min(1).nullable().default(null).describe('Only those this event (evt_…) started.'),
    trigger: ByTrigger,
    since: Since,
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ executions: z.array(ExecutionSummary), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /executions',
  async run(context, input) {
    const found = await context.read(async (tx) =>
      queryExecutions(tx, {
        ...(await idsOf(tx, input, context.actor)),
        status: input.status,
        environment: input.environment,
        eventId: input.event,
        triggerId: input.trigger,
        since: sinceDate(input.since),
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { executions: rows.map(toExecutionSummary), nextCursor }
  },
})
