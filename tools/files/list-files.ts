import { z } from 'zod'
import { listFiles as queryFiles } from '../../db/files.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, CustomerRef, Limit, NextCursor, page } from '../params.ts'
import { FileSummary, toFileSummary } from './file.ts'

export const listFiles = defineTool({
  name: 'list_files',
  title: 'List files',
  description:
    'Lists stored files, newest first: what was uploaded, what workflows saved, and bodies of responses that were large or binary.',
  input: z.object({
    customer: CustomerRef.nullable().default(null).describe('Only this customer’s (id or slug).'),
    execution: z.string().min(1).nullable().default(null).describe('Only those made in this run (exec_…).'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ files: z.array(FileSummary), nextCursor: NextCursor }),
  permission: 'connections.read',
  effect: 'read',
  http: 'GET /files',
  async run(context, input) {
    const found = await context.read(async (tx) => {
      const customerId = input.customer === null ? null : (await requireCustomer(tx, input.customer)).id
      const { cursor } = input
      return queryFiles(tx, { customerId, executionId: input.execution, cursor, limit: input.limit + 1 })
    })
    const { rows, nextCursor } = page(found, input.limit)
    const url = context.services.publicUrl()
    return { files: rows.map((row) => toFileSummary(row, url)), nextCursor }
  },
})
