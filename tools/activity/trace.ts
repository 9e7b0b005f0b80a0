import { z } from 'zod'
import type { listTraces, TraceRow } from '../../db/traces.ts'
import { Timestamp } from '../params.ts'

export const TraceStatus = z.enum(['success', 'error', 'pending'])

export const TraceSummary = z.object({
  id: z.string().describe('trc_…'),
  connector: z.string().describe('Slug of the connector.'),
  action: z.string().describe('Slug of the action.'),
  status: TraceStatus.describe(
    'pending: the app never answered; the call timed out or was cancelled, and may have taken effect all the same.',
  ),
  httpStatus: z.number().int().nullable().describe('The provider’s answer; null when there was none.'),
  durationMs: z.number().int().nullable(),
  executionId: z.string().nullable().describe('Null: called outside a workflow.'),
  attempt: z.number().int().nullable().describe('Attempt of the execution it was part of.'),
  connectionId: z.string().nullable(),
  customerId: z.string().nullable(),
  mock: z
    .string()
    .nullable()
    .describe('The scenario of the mock that answered: nothing was sent. Null: the app was called.'),
  error: z.unknown().describe('Why it failed; null when it did not.'),
  createdAt: Timestamp,
})

export const toTraceSummary = (row: Awaited<ReturnType<typeof listTraces>>[number]) => ({
  id: row.id,
  connector: row.connector,
  action: row.action,
  status: row.status,
  httpStatus: row.http_status,
  durationMs: row.duration_ms,
  executionId: row.execution_id,
  attempt: row.attempt,
  connectionId: row.connection_id,
  customerId: row.customer_id,
  mock: row.mock,
  error: row.error,
  createdAt: row.created_at,
})

export const Trace = TraceSummary.extend({
  request: z.unknown().describe('What was sent; secrets redacted, long bodies cut.'),
  response: z.unknown().describe('What came back; secrets redacted, long bodies cut.'),
})

export const toTrace = (row: TraceRow) => ({
  ...toTraceSummary(row),
  request: row.request,
  response: row.response,
})
