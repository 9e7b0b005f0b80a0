import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { insertCustomer } from '../../db/customers.ts'
import { brokenUnique } from '../../db/database.ts'
import { defineTool } from '../define-tool.ts'
import { ResourceSlug, slugFrom } from '../params.ts'
import { Customer, Metadata, toCustomer } from './customer.ts'

export const createCustomer = defineTool({
  name: 'create_customer',
  title: 'Create a customer',
  description:
    'Adds a customer: one of your own clients, for whom connections are made and workflows run, isolated from the others. Returns it with the id other tools take.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('Display name, e.g. "Acme Inc."'),
    slug: ResourceSlug.optional().describe(
      'Short stable name, unique in your organization; made from the name when left out.',
    ),
    metadata: Metadata.default({}),
  }),
  output: z.object({ customer: Customer }),
  permission: 'customers.manage',
  effect: 'write',
  http: 'POST /customers',
  successStatus: 201,
  async run(context, input) {
    const slug = input.slug ?? slugFrom(input.name)
    const row = await context
      .transaction((tx) => {
        const id = newId('customer')
        context.touches(id)
        return insertCustomer(tx, {
          id,
          organizationId: context.actor.organizationId,
          name: input.name,
          slug,
          metadata: input.metadata,
        })
      })
      .catch((error: unknown) => {
        if (brokenUnique(error) === undefined) throw error
        throw conflict(`A customer with the slug '${slug}' exists already.`, {
          where: 'slug',
          hint: 'Give another slug, or use the existing customer (get_customer).',
        })
      })
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    return { customer: toCustomer(row) }
  },
})
