import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { Customer, requireCustomer, toCustomer } from './customer.ts'

export const getCustomer = defineTool({
  name: 'get_customer',
  title: 'Get a customer',
  description: 'One customer by id or slug. list_connections with the same `customer` shows its accounts.',
  input: z.object({ customer: CustomerRef }),
  output: z.object({ customer: Customer }),
  permission: 'customers.read',
  effect: 'read',
  http: 'GET /customers/:customer',
  async run(context, input) {
    return { customer: toCustomer(await context.read((tx) => requireCustomer(tx, input.customer))) }
  },
})
