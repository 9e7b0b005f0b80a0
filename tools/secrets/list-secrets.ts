import { z } from 'zod'
import { listSecrets as querySecrets } from '../../db/secrets.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, CustomerRef, EnvironmentSlug, Limit, NextCursor, page } from '../params.ts'
import { SecretSummary, toSecretSummary } from './secret.ts'

export const listSecrets = defineTool({
  name: 'list_secrets',
  title: 'List secrets',
  description: 'Lists the names of secrets and what they belong to, newest first. Values are never shown.',
  input: z.object({
    customer: CustomerRef.nullable().default(null).describe('Only this customer’s (id or slug).'),
    environment: EnvironmentSlug.nullable().default(null).describe('Only those for this environment.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ secrets: z.array(SecretSummary), nextCursor: NextCursor }),
  permission: 'secrets.manage',
  effect: 'read',
  http: 'GET /secrets',
  async run(context, input) {
    const found = await context.read(async (tx) => {
      const customerId = input.customer === null ? null : (await requireCustomer(tx, input.customer)).id
      return querySecrets(tx, { ...input, customerId, limit: input.limit + 1 })
    })
    const { rows, nextCursor } = page(found, input.limit)
    return { secrets: rows.map(toSecretSummary), nextCursor }
  },
})
