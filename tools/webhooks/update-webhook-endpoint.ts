import { z } from 'zod'
import { updateWebhookEndpoint as changeEndpoint } from '../../db/webhook-endpoints.ts'
import { webhookEndpointPurpose } from '../../runtime/webhooks/deliver.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import {
  EndpointUrl,
  EventTypes,
  newSigningSecret,
  requireWebhookEndpoint,
  ShownSecret,
  toWebhookEndpoint,
  WebhookEndpoint,
  WebhookEndpointRef,
} from './webhook-endpoint.ts'

export const updateWebhookEndpoint = defineTool({
  name: 'update_webhook_endpoint',
  title: 'Change a webhook endpoint',
  description:
    'Changes where or of what your product is told, or switches it off and on; what is left out stays. `rotateSecret` makes a new signing secret, which counts from the next delivery on.',
  input: z.object({
    webhookEndpoint: WebhookEndpointRef,
    url: EndpointUrl.optional(),
    eventTypes: EventTypes.optional(),
    description: z.string().max(1000).optional().describe('What it is for.'),
    enabled: z.boolean().optional().describe('False: nothing is sent, and nothing kept to be sent later.'),
    rotateSecret: z.boolean().default(false).describe('Make a new signing secret.'),
  }),
  output: z.object({ webhookEndpoint: WebhookEndpoint, secret: ShownSecret.nullable() }),
  permission: 'settings.manage',
  effect: 'write',
  http: 'PATCH /webhook-endpoints/:webhookEndpoint',
  resource: (input) => input.webhookEndpoint,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    const { webhookEndpoint: id, rotateSecret, ...change } = input
    const { organizationId } = context.actor
    const secret = rotateSecret ? newSigningSecret() : null
    const row = await context.transaction(async (tx) => {
      await requireWebhookEndpoint(tx, id)
      const sealed =
        secret === null
          ? undefined
          : await context.services.vault.seal(tx, organizationId, webhookEndpointPurpose(id), secret)
      return (await changeEndpoint(tx, id, { ...change, secret: sealed })) ?? requireWebhookEndpoint(tx, id)
    })
    return { webhookEndpoint: toWebhookEndpoint(row), secret }
  },
})
