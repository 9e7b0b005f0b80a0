import { z } from 'zod'
import { listEvents as queryEvents } from '../../db/events.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { EventSource, EventStatus, EventSummary, toEventSummary } from './event.ts'
import { ByCustomer, ByTrigger, idsOf, Since, sinceDate } from './filters.ts'

export const listEvents = defineTool({
  name: 'list_events',
  title: 'List events',
  description:
    'Lists what happened, newest first: webhook deliveries taken, and workflows started by hand. get_event shows one with its payload and what it started.',
  input: z.object({
    source: EventSource.nullable().default(null).describe('Only those from this source.'),
    status: EventStatus.nullable()
      .default(null)
      .describe('Only those of this status; unmatched finds events no route took.'),
    trigger: ByTrigger,
    customer: ByCustomer,
    since: Since,
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ events: z.array(EventSummary), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /events',
  async run(context, input) {
    const found = await context.read(async (tx) =>
      queryEvents(tx, {
        source: input.source,
        status: input.status,
        triggerId: input.trigger,
        customerId: (await idsOf(tx, input, context.actor)).customerId,
        since: sinceDate(input.since),
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { events: rows.map(toEventSummary), nextCursor }
  },
})
