import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import {
  getSealedConnection,
  deleteConnection as removeConnection,
  type SealedConnectionRow,
} from '../../db/connections.ts'
import { type ConnectorRow, findConnector } from '../../db/connectors.ts'
import { listSubscribed } from '../../db/triggers.ts'
import { connectionPurpose } from '../../runtime/connections/credentials.ts'
import { tellOfConnection } from '../../runtime/connections/events.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import {
  endSubscriptions,
  LeftoverFields,
  leftoversOf,
  logLeft,
  markEnded,
} from '../triggers/end-subscriptions.ts'
import { connectionsChanged } from './changed.ts'
import { ConnectionRef, noConnection } from './connection.ts'

export const deleteConnection = defineTool({
  name: 'delete_connection',
  title: 'Delete a connection',
  description:
    'Deletes a connected account and its credentials, for good; OAuth tokens are revoked at the provider where it can be told. What apps were subscribed to with it (create_app_event) is taken back first, and its triggers are stopped. To only stop its use, set its status to inactive with update_connection.',
  input: z.object({ connection: ConnectionRef }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the connection had.'),
    revoked: z
      .boolean()
      .nullable()
      .describe('OAuth: was the provider told that the tokens are void? null: there is nothing to tell.'),
    ...LeftoverFields,
  }),
  openWorld: true,
  permission: 'connections.delete',
  effect: 'destructive',
  http: 'DELETE /connections/:connection',
  resource: (input) => input.connection,
  async run(context, input) {
    const filter = { connection: input.connection }
    const ended = await endSubscriptions(context, await context.read((tx) => listSubscribed(tx, filter)))
    const { account, leftovers } = await context.transaction(async (tx) => {
      const row = await getSealedConnection(tx, input.connection)
      if (row === undefined) throw noConnection(input.connection)
      const subscriptions = leftoversOf(await listSubscribed(tx, filter, { lock: true }), ended)
      await markEnded(tx, subscriptions)
      await removeConnection(tx, row.id)
      await tellOfConnection(tx, context.actor.organizationId, 'deleted', row)
      const connector = row.oauth_app_id === null ? undefined : await findConnector(tx, row.connector_id)
      return { account: { row, connector }, leftovers: subscriptions }
    })
    connectionsChanged(context)
    logLeft(context, leftovers)
    const { row, connector } = account
    const revoked = connector === undefined ? null : await revokeTokens(context, row, connector)
    return { deleted: true as const, id: input.connection, revoked, ...leftovers }
  },
})

/** The connection is gone already; that the provider cannot be reached does not bring it back. */
async function revokeTokens(
  { actor, services, read, log }: ToolContext,
  row: SealedConnectionRow,
  connector: ConnectorRow,
): Promise<boolean | null> {
  try {
    const text = await read((tx) =>
      services.vault.open(tx, actor.organizationId, connectionPurpose(row.id), row.credentials),
    )
    const told = await services.oauth.revoke(scopeOf(actor), {
      connector,
      authMethod: row.auth_method,
      oauthAppId: row.oauth_app_id,
      credentials: JSON.parse(text.reveal()) as Record<string, string>,
    })
    return told ? true : null
  } catch (error) {
    log.warn({ connection: row.id, err: (error as Error).message }, 'tokens could not be revoked')
    return false
  }
}
