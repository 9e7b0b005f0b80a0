import { scopeOf } from '../../core/actor.ts'
import { AppError, conflict, toAppError } from '../../core/errors.ts'
import type { TriggerRow } from '../../db/triggers.ts'
import { refuseUnderWay, type Subscribed } from '../../runtime/triggers/subscribed.ts'
import { findSubscriptions, unsubscribe } from '../../runtime/triggers/subscription-calls.ts'
import { WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import type { ToolContext } from '../define-tool.ts'

type Caller = Pick<ToolContext, 'services' | 'actor' | 'signal'>

/** What a webhook has at an app, or may have; null: nothing. */
export function subscriptionOf({ type, config }: TriggerRow): Subscribed | null {
  if (type !== 'webhook') return null
  const { subscription } = WebhookConfig.parse(config)
  if (subscription === null || subscription.endedAt !== null) return null
  return subscription.id === null && subscription.askedUntil === null ? null : subscription
}

/**
 * Takes back at the app what a webhook has there.
 * @throws AppError when the app has it still, or may have
 */
export async function takeBack({ services, actor, signal }: Caller, row: TriggerRow): Promise<void> {
  const subscription = subscriptionOf(row)
  if (subscription === null) return
  refuseUnderWay(subscription, row.id)
  const { connections } = services
  const scope = scopeOf(actor)
  const what =
    subscription.id === null ? 'may have a subscription' : `still has the subscription ${subscription.id}`
  try {
    const { id, answer, ending } = subscription
    const held =
      id === null
        ? (await findSubscriptions(connections, scope, row, subscription, signal))?.map((one) => ({
            ...{ id: one, answer: {} },
          }))
        : [{ id, answer }, ...ending]
    if (held === undefined)
      throw conflict('Its answer to subscribing was lost, and its event defines no whole list to find it in.')
    for (const one of held) await unsubscribe(connections, scope, row, subscription, one, signal)
  } catch (cause) {
    const { code, message, retryable } = toAppError(cause)
    throw new AppError(code, `The app ${what} that sends to ${row.id}. ${message}`, {
      where: 'trigger',
      hint: 'Try again; or delete it with leaveSubscription: true and take the subscription away at the app.',
      retryable,
      cause,
    })
  }
}
