import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { insertWebhookEndpoint } from '../../db/webhook-endpoints.ts'
import { webhookEndpointPurpose } from '../../runtime/webhooks/deliver.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import {
  EndpointUrl,
  EventTypes,
  newSigningSecret,
  ShownSecret,
  toWebhookEndpoint,
  WebhookEndpoint,
} from './webhook-endpoint.ts'

export const createWebhookEndpoint = defineTool({
  name: 'create_webhook_endpoint',
  title: 'Be told of events',
  description:
    'Has your product told of what happens (a connection expired, failed, was created) by signed POSTs, as Standard Webhooks describes, retried for some 17 hours. Returns the signing secret this once.',
  input: z.object({
    url: EndpointUrl,
    eventTypes: EventTypes.default([]),
    description: z.string().max(1000).default('').describe('What it is for.'),
  }),
  output: z.object({ webhookEndpoint: WebhookEndpoint, secret: ShownSecret }),
  permission: 'settings.manage',
  effect: 'write',
  http: 'POST /webhook-endpoints',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A webhook endpoint')
    const { organizationId } = context.actor
    const id = newId('webhookEndpoint')
    const secret = newSigningSecret()
    context.touches(id)
    const row = await context.transaction(async (tx) =>
      insertWebhookEndpoint(tx, {
        id,
        organizationId,
        url: input.url,
        description: input.description,
        eventTypes: input.eventTypes,
        secret: await context.services.vault.seal(tx, organizationId, webhookEndpointPurpose(id), secret),
      }),
    )
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return { webhookEndpoint: toWebhookEndpoint(row), secret }
  },
})
