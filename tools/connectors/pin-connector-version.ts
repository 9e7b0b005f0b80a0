import { z } from 'zod'
import { setPin } from '../../db/connector-versions.ts'
import { lockConnector } from '../../db/connectors.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { requireCustomer } from '../customers/customer.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { noConnector } from './connector.ts'
import { requireVersion, VersionNumber } from './connector-version.ts'
import { keepPresentVersion } from './store-connector.ts'

export const pinConnectorVersion = defineTool({
  name: 'pin_connector_version',
  title: 'Hold a customer on a version',
  description:
    'Holds one customer on a version of a connector: their calls go on with its actions, address and authentication, whatever newer versions change. unpin_connector_version lets them move on.',
  input: z.object({
    connector: ConnectorRef,
    customer: CustomerRef,
    version: VersionNumber.nullable()
      .default(null)
      .describe('The version; what the connector is now when left out.'),
  }),
  output: z.object({
    connector: z.string().describe('Slug.'),
    customer: z.string().describe('Slug.'),
    version: z.number().int(),
  }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PUT /connectors/:connector/pins/:customer',
  async run(context, input) {
    const { actor } = context
    refuseCustomerKey(actor, 'A connector version')
    const outcome = await context.transaction(async (tx) => {
      const connector = await lockConnector(tx, input.connector)
      if (connector === undefined) throw noConnector(input.connector)
      context.touches(connector.id)
      const customer = await requireCustomer(tx, input.customer)
      const version = input.version ?? connector.version
      if (version === connector.version) await keepPresentVersion(tx, actor, connector)
      await requireVersion(tx, connector, version)
      const { organizationId } = actor
      await setPin(tx, {
        organizationId,
        customerId: customer.id,
        connectorId: connector.id,
        version,
        createdBy: actor.id,
      })
      return { connector: connector.slug, customer: customer.slug, version }
    })
    connectionsChanged(context)
    return outcome
  },
})
