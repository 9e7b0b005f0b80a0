import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { countConnections } from '../../db/connections.ts'
import { deleteConnector as removeConnector } from '../../db/connectors.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnectorForChange } from './connector.ts'

export const deleteConnector = defineTool({
  name: 'delete_connector',
  title: 'Delete a connector',
  description:
    'Deletes a connector with its actions, for good. While it has connections it is kept, unless `force` deletes those too. export_connector first, to be able to bring it back.',
  input: z.object({
    connector: ConnectorRef,
    force: z.boolean().default(false).describe('Delete its connections, with their credentials, too.'),
  }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the connector had.'),
    connections: z.number().int().describe('Connections deleted with it.'),
  }),
  permission: 'connectors.delete',
  effect: 'destructive',
  http: 'DELETE /connectors/:connector',
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const outcome = await context.transaction(async (tx) => {
      const { id } = await requireConnectorForChange(tx, input.connector)
      context.touches(id)
      const connections = await countConnections(tx, id)
      if (connections > 0 && !input.force) {
        throw conflict(`The connector has ${connections} connection(s).`, {
          hint: 'Delete them first (list_connections, delete_connection), or give force: true to delete them too.',
          data: { connections },
        })
      }
      await removeConnector(tx, id)
      return { id, connections }
    })
    connectionsChanged(context)
    return { deleted: true as const, ...outcome }
  },
})
