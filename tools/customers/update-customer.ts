import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { updateCustomer as changeCustomer, setCustomerLimits } from '../../db/customers.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { Customer, Metadata, requireCustomer, toCustomer } from './customer.ts'
import { MaxRunning, StartsPerMinute } from './customer-limits.ts'

export const updateCustomer = defineTool({
  name: 'update_customer',
  title: 'Change a customer',
  description:
    'Changes a customer’s name, status, limits or metadata; what is left out stays. `inactive` stops its workflows without losing anything.',
  input: z.object({
    customer: CustomerRef,
    name: z.string().trim().min(1).max(200).optional().describe('New display name.'),
    status: z
      .enum(['active', 'inactive'])
      .optional()
      .describe('Workflows do not run for an inactive customer.'),
    maxRunning: MaxRunning.nullable()
      .optional()
      .describe(
        'Executions it may have under way at once; the others wait their turn. Null: the organization’s default.',
      ),
    startsPerMinute: StartsPerMinute.nullable()
      .optional()
      .describe(
        'Executions that may start for it in a minute; what comes over that starts later. Null: the organization’s default.',
      ),
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
      if (input.maxRunning !== undefined || input.startsPerMinute !== undefined)
        await setCustomerLimits(tx, id, input)
      return changeCustomer(tx, id, { name: input.name, status: input.status, metadata: input.metadata })
    })
    if (row === undefined) throw notFound('customer', input.customer)
    return { customer: toCustomer(row) }
  },
})
