import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { removePin } from '../../db/connector-versions.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { requireCustomer } from '../customers/customer.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { requireConnector } from './connector.ts'

export const unpinConnectorVersion = defineTool({
  name: 'unpin_connector_version',
  title: 'Let a customer move on',
  description: 'Lets a customer who was held on a version of a connector use the current one from now on.',
  input: z.object({ connector: ConnectorRef, customer: CustomerRef }),
  output: z.object({
    connector: z.string().describe('Slug.'),
    customer: z.string().describe('Slug.'),
    version: z.number().int().describe('The version they use now.'),
  }),
  permission: 'connectors.update',
  effect: 'write',
  http: 'DELETE /connectors/:connector/pins/:customer',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector version')
    const outcome = await context.transaction(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      context.touches(connector.id)
      const customer = await requireCustomer(tx, input.customer)
      if ((await removePin(tx, connector.id, customer.id)) === 0) {
        throw notFound(
          'pin of customer',
          customer.slug,
          'list_connector_pins shows who is held on which version.',
        )
      }
      return { connector: connector.slug, customer: customer.slug, version: connector.version }
    })
    connectionsChanged(context)
    return outcome
  },
})
