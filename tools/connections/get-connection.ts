import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { Connection, ConnectionRef, requireConnection, toConnection } from './connection.ts'

export const getConnection = defineTool({
  name: 'get_connection',
  title: 'Get a connection',
  description: 'One connected account: its status and why, never its credentials.',
  input: z.object({ connection: ConnectionRef }),
  output: z.object({ connection: Connection }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /connections/:connection',
  async run(context, input) {
    return { connection: toConnection(await context.read((tx) => requireConnection(tx, input.connection))) }
  },
})
