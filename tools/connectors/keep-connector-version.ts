import { z } from 'zod'
import { lockConnector } from '../../db/connectors.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { noConnector } from './connector.ts'
import { keepPresentVersion } from './store-connector.ts'

export const keepConnectorVersion = defineTool({
  name: 'keep_connector_version',
  title: 'Keep a version of a connector',
  description:
    'Keeps what a connector is now as a version, before changes by hand: restore_connector_version brings it back. The next change begins another version. Imports keep what they replace by themselves.',
  input: z.object({ connector: ConnectorRef }),
  output: z.object({
    connector: z.string().describe('Slug.'),
    version: z.number().int().describe('The version that is kept.'),
    revision: z.number().int().describe('Counts the changes of the connector and its actions.'),
  }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'POST /connectors/:connector/versions',
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector version')
    return context.transaction(async (tx) => {
      const row = await lockConnector(tx, input.connector)
      if (row === undefined) throw noConnector(input.connector)
      context.touches(row.id)
      await keepPresentVersion(tx, context.actor, row)
      return { connector: row.slug, version: row.version, revision: row.revision }
    })
  },
})
