import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import type { WebhookDeliveryRow } from '../../db/webhook-deliveries.ts'
import { getWebhookEndpoint, type WebhookEndpointRow } from '../../db/webhook-endpoints.ts'
import { Timestamp } from '../params.ts'

/** What endpoints can be told of. */
export const webhookEventTypes = [
  'connection.created',
  'connection.updated',
  'connection.expired',
  'connection.failed',
  'connection.deleted',
  'connector.version_created',
  'connector.drifted',
  'connector.drift_check_failed',
  'trigger.subscription_failed',
] as const

export const WebhookEndpointRef = z.string().min(1).describe('A webhook endpoint’s id (whe_…).')

export const EndpointUrl = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .describe('Address of your product that takes the events by POST.')
export const EventTypes = z
  .array(z.enum(webhookEventTypes))
  .describe('Events to be told of; empty: all of them.')

export const WebhookEndpoint = z.object({
  id: z.string().describe('whe_…'),
  url: z.string(),
  description: z.string(),
  eventTypes: z.array(z.string()).describe('Empty: all.'),
  enabled: z.boolean(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toWebhookEndpoint = (row: WebhookEndpointRow) => ({
  id: row.id,
  url: row.url,
  description: row.description,
  eventTypes: row.event_types,
  enabled: row.enabled,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const ShownSecret = z
  .string()
  .describe('Signing secret (whsec_…), shown this once: verify deliveries with it as Standard Webhooks says.')

/** A signing secret in the form Standard Webhooks has: 24 random bytes. */
export const newSigningSecret = (): string => `whsec_${randomBytes(24).toString('base64')}`

/** @throws AppError `not_found` */
export async function requireWebhookEndpoint(tx: Tx, id: string): Promise<WebhookEndpointRow> {
  const row = await getWebhookEndpoint(tx, id)
  if (row === undefined) throw notFound('webhook endpoint', id, 'list_webhook_endpoints shows the ids.')
  return row
}

export const WebhookDelivery = z.object({
  id: z.string().describe('whd_…: the webhook-id header.'),
  endpointId: z.string(),
  customerId: z.string().nullable(),
  type: z.string(),
  payload: z.record(z.string(), z.unknown()).describe('The body as it is sent.'),
  status: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.number().int(),
  dueAt: Timestamp.describe('While pending: when it is tried next.'),
  lastStatus: z.number().int().nullable().describe('HTTP status of the last attempt; null: no answer came.'),
  lastError: z.string().nullable(),
  createdAt: Timestamp,
  deliveredAt: Timestamp.nullable(),
})

export const toWebhookDelivery = (row: WebhookDeliveryRow) => ({
  id: row.id,
  endpointId: row.endpoint_id,
  customerId: row.customer_id,
  type: row.type,
  payload: row.payload,
  status: row.status,
  attempts: row.attempts,
  dueAt: row.due_at,
  lastStatus: row.last_status,
  lastError: row.last_error,
  createdAt: row.created_at,
  deliveredAt: row.delivered_at,
})
