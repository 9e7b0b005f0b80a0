import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { countConnections } from '../../db/connections.ts'
import { deleteConnector as removeConnector } from '../../db/connectors.ts'
import { listSubscribed } from '../../db/triggers.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import {
  endSubscriptions,
  LeftoverFields,
  leftoversOf,
  logLeft,
  markEnded,
} from '../triggers/end-subscriptions.ts'
import { requireConnector, requireConnectorForChange } from './connector.ts'

export const deleteConnector = defineTool({
  name: 'delete_connector',
  title: 'Delete a connector',
  description:
    'Deletes a connector with its actions, for good. While it has connections it is kept, unless `force` deletes those too; what their apps were subscribed to (create_app_event) is taken back first. export_connector first, to be able to bring it back.',
  input: z.object({
    connector: ConnectorRef,
    force: z.boolean().default(false).describe('Delete its connections, with their credentials, too.'),
  }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the connector had.'),
    connections: z.number().int().describe('Connections deleted with it.'),
    ...LeftoverFields,
  }),
  permission: 'connectors.delete',
  effect: 'destructive',
  openWorld: true,
  http: 'DELETE /connectors/:connector',
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const subscribed = await context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      refuseConnected(await countConnections(tx, connector.id), input.force)
      return listSubscribed(tx, { connector: connector.slug })
    })
    const ended = await endSubscriptions(context, subscribed)
    const { leftovers, ...outcome } = await context.transaction(async (tx) => {
      const { id, slug } = await requireConnectorForChange(tx, input.connector)
      context.touches(id)
      const connections = await countConnections(tx, id)
      refuseConnected(connections, input.force)
      const subscriptions = leftoversOf(await listSubscribed(tx, { connector: slug }, { lock: true }), ended)
      await markEnded(tx, subscriptions)
      await removeConnector(tx, id)
      return { id, connections, leftovers: subscriptions }
    })
    connectionsChanged(context)
    logLeft(context, leftovers)
    return { deleted: true as const, ...outcome, ...leftovers }
  },
})

function refuseConnected(connections: number, force: boolean): void {
  if (connections === 0 || force) return
  throw conflict(`The connector has ${connections} connection(s).`, {
    hint: 'Delete them first (list_connections, delete_connection), or give force: true to delete them too.',
    data: { connections },
  })
}
