import { z } from 'zod'
import { listIntegrations as queryIntegrations } from '../../db/integrations.ts'
import { defineTool } from '../define-tool.ts'
import { GatewayCustomer, requireActingCustomer } from './gateway-customer.ts'
import { Integration, toIntegration } from './integration.ts'

export const listIntegrations = defineTool({
  name: 'list_integrations',
  title: 'List integrations',
  description:
    'The apps a customer has connected, with the state of each account: which can be used now, which must be connected again, and why.',
  input: z.object({
    customer: GatewayCustomer,
    includeNotConnected: z
      .boolean()
      .default(false)
      .describe('Also the apps that could be connected but are not.'),
  }),
  output: z.object({ integrations: z.array(Integration) }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /gateway/integrations',
  async run({ actor, read }, input) {
    const rows = await read(async (tx) =>
      queryIntegrations(tx, {
        customerId: await requireActingCustomer(tx, actor, input.customer),
        connectorId: null,
        all: input.includeNotConnected,
      }),
    )
    return { integrations: rows.map(toIntegration) }
  },
})
