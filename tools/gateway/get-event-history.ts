import { z } from 'zod'
import { listEvents } from '../../db/events.ts'
import { EventSummary, toEventSummary } from '../activity/event.ts'
import { Since, sinceDate } from '../activity/filters.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'

export const getEventHistory = defineTool({
  name: 'get_event_history',
  title: 'Get event history',
  description:
    'What happened for a customer, newest first: events taken from its apps and schedules, and how many runs each started.',
  input: z.object({ customer: GatewayCustomer, since: Since, cursor: Cursor, limit: Limit }),
  output: z.object({ events: z.array(EventSummary), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /gateway/events',
  async run({ actor, read }, input) {
    const found = await read(async (tx) =>
      listEvents(tx, {
        source: null,
        status: null,
        triggerId: null,
        customerId: await requireActingCustomer(tx, actor, input.customer),
        since: sinceDate(input.since),
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { events: rows.map(toEventSummary), nextCursor }
  },
})
