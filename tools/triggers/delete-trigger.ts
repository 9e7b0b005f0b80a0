import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { AppError, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { getTrigger, deleteTrigger as removeTrigger } from '../../db/triggers.ts'
import { fillIn } from '../../runtime/connectors/event-subscription.ts'
import { WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
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
    if (!input.leaveSubscription) await unsubscribe(context, input.trigger)
    const deleted = await context.transaction((tx) => removeTrigger(tx, input.trigger))
    if (deleted === 0) throw noTrigger(input.trigger)
    return { deleted: true as const, id: input.trigger }
  },
})

const GONE = [404, 410]

/** @throws AppError when the app still has the subscription: deleting the trigger would lose what it takes to remove it */
async function unsubscribe({ read, services, actor, signal }: ToolContext, id: string): Promise<void> {
  const row = await read((tx) => getTrigger(tx, id))
  if (row?.type !== 'webhook') return
  const { subscription } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.id === null) return
  const { connector, connection, unsubscribe: call } = subscription
  try {
    await services.connections.runAction(
      scopeOf(actor),
      {
        connector,
        action: call.action,
        customerId: row.customer_id,
        connection: connection ?? undefined,
        input: fillIn(call.input, { subscriptionId: subscription.id }),
      },
      signal,
    )
  } catch (cause) {
    const error = toAppError(cause)
    if (isJsonObject(error.data) && GONE.includes(Number(error.data.status))) return
    throw new AppError(
      error.code,
      `The app still has the subscription ${subscription.id}. ${error.message}`,
      {
        where: 'trigger',
        hint: 'Try again; or delete it with leaveSubscription: true and take the subscription away at the app.',
        retryable: error.retryable,
        cause,
      },
    )
  }
}
