import { z } from 'zod'
import { permissions, roleNames } from '../../core/permissions.ts'
import { findCustomer } from '../../db/customers.ts'
import { defineTool } from '../define-tool.ts'
import { organizationOf } from './organization.ts'

const MAX_CUSTOMERS_SHOWN = 50

export const whoami = defineTool({
  name: 'whoami',
  title: 'Who am I',
  description:
    'Who this key is: its organization, role, permissions, mode, and the customers it reaches. Call it first, or when something was forbidden.',
  input: z.object({}),
  output: z.object({
    actor: z.object({
      kind: z.enum(['api_key', 'system', 'connect_link']),
      id: z.string(),
      name: z.string(),
    }),
    organization: z.object({ id: z.string().describe('org_…'), name: z.string() }),
    role: z.enum(roleNames),
    permissions: z
      .array(z.enum(permissions))
      .describe('What this key may do: its role’s, narrowed by the key’s own list.'),
    mode: z.enum(['test', 'live']).describe('Test keys never deploy to production nor run in it.'),
    customers: z
      .array(z.object({ id: z.string().describe('cus_…'), name: z.string(), slug: z.string() }))
      .nullable()
      .describe('The only customers this key reaches (the first 50); null: all of the organization’s.'),
    ratePerMinute: z
      .number()
      .nullable()
      .describe('Calls a minute this key may make; null: the server’s default.'),
  }),
  permission: null,
  effect: 'read',
  http: 'GET /whoami',
  async run(context) {
    const { actor } = context
    return context.read(async (tx) => {
      const organization = await organizationOf(tx, actor)
      const customers = []
      for (const id of actor.customerIds?.slice(0, MAX_CUSTOMERS_SHOWN) ?? []) {
        const customer = await findCustomer(tx, id)
        if (customer !== undefined) {
          customers.push({ id: customer.id, name: customer.name, slug: customer.slug })
        }
      }
      return {
        actor: { kind: actor.kind, id: actor.id, name: actor.name },
        organization: { id: organization.id, name: organization.name },
        role: actor.role,
        permissions: permissions.filter((permission) => actor.permissions.has(permission)),
        mode: actor.mode,
        customers: actor.customerIds === null ? null : customers,
        ratePerMinute: actor.ratePerMinute,
      }
    })
  },
})
