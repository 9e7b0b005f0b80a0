import { z } from 'zod'
import { getTrigger, deleteTrigger as removeTrigger } from '../../db/triggers.ts'
import { defineTool } from '../define-tool.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { takeBack } from './take-back.ts'
import { noTrigger, TriggerRef } from './trigger.ts'

export const deleteTrigger = defineTool({
  name: 'delete_trigger',
  title: 'Delete a trigger',
  description:
    'Deletes a trigger with its routes and secret; its URL stops answering. What was registered at an app for it (create_app_event) is taken back there first. Its events and executions stay. To only pause it, use update_trigger with enabled false.',
  input: z.object({
    trigger: TriggerRef,
    leaveSubscription: z
      .boolean()
      .default(false)
      .describe(
        'Deletes it without asking the app to unsubscribe, as when its account is gone, or the key may not run actions.',
      ),
  }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the trigger had.') }),
  permission: 'workflows.update',
  // Unsubscribing is a call of the app.
  permissionFor: ({ leaveSubscription }) => (leaveSubscription ? 'workflows.update' : 'connections.execute'),
  effect: 'destructive',
  openWorld: true,
  http: 'DELETE /triggers/:trigger',
  resource: (input) => input.trigger,
  async run(context, input) {
    const row = await context.read(async (tx) => {
      const found = await getTrigger(tx, input.trigger)
      for (const { environment } of found?.routes ?? [])
        await requireEnvironmentFor(tx, context.actor, environment, 'delete triggers that run workflows in')
      return found
    })
    if (row !== undefined && !input.leaveSubscription) await takeBack(context, row)
    const deleted = await context.transaction((tx) => removeTrigger(tx, input.trigger))
    if (deleted === 0) throw noTrigger(input.trigger)
    return { deleted: true as const, id: input.trigger }
  },
})
