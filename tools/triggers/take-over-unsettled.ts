import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '../../core/actor.ts'
import { conflict } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { listSubscribed, updateTrigger } from '../../db/triggers.ts'
import type { EventDefinition } from '../../runtime/connectors/definition.ts'
import { type EventSubscription, secretNames } from '../../runtime/connectors/event-subscription.ts'
import { isUnderWay, refuseUnderWay } from '../../runtime/triggers/subscribed.ts'
import type { Deduplication, Verification, WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { type RouteInput, setRoutes } from './routes.ts'
import { requireWebhookLocked } from './trigger.ts'

interface Wanted {
  name: string
  description: string
  /** Slug. */
  connector: string
  connection: string | null
  customerId: string | null
  event: EventDefinition & { subscription: EventSubscription; webhookVerification: Verification }
  routes: readonly RouteInput[]
  deduplication: Deduplication
  mode: WebhookConfig['mode']
}

/**
 * A trigger whose subscribing to the same event with the same account never came to an end, changed to what is wanted
 * now: the app may have it already, and a second one would make each event run twice.
 * @returns its id; undefined: there is none
 * @throws AppError `conflict` while the same call is under way, or when the event is signed otherwise by now
 */
export async function takeOverUnsettled(tx: Tx, actor: Actor, wanted: Wanted): Promise<string | undefined> {
  const { name, description, connector, connection, customerId, event, deduplication, mode } = wanted
  const open = await listSubscribed(tx, { connector, customerId, event: event.slug }, { unsettled: true })
  const ofSameName = open.filter((row) => row.name === name)
  for (const { id } of [...ofSameName, ...open.filter((row) => row.name !== name)]) {
    const { row, config } = await requireWebhookLocked(tx, actor, id)
    const { subscription } = config
    if (subscription === null || subscription.id !== null || subscription.connection !== connection) continue
    if (row.name === name) refuseUnderWay(subscription, id)
    if (isUnderWay(subscription)) continue
    if (!isDeepStrictEqual(config.verification, event.webhookVerification)) {
      throw conflict(
        `The app may sign for ${id}, whose subscribing was not finished, as ${event.slug} was defined then.`,
        { where: 'event', hint: `delete_trigger {"trigger":"${id}"}, then call this again.` },
      )
    }
    const { unsubscribe, list } = event.subscription
    await updateTrigger(tx, id, {
      ...{ name, description, enabled: true },
      config: {
        ...config,
        deduplication,
        mode,
        subscription: { ...subscription, unsubscribe, list, secretNames: secretNames(event.subscription) },
      },
    })
    await setRoutes(tx, actor, id, wanted.routes)
    return id
  }
  return undefined
}
