import { z } from 'zod'
import type { EventSummaryRow } from '../../db/events.ts'
import { Timestamp } from '../params.ts'

export const EventSource = z.enum(['webhook', 'scheduled', 'manual'])
export const EventStatus = z.enum(['delivered', 'unmatched', 'failed'])

export const EventSummary = z.object({
  id: z.string().describe('evt_…'),
  source: EventSource.describe('manual: a workflow was started by a call.'),
  status: EventStatus.describe(
    'delivered: it started executions; unmatched: it started none, because no route took it or nothing is deployed where the route leads.',
  ),
  triggerId: z.string().nullable(),
  triggerName: z.string().nullable(),
  customerId: z.string().nullable(),
  deliveryKey: z.string().nullable().describe('What repeated deliveries of it are known by.'),
  executionCount: z.number().int().describe('Executions it started, replays included.'),
  receivedAt: Timestamp,
})

export const toEventSummary = (row: EventSummaryRow) => ({
  id: row.id,
  source: row.source,
  status: row.status,
  triggerId: row.trigger_id,
  triggerName: row.trigger_name,
  customerId: row.customer_id,
  deliveryKey: row.dedupe_key,
  executionCount: row.execution_count,
  receivedAt: row.received_at,
})
