import { z } from 'zod'
import { listWebhookDeliveries as queryDeliveries } from '../../db/webhook-deliveries.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { toWebhookDelivery, WebhookDelivery, WebhookEndpointRef } from './webhook-endpoint.ts'

export const listWebhookDeliveries = defineTool({
  name: 'list_webhook_deliveries',
  title: 'List webhook deliveries',
  description: 'Lists what your product was told, is still to be told, or could not be told, newest first.',
  input: z.object({
    webhookEndpoint: WebhookEndpointRef.nullable().default(null).describe('Only to this endpoint.'),
    status: z
      .enum(['pending', 'delivered', 'failed'])
      .nullable()
      .default(null)
      .describe('Only these: pending ones are tried again.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ webhookDeliveries: z.array(WebhookDelivery), nextCursor: NextCursor }),
  permission: 'settings.manage',
  effect: 'read',
  http: 'GET /webhook-deliveries',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    const found = await context.read((tx) =>
      queryDeliveries(tx, {
        endpointId: input.webhookEndpoint,
        status: input.status,
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { webhookDeliveries: rows.map(toWebhookDelivery), nextCursor }
  },
})
