import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { countConnections } from '../../db/connections.ts'
import { workflowsUsing } from '../../db/connector-versions.ts'
import { type ConnectorRow, deleteConnector as removeConnector } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
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
import { IfRevision, requireConnector, requireConnectorForChange, requireRevision } from './connector.ts'

export const deleteConnector = defineTool({
  name: 'delete_connector',
  title: 'Delete a connector',
  description:
    'Deletes a connector with its actions, for good. While it has connections it is kept, unless `force` deletes those too; what their apps were subscribed to (create_app_event) is taken back first. export_connector first, to be able to bring it back.',
  input: z.object({
    connector: ConnectorRef,
    force: z.boolean().default(false).describe('Delete its connections, with their credentials, too.'),
    unlessCalled: z
      .boolean()
      .default(false)
      .describe('Keep it while the newest or a deployed version of a workflow calls it.'),
    ifRevision: IfRevision,
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
      await refuseUsed(tx, connector, input)
      return listSubscribed(tx, { connector: connector.slug })
    })
    const ended = await endSubscriptions(context, subscribed)
    const { leftovers, ...outcome } = await context.transaction(async (tx) => {
      const connector = await requireConnectorForChange(tx, input.connector)
      const { id, slug } = connector
      context.touches(id)
      const connections = await refuseUsed(tx, connector, input)
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

interface Unless {
  force: boolean
  unlessCalled: boolean
  ifRevision?: number | undefined
}

/**
 * @returns how many connections it has
 * @throws AppError `conflict` naming what uses it, or that it was changed since
 */
async function refuseUsed(
  tx: Tx,
  connector: ConnectorRow,
  { force, unlessCalled, ifRevision }: Unless,
): Promise<number> {
  requireRevision(connector, ifRevision)
  if (unlessCalled) await refuseWhileCalled(tx, connector.slug)
  const connections = await countConnections(tx, connector.id)
  if (connections === 0 || force) return connections
  throw conflict(`The connector has ${connections} connection(s).`, {
    hint: 'Delete them first (list_connections, delete_connection), or give force: true to delete them too.',
    data: { connections },
  })
}

async function refuseWhileCalled(tx: Tx, slug: string): Promise<void> {
  const workflows = [...new Set((await workflowsUsing(tx, slug)).map(({ workflow }) => workflow))]
  if (workflows.length === 0) return
  throw conflict(`Workflows call it: ${workflows.join(', ')}.`, {
    where: 'unlessCalled',
    hint: 'Change or delete them first; without unlessCalled it is deleted, and they fail from then on.',
    data: { workflows },
  })
}
