import { scopeOf } from '../../core/actor.ts'
import { AppError, conflict, notFound, toAppError } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import {
  deleteTrigger,
  lockTrigger,
  type TriggerRow,
  triggerSecret,
  updateTrigger,
} from '../../db/triggers.ts'
import {
  type EventSubscription,
  fillIn,
  subscriptionIdIn,
} from '../../runtime/connectors/event-subscription.ts'
import { triggerPurpose } from '../../runtime/triggers/ingest.ts'
import {
  findSubscriptions,
  isRefused,
  unsubscribe,
  webhookPath,
} from '../../runtime/triggers/subscription-calls.ts'
import { type Subscribed, WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import type { ToolContext } from '../define-tool.ts'
import { refuseUnderWay } from './take-back.ts'

/** For all calls of the app; after a little more, whoever was to make them is taken to be gone. */
const ASKING_MS = 20_000
const GONE_AFTER_MS = 25_000

interface Asked {
  row: TriggerRow
  subscription: Subscribed
  secret: string | null
  /** The app was asked before, and what became of it is not known. */
  before: boolean
}

/**
 * Subscribes a stored webhook at its app and stores the id of the subscription. Where the app was asked before and the
 * answer was lost, it looks at the app first, if the event says how.
 * @returns what may be left at the app of that; null: nothing
 * @throws AppError the call's own: with the trigger gone when the app surely has nothing, else with the trigger kept
 */
export async function subscribeAtApp(
  context: ToolContext,
  id: string,
  event: EventSubscription,
  { alone }: { alone: boolean },
): Promise<string | null> {
  const asked = await context.transaction((tx) => noteAsking(tx, context, id, alone))
  if (asked === undefined) return null
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(ASKING_MS)])
  const { connections } = context.services
  const scope = scopeOf(context.actor)
  const { row, subscription } = asked
  /** What the app has of it already; null: it cannot be told. */
  let there: string[] | null = asked.before ? null : []
  let subscriptionId: string
  try {
    if (asked.before) there = await findSubscriptions(connections, scope, row, subscription, signal)
    subscriptionId = there?.[0] ?? (await subscribe(context, asked, event, signal))
  } catch (cause) {
    const nothing = there !== null && isRefused(cause)
    throw await context.transaction((tx) => (nothing ? giveUp(tx, id, cause) : keepUnsettled(tx, id, cause)))
  }
  await context.transaction((tx) => storeId(tx, id, subscriptionId))
  if (there === null) return MAY_BE_TWO
  const left: string[] = []
  for (const other of there.slice(1))
    await unsubscribe(connections, scope, row, subscription, other, signal).catch(() => left.push(other))
  return left.length === 0
    ? null
    : `The app has further subscriptions of it, which could not be taken back: ${left.join(', ')}.`
}

const MAY_BE_TWO =
  'An earlier call asked the app to subscribe this webhook and its answer was lost. The event defines no whole list of subscriptions (subscription.list of define_event), so it is not known whether the app has two: then each event comes twice, and delete_trigger takes back one.'

/** @returns undefined: it is subscribed already */
async function noteAsking(
  tx: Tx,
  { actor, services }: ToolContext,
  id: string,
  alone: boolean,
): Promise<Asked | undefined> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) throw notFound('trigger', id)
  const config = WebhookConfig.parse(row.config)
  const { subscription } = config
  if (subscription === null || subscription.id !== null) return undefined
  if (subscription.endedAt !== null) throw ended(id)
  if (!alone) refuseUnderWay(subscription, id)
  const sealed = await triggerSecret(tx, id)
  const secret =
    sealed === null ? null : await services.vault.open(tx, actor.organizationId, triggerPurpose(id), sealed)
  await setSubscription(tx, row, { askedUntil: new Date(Date.now() + GONE_AFTER_MS).toISOString() })
  return { row, subscription, secret: secret?.reveal() ?? null, before: subscription.askedUntil !== null }
}

async function subscribe(
  { services, actor }: ToolContext,
  { row, subscription, secret }: Asked,
  event: EventSubscription,
  signal: AbortSignal,
): Promise<string> {
  const { action, input: template } = event.subscribe
  const { output } = await services.connections.runAction(
    scopeOf(actor),
    {
      connector: subscription.connector,
      action,
      customerId: row.customer_id,
      connection: subscription.connection ?? undefined,
      input: fillIn(template, {
        webhookUrl: `${services.publicUrl()}${webhookPath(row.id)}`,
        secret: secret ?? '',
      }),
      idempotencyKey: row.id,
      ...(secret === null ? {} : { hidden: [secret] }),
    },
    signal,
  )
  const found = subscriptionIdIn(output, event)
  if (found !== undefined) return found
  throw new AppError('upstream_error', `The answer of ${action} has no id at ${event.idPath}.`, {
    where: 'event',
    hint: 'Correct idPath with define_event.',
    retryable: false,
  })
}

async function storeId(tx: Tx, id: string, subscriptionId: string): Promise<void> {
  const row = await lockTrigger(tx, id)
  const left = `The app has the subscription ${subscriptionId} of it: take it away there.`
  if (row === undefined) throw conflict(`The trigger was deleted while the app was asked. ${left}`)
  if (WebhookConfig.parse(row.config).subscription?.endedAt !== null) throw ended(id, left)
  await setSubscription(tx, row, { id: subscriptionId })
}

const ended = (id: string, left = '') =>
  conflict(`The account ${id} was subscribed with is gone. ${left}`.trim(), {
    hint: 'Connect the account anew.',
  })

async function setSubscription(tx: Tx, row: TriggerRow, change: Partial<Subscribed>): Promise<void> {
  const config = WebhookConfig.parse(row.config)
  const subscription = config.subscription && { ...config.subscription, ...change }
  await updateTrigger(tx, row.id, { ...row, config: { ...config, subscription } })
}

/** The app has nothing: neither have we. @returns what to throw */
async function giveUp(tx: Tx, id: string, cause: unknown): Promise<unknown> {
  await deleteTrigger(tx, id)
  return cause
}

/** The app may have it: the trigger stays, to be tried again. @returns what to throw */
async function keepUnsettled(tx: Tx, id: string, cause: unknown): Promise<unknown> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) return cause
  const { subscription } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.id !== null || subscription.endedAt !== null) return cause
  await setSubscription(tx, row, { askedUntil: new Date().toISOString() })
  const { code, message, where, hint, retryable, data } = toAppError(cause)
  return new AppError(code, `${message} The app may have subscribed all the same: ${id} is kept.`, {
    ...(where === undefined ? {} : { where }),
    hint: `${hint ?? ''} Call create_app_event again with the same input, which goes on with ${id}; or delete_trigger.`.trim(),
    retryable,
    data: { ...data, trigger: id },
    cause,
  })
}
