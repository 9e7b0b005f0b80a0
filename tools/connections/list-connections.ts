import { z } from 'zod'
import { listConnections as queryConnections } from '../../db/connections.ts'
import { requireConnector } from '../connectors/connector.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Cursor, CustomerRef, Limit, NextCursor, page } from '../params.ts'
import { Connection, toConnection } from './connection.ts'

export const listConnections = defineTool({
  name: 'list_connections',
  title: 'List connections',
  description:
    'Lists connected accounts, newest first: of one customer, one connector, or one status. Credentials are never shown.',
  input: z.object({
    customer: CustomerRef.nullable().default(null).describe('Only this customer’s (id or slug).'),
    connector: ConnectorRef.nullable().default(null).describe('Only this connector’s (slug or id).'),
    status: z
      .enum(['active', 'inactive', 'expired', 'failed'])
      .nullable()
      .default(null)
      .describe('Only those in this status.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ connections: z.array(Connection), nextCursor: NextCursor }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /connections',
  async run(context, input) {
    const found = await context.read(async (tx) => {
      const customerId = input.customer === null ? null : (await requireCustomer(tx, input.customer)).id
      const connectorId = input.connector === null ? null : (await requireConnector(tx, input.connector)).id
      const { status, cursor } = input
      return queryConnections(tx, { customerId, connectorId, status, cursor, limit: input.limit + 1 })
    })
    const { rows, nextCursor } = page(found, input.limit)
    return { connections: rows.map(toConnection), nextCursor }
  },
})
