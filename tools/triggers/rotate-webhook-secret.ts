import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { setTriggerSecret } from '../../db/triggers.ts'
import { triggerPurpose } from '../../runtime/triggers/ingest.ts'
import { defineTool } from '../define-tool.ts'
import { refuseSubscribed, requireWebhookLocked, TriggerRef } from './trigger.ts'
import { chooseSecret, NewSecret, nextStep, SecretInput } from './webhook-secret.ts'

export const rotateWebhookSecret = defineTool({
  name: 'rotate_webhook_secret',
  title: 'Change a webhook’s secret',
  description:
    'Gives a webhook a new signing secret or key, or the one its sender issued. The old one stops working at once, so change it at the sender too.',
  input: z.object({ trigger: TriggerRef, secret: SecretInput }),
  output: z.object({
    id: z.string().describe('The trigger.'),
    secret: NewSecret,
    nextStep: z.string().describe('What is left to do.'),
  }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'POST /triggers/:trigger/rotate-secret',
  resource: (input) => input.trigger,
  async run(context, input) {
    const { actor, services } = context
    return context.transaction(async (tx) => {
      const { row, config } = await requireWebhookLocked(tx, actor, input.trigger)
      refuseSubscribed(config)
      const { plain, shown } = chooseSecret(config.verification, input.secret)
      if (plain === null)
        throw conflict('This webhook verifies nothing, so it has no secret.', {
          where: 'trigger',
          hint: 'Choose a verification scheme with update_trigger: that makes a secret.',
        })
      const sealed = await services.vault.seal(tx, actor.organizationId, triggerPurpose(row.id), plain)
      await setTriggerSecret(tx, row.id, sealed)
      return {
        id: row.id,
        secret: shown,
        nextStep: nextStep(config.verification, input.secret !== undefined),
      }
    })
  },
})
