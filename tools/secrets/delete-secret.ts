import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { deleteSecret as removeSecret } from '../../db/secrets.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { SecretCustomer, SecretEnvironment, SecretName } from './secret.ts'

export const deleteSecret = defineTool({
  name: 'delete_secret',
  title: 'Delete a secret',
  description:
    'Deletes the secret of exactly this name, customer and environment. Workflows that ask for it fail, or get the next nearest.',
  input: z.object({ name: SecretName, customer: SecretCustomer, environment: SecretEnvironment }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the secret had.') }),
  permission: 'secrets.manage',
  effect: 'destructive',
  http: 'DELETE /secrets/:name',
  resource: (input) => input.name,
  async run(context, input) {
    const gone = await context.transaction(async (tx) => {
      const customerId = await actingCustomer(tx, context.actor, input.customer)
      const row = await removeSecret(tx, { name: input.name, customerId, environment: input.environment })
      if (row === undefined) {
        throw notFound(
          'secret',
          input.name,
          'list_secrets shows the names, with the customer and environment to give.',
        )
      }
      return row
    })
    return { deleted: true as const, id: gone.id }
  },
})
