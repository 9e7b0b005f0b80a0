import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { updateCustomer as changeCustomer } from '../../db/customers.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { Customer, Metadata, requireCustomer, toCustomer } from './customer.ts'

export const updateCustomer = defineTool({
  name: 'update_customer',
  title: 'Change a customer',
  description:
    'Changes a customer’s name, status or metadata; what is left out stays. `inactive` stops its workflows without losing anything.',
  input: z.object({
    customer: CustomerRef,
    name: z.string().trim().min(1).max(200).optional().describe('New display name.'),
    status: z
      .enum(['active', 'inactive'])
      .optional()
      .describe('Workflows do not run for an inactive customer.'),
    metadata: Metadata.optional().describe('Replaces all of the customer’s metadata.'),
  }),
  output: z.object({ customer: Customer }),
  permission: 'customers.manage',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /customers/:customer',
  resource: (input) => input.customer,
  async run(context, input) {
    const row = await context.transaction(async (tx) => {
      const { id } = await requireCustomer(tx, input.customer)
      context.touches(id)
      return changeCustomer(tx, id, { name: input.name, status: input.status, metadata: input.metadata })
    })
    if (row === undefined) throw notFound('customer', input.customer)
    return { customer: toCustomer(row) }
  },
})
