import { scopeOf } from '../../core/actor.ts'
import { AppError, conflict, toAppError } from '../../core/errors.ts'
import type { TriggerRow } from '../../db/triggers.ts'
import { findSubscriptions, unsubscribe } from '../../runtime/triggers/subscription-calls.ts'
import { type Subscribed, WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import type { ToolContext } from '../define-tool.ts'

type Caller = Pick<ToolContext, 'services' | 'actor' | 'signal'>

/** May the app be being asked to subscribe just now? */
export const isUnderWay = ({ id, askedUntil }: Subscribed): boolean =>
  id === null && askedUntil !== null && Date.parse(askedUntil) > Date.now()

/** Refuses while the app is being asked. @throws AppError `conflict`, retryable */
export function refuseUnderWay(subscription: Subscribed, trigger: string): void {
  if (!isUnderWay(subscription)) return
  const ms = Date.parse(subscription.askedUntil ?? '') - Date.now()
  throw conflict(
    `The app is being asked to subscribe ${trigger} to ${subscription.event}, or was when its server ended.`,
    {
      where: 'trigger',
      hint: 'Try again in a moment.',
      retryable: true,
      retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
    },
  )
}

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
    const ids =
      subscription.id === null
        ? await findSubscriptions(connections, scope, row, subscription, signal)
        : [subscription.id]
    if (ids === null)
      throw conflict('Its answer to subscribing was lost, and its event defines no whole list to find it in.')
    for (const id of ids) await unsubscribe(connections, scope, row, subscription, id, signal)
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
