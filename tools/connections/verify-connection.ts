import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { defineTool } from '../define-tool.ts'
import { connectionsChanged } from './changed.ts'
import { ConnectionRef, requireConnection } from './connection.ts'

export const verifyConnection = defineTool({
  name: 'verify_connection',
  title: 'Verify a connection',
  description:
    'Tries a connection’s credentials with its connector’s verification call. Accepted, a failed or expired connection becomes active again; refused, it becomes failed and the provider’s answer comes back as the error.',
  input: z.object({ connection: ConnectionRef }),
  output: z.object({
    verified: z.boolean().describe('False: the connector has no verification call; nothing was tried.'),
    detail: z.string().describe('What was tried and what came back.'),
  }),
  permission: 'connections.execute',
  effect: 'write',
  idempotent: true,
  openWorld: true,
  http: 'POST /connections/:connection/verify',
  resource: (input) => input.connection,
  async run(context, input) {
    await context.read((tx) => requireConnection(tx, input.connection))
    try {
      return await context.services.connections.verify(
        scopeOf(context.actor),
        input.connection,
        context.signal,
      )
    } finally {
      connectionsChanged(context) // either outcome may have changed its status
    }
  },
})
