import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import {
  getSealedConnection,
  deleteConnection as removeConnection,
  type SealedConnectionRow,
} from '../../db/connections.ts'
import { type ConnectorRow, findConnector } from '../../db/connectors.ts'
import { connectionPurpose } from '../../runtime/connections/credentials.ts'
import { tellOfConnection } from '../../runtime/connections/events.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import { connectionsChanged } from './changed.ts'
import { ConnectionRef, noConnection } from './connection.ts'

export const deleteConnection = defineTool({
  name: 'delete_connection',
  title: 'Delete a connection',
  description:
    'Deletes a connected account and its credentials, for good; OAuth tokens are revoked at the provider where it can be told. To only stop its use, set its status to inactive with update_connection.',
  input: z.object({ connection: ConnectionRef }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the connection had.'),
    revoked: z
      .boolean()
      .nullable()
      .describe('OAuth: was the provider told that the tokens are void? null: there is nothing to tell.'),
  }),
  openWorld: true,
  permission: 'connections.delete',
  effect: 'destructive',
  http: 'DELETE /connections/:connection',
  resource: (input) => input.connection,
  async run(context, input) {
    const account = await context.transaction(async (tx) => {
      const row = await getSealedConnection(tx, input.connection)
      if (row === undefined) throw noConnection(input.connection)
      await removeConnection(tx, row.id)
      await tellOfConnection(tx, context.actor.organizationId, 'deleted', row)
      return row.oauth_app_id === null
        ? undefined
        : { row, connector: await findConnector(tx, row.connector_id) }
    })
    connectionsChanged(context)
    if (account?.connector === undefined)
      return { deleted: true as const, id: input.connection, revoked: null }
    const revoked = await revokeTokens(context, account.row, account.connector)
    return { deleted: true as const, id: input.connection, revoked }
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
