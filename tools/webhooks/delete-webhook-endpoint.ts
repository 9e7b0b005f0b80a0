import { z } from 'zod'
import { deleteWebhookEndpoint as removeEndpoint } from '../../db/webhook-endpoints.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { requireWebhookEndpoint, WebhookEndpointRef } from './webhook-endpoint.ts'

export const deleteWebhookEndpoint = defineTool({
  name: 'delete_webhook_endpoint',
  title: 'Delete a webhook endpoint',
  description: 'Stops telling your product at this address, and forgets what was to be delivered there.',
  input: z.object({ webhookEndpoint: WebhookEndpointRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id it had.') }),
  permission: 'settings.manage',
  effect: 'destructive',
  http: 'DELETE /webhook-endpoints/:webhookEndpoint',
  resource: (input) => input.webhookEndpoint,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    await context.transaction(async (tx) => {
      await requireWebhookEndpoint(tx, input.webhookEndpoint)
      await removeEndpoint(tx, input.webhookEndpoint)
    })
    return { deleted: true as const, id: input.webhookEndpoint }
  },
})
