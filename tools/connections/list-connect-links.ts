import { z } from 'zod'
import { listConnectLinks as findConnectLinks } from '../../db/connect-links.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, CustomerRef, Limit, NextCursor, page } from '../params.ts'
import { ConnectLink, LinkStatus, toConnectLink } from './connect-link.ts'

export const listConnectLinks = defineTool({
  name: 'list_connect_links',
  title: 'List connect links',
  description: 'The connect links that were made, newest first: who was asked to connect what, and did they?',
  input: z.object({
    customer: CustomerRef.nullable().default(null).describe('Only those of this customer (id or slug).'),
    status: LinkStatus.nullable().default(null).describe('Only those with this status.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ links: z.array(ConnectLink), nextCursor: NextCursor }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /connect-links',
  async run(context, { customer, status, cursor, limit }) {
    return context.read(async (tx) => {
      const customerId = customer === null ? null : (await requireCustomer(tx, customer)).id
      const found = await findConnectLinks(tx, { customerId, status, cursor, limit: limit + 1 })
      const { rows, nextCursor } = page(found, limit)
      return { links: rows.map(toConnectLink), nextCursor }
    })
  },
})
