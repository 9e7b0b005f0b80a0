import { z } from 'zod'
import { listWebhookEndpoints as queryEndpoints } from '../../db/webhook-endpoints.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { toWebhookEndpoint, WebhookEndpoint } from './webhook-endpoint.ts'

export const listWebhookEndpoints = defineTool({
  name: 'list_webhook_endpoints',
  title: 'List webhook endpoints',
  description: 'Lists where your product is told of events, newest first; never the signing secrets.',
  input: z.object({ cursor: Cursor, limit: Limit }),
  output: z.object({ webhookEndpoints: z.array(WebhookEndpoint), nextCursor: NextCursor }),
  permission: 'settings.manage',
  effect: 'read',
  http: 'GET /webhook-endpoints',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    const found = await context.read((tx) =>
      queryEndpoints(tx, { cursor: input.cursor, limit: input.limit + 1 }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { webhookEndpoints: rows.map(toWebhookEndpoint), nextCursor }
  },
})
