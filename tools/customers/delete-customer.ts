import { z } from 'zod'
import { deleteCustomer as removeCustomer } from '../../db/customers.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { requireCustomer } from './customer.ts'

export const deleteCustomer = defineTool({
  name: 'delete_customer',
  title: 'Delete a customer',
  description:
    'Deletes a customer with its connections, triggers, events, executions, state and secrets, for good. To only stop its workflows, set its status to inactive with update_customer.',
  input: z.object({ customer: CustomerRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the customer had.') }),
  permission: 'customers.manage',
  effect: 'destructive',
  http: 'DELETE /customers/:customer',
  resource: (input) => input.customer,
  async run(context, input) {
    const { id } = await context.transaction(async (tx) => {
      const customer = await requireCustomer(tx, input.customer)
      context.touches(customer.id)
      await removeCustomer(tx, customer.id)
      return customer
    })
    connectionsChanged(context)
    return { deleted: true as const, id }
  },
})
