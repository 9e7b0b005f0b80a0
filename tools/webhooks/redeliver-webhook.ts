import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { redeliver } from '../../db/webhook-deliveries.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { toWebhookDelivery, WebhookDelivery } from './webhook-endpoint.ts'

export const redeliverWebhook = defineTool({
  name: 'redeliver_webhook',
  title: 'Deliver a webhook again',
  description: 'Sends a delivery once more, with the same webhook-id, whether it failed or arrived.',
  input: z.object({ delivery: z.string().min(1).describe('A delivery’s id (whd_…).') }),
  output: z.object({ webhookDelivery: WebhookDelivery }),
  permission: 'settings.manage',
  effect: 'write',
  openWorld: true,
  http: 'POST /webhook-deliveries/:delivery/redeliver',
  successStatus: 202,
  resource: (input) => input.delivery,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    const row = await context.transaction((tx) => redeliver(tx, input.delivery))
    if (row === undefined)
      throw notFound('webhook delivery', input.delivery, 'list_webhook_deliveries shows the ids.')
    return { webhookDelivery: toWebhookDelivery(row) }
  },
})
