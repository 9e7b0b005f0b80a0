import { z } from 'zod'
import { findCustomer, deleteCustomer as removeCustomer } from '../../db/customers.ts'
import { listSubscribed } from '../../db/triggers.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { endSubscriptions, LeftoverFields, leftoversOf, logLeft } from '../triggers/end-subscriptions.ts'
import { requireCustomer } from './customer.ts'

export const deleteCustomer = defineTool({
  name: 'delete_customer',
  title: 'Delete a customer',
  description:
    'Deletes a customer with its connections, triggers, events, executions, state and secrets, for good. What apps were subscribed to for it (create_app_event) is taken back first. To only stop its workflows, set its status to inactive with update_customer.',
  input: z.object({ customer: CustomerRef }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the customer had.'),
    ...LeftoverFields,
  }),
  openWorld: true,
  permission: 'customers.manage',
  effect: 'destructive',
  http: 'DELETE /customers/:customer',
  resource: (input) => input.customer,
  async run(context, input) {
    const subscribed = await context.read(async (tx) => {
      const customer = await findCustomer(tx, input.customer)
      return customer === undefined ? [] : listSubscribed(tx, { customerId: customer.id })
    })
    const ended = await endSubscriptions(context, subscribed)
    const { id, leftovers } = await context.transaction(async (tx) => {
      const customer = await requireCustomer(tx, input.customer)
      context.touches(customer.id)
      const rows = await listSubscribed(tx, { customerId: customer.id }, { lock: true })
      await removeCustomer(tx, customer.id)
      return { id: customer.id, leftovers: leftoversOf(rows, ended) }
    })
    connectionsChanged(context)
    logLeft(context, leftovers)
    return { deleted: true as const, id, ...leftovers }
  },
})
