import { z } from 'zod'
import { listTraces as queryTraces } from '../../db/traces.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { ByCustomer, idsOf } from './filters.ts'
import { TraceStatus, TraceSummary, toTraceSummary } from './trace.ts'

const Text = z.string().min(1).nullable().default(null)

export const listTraces = defineTool({
  name: 'list_traces',
  title: 'List connector calls',
  description:
    'Lists calls of connector actions, newest first, with their status and duration. get_trace shows what was sent and what came back.',
  input: z.object({
    execution: Text.describe('Only those of this execution (exec_…).'),
    connector: Text.describe('Only those of this connector (slug).'),
    action: Text.describe('Only those of this action (slug).'),
    connection: Text.describe('Only those through this connection (cxn_…).'),
    customer: ByCustomer,
    status: TraceStatus.nullable().default(null).describe('Only those of this status.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ traces: z.array(TraceSummary), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /traces',
  async run(context, input) {
    const found = await context.read(async (tx) =>
      queryTraces(tx, {
        executionId: input.execution,
        customerId: (await idsOf(tx, input, context.actor)).customerId,
        connectionId: input.connection,
        connector: input.connector,
        action: input.action,
        status: input.status,
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { traces: rows.map(toTraceSummary), nextCursor }
  },
})
