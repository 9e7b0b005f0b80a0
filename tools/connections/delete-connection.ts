import { z } from 'zod'
import { deleteConnection as removeConnection } from '../../db/connections.ts'
import { defineTool } from '../define-tool.ts'
import { connectionsChanged } from './changed.ts'
import { ConnectionRef, requireConnection } from './connection.ts'

export const deleteConnection = defineTool({
  name: 'delete_connection',
  title: 'Delete a connection',
  description:
    'Deletes a connected account and its credentials, for good. To only stop its use, set its status to inactive with update_connection.',
  input: z.object({ connection: ConnectionRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the connection had.') }),
  permission: 'connections.delete',
  effect: 'destructive',
  http: 'DELETE /connections/:connection',
  resource: (input) => input.connection,
  async run(context, input) {
    await context.transaction(async (tx) => {
      await requireConnection(tx, input.connection)
      await removeConnection(tx, input.connection)
    })
    connectionsChanged(context)
    return { deleted: true as const, id: input.connection }
  },
})
