import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { claimSecret, storeSecret } from '../../db/secrets.ts'
import { secretPurpose } from '../../runtime/secrets/secrets.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import {
  requireEnvironment,
  SecretCustomer,
  SecretEnvironment,
  SecretName,
  SecretSummary,
  toSecretSummary,
} from './secret.ts'

const MAX_VALUE_BYTES = 64 * 1024

export const setSecret = defineTool({
  name: 'set_secret',
  title: 'Set a secret',
  description:
    'Stores an encrypted value for workflows, replacing the one of the same name, customer and environment. It is never shown again. A workflow gets the nearest: customer + environment, customer, environment, organization.',
  input: z.object({
    name: SecretName,
    value: z
      .string()
      .min(1)
      .refine((text) => Buffer.byteLength(text) <= MAX_VALUE_BYTES, 'may have 64 KB at most')
      .describe('The value; JSON as text when `kind` is json. 64 KB at most.'),
    kind: z
      .enum(['text', 'json'])
      .default('text')
      .describe('`json` values reach workflows parsed; `text` as they are.'),
    customer: SecretCustomer,
    environment: SecretEnvironment,
  }),
  output: z.object({
    secret: SecretSummary,
    created: z.boolean().describe('False: an older value was replaced.'),
  }),
  permission: 'secrets.manage',
  effect: 'write',
  idempotent: true,
  http: 'PUT /secrets/:name',
  resource: (input) => input.name,
  async run(context, input) {
    if (input.kind === 'json') checkJson(input.value)
    const { organizationId } = context.actor
    return context.transaction(async (tx) => {
      const customerId = await actingCustomer(tx, context.actor, input.customer)
      await requireEnvironment(tx, input.environment)
      const claimed = await claimSecret(tx, {
        id: newId('secret'),
        organizationId,
        customerId,
        environment: input.environment,
        name: input.name,
      })
      if (claimed === undefined) throw new Error('INSERT … RETURNING gave no row')
      const sealed = await context.services.vault.seal(
        tx,
        organizationId,
        secretPurpose(claimed.id),
        input.value,
      )
      const row = await storeSecret(tx, claimed.id, input.kind, sealed)
      if (row === undefined) throw new Error('UPDATE … RETURNING gave no row')
      return { secret: toSecretSummary(row), created: claimed.created }
    })
  },
})

/** The parser's own message would quote the value, so it is not passed on. */
function checkJson(text: string): void {
  try {
    JSON.parse(text)
  } catch {
    throw invalidInput('The value is not valid JSON.', {
      where: 'value',
      hint: 'Correct it, or use kind "text" to store it as it is.',
    })
  }
}
