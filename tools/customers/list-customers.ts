import { z } from 'zod'
import { listCustomers as queryCustomers } from '../../db/customers.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { Customer, toCustomer } from './customer.ts'

export const listCustomers = defineTool({
  name: 'list_customers',
  title: 'List customers',
  description: 'Lists your customers, newest first; `query` narrows by name or slug.',
  input: z.object({
    query: z.string().min(1).nullable().default(null).describe('Part of the name or slug.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ customers: z.array(Customer), nextCursor: NextCursor }),
  permission: 'customers.read',
  effect: 'read',
  http: 'GET /customers',
  async run(context, input) {
    const found = await context.read((tx) => queryCustomers(tx, { ...input, limit: input.limit + 1 }))
    const { rows, nextCursor } = page(found, input.limit)
    return { customers: rows.map(toCustomer), nextCursor }
  },
})
