import { z } from 'zod'
import { updateTrigger as changeTrigger, getTrigger, setTriggerSecret } from '../../db/triggers.ts'
import { Deduplication, Verification } from '../../runtime/triggers/webhook-config.ts'
import { defineTool } from '../define-tool.ts'
import { RouteInputs, setRoutes } from './routes.ts'
import { requireWebhookLocked, Trigger, TriggerRef, toTrigger, triggerPurpose } from './trigger.ts'
import { chooseSecret, NewSecret } from './webhook-secret.ts'

export const updateTrigger = defineTool({
  name: 'update_trigger',
  title: 'Change a trigger',
  description:
    'Changes a trigger; what is left out stays. `enabled: false` refuses deliveries. Another verification scheme makes a new secret, shown this once; with the same scheme the secret stays (rotate_webhook_secret changes it).',
  input: z.object({
    trigger: TriggerRef,
    name: z.string().trim().min(1).max(200).optional().describe('New display name.'),
    description: z.string().max(5_000).optional().describe('New description.'),
    enabled: z.boolean().optional().describe('False refuses deliveries.'),
    routes: RouteInputs.optional().describe(
      'Replaces all routes. Every route whose filter matches starts one execution.',
    ),
    verification: Verification.optional().describe('Replaces how deliveries prove where they come from.'),
    deduplication: Deduplication.optional().describe('Replaces what makes a delivery a repeated one.'),
    deadLetter: z.boolean().optional().describe('Keep executions that fail for good as dead letters.'),
  }),
  output: z.object({ trigger: Trigger, secret: NewSecret }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'PATCH /triggers/:trigger',
  resource: (input) => input.trigger,
  async run(context, input) {
    const { actor, services } = context
    const { row, secret } = await context.transaction(async (tx) => {
      const { row: before, config } = await requireWebhookLocked(tx, actor, input.trigger)
      context.touches(before.id)
      const verification = input.verification ?? config.verification
      await changeTrigger(tx, before.id, {
        name: input.name ?? before.name,
        description: input.description ?? before.description,
        enabled: input.enabled ?? before.enabled,
        config: {
          verification,
          deduplication: input.deduplication ?? config.deduplication,
          deadLetter: input.deadLetter ?? config.deadLetter,
        },
      })
      // A secret of one scheme need not fit, and should not serve, another.
      let shown: string | null = null
      if (verification.scheme !== config.verification.scheme) {
        const made = chooseSecret(verification, undefined)
        shown = made.shown
        await setTriggerSecret(
          tx,
          before.id,
          made.plain === null
            ? null
            : await services.vault.seal(tx, actor.organizationId, triggerPurpose(before.id), made.plain),
        )
      }
      if (input.routes !== undefined) await setRoutes(tx, actor, before.id, input.routes)
      return { row: await getTrigger(tx, before.id), secret: shown }
    })
    if (row === undefined) throw new Error('the trigger just changed is not there')
    return { trigger: toTrigger(row, services.publicUrl()), secret }
  },
})
