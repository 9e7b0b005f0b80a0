import { z } from 'zod'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'

export const rotateKeys = defineTool({
  name: 'rotate_keys',
  title: 'Rotate the encryption keys',
  description:
    'After the server’s master key was changed: wraps the organization’s data keys with the new one, so that the old one is no longer needed. Credentials and secrets stay readable throughout. Safe to repeat.',
  input: z.object({}),
  output: z.object({
    rewrapped: z.number().int().describe('Data keys wrapped anew; 0: all were up to date.'),
  }),
  permission: 'settings.manage',
  effect: 'write',
  idempotent: true,
  http: 'POST /encryption-keys/rotate',
  async run(context) {
    refuseCustomerKey(context.actor, 'The organization')
    const { organizationId } = context.actor
    context.touches(organizationId)
    return {
      rewrapped: await context.transaction((tx) => context.services.vault.rewrap(tx, organizationId)),
    }
  },
})
