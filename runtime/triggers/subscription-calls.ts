import type { TenantScope } from '../../core/actor.ts'
import { AppError, conflict, toAppError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'
import type { Connections } from '../connections/connections.ts'
import {
  answerKept,
  answersLacking,
  type EventSubscription,
  fillIn,
  issuedSecret,
  secretNames,
  secretsUnder,
  subscriptionIdIn,
  subscriptionsTo,
} from '../connectors/event-subscription.ts'
import { askedExpiry, expiryIn } from '../connectors/subscription-expiry.ts'
import type { Held, Subscribed } from './subscribed.ts'
import { secretProblem } from './verify.ts'
import type { Verification } from './webhook-config.ts'

const CALL_MS = 10_000
const LIST_LIMITS = { maxItems: 5_000, maxPages: 50, maxBytes: 8 * 1024 * 1024, maxMs: 8_000 }

/** A webhook and the account it is subscribed with. */
interface Subscriber {
  id: string
  customer_id: string | null
}

/** The path of a webhook's address, which is known by it whatever host the server had when it was registered. */
export const webhookPath = (id: string) => `/webhooks/${id}`

/**
 * The ids of an app's subscriptions that send to a webhook, by the list the app gives of them.
 * @returns null when it cannot be told: there is no such list, or it is not all there
 * @throws AppError as runAction
 */
export async function findSubscriptions(
  calls: Connections,
  scope: TenantScope,
  webhook: Subscriber,
  { connector, connection, list, secretNames: names }: Subscribed,
  signal: AbortSignal,
): Promise<string[] | null> {
  if (list === undefined) return null
  const request = {
    connector,
    action: list.action,
    customerId: webhook.customer_id,
    connection: connection ?? undefined,
    input: list.input,
    timeoutMs: CALL_MS,
    secretsIn: secretsUnder(names),
  }
  const address = webhookPath(webhook.id)
  if ((await calls.look(scope, request)).paged) {
    const { items, complete } = await calls.collect(scope, { ...request, ...LIST_LIMITS }, signal)
    const found = subscriptionsTo(address, items, list) ?? null
    return complete ? found : null
  }
  const { output } = await calls.runAction(scope, request, signal)
  const items = list.itemsPath === '' ? output : valueAt(output, list.itemsPath)
  return Array.isArray(items) ? (subscriptionsTo(address, items, list) ?? null) : null
}

/** What an app is told that is asked to send. */
interface Wanted {
  row: Subscriber
  subscription: Subscribed
  verification: Verification
  /** Null: the app issues one, or none is used. */
  secret: string | null
  publicUrl: string
  /** Milliseconds since 1970. */
  now: number
}

export interface Made {
  /** The app's id of the subscription. */
  id: string
  /** The secret it issued. */
  secret: string | undefined
  /** What its calls need besides the id. */
  answer: Record<string, string>
  /** Until when the app will send; null: for ever; undefined: it does not say. */
  expiresAt: Date | null | undefined
}

/**
 * Asks an app to send to a webhook.
 * @throws AppError as runAction; `upstream_error` when there is no id in the answer, or no secret that can be used: then the
 *   subscription is taken back again
 */
export async function subscribe(
  calls: Connections,
  scope: TenantScope,
  { row, subscription, verification, secret, publicUrl, now }: Wanted,
  event: EventSubscription,
  signal: AbortSignal,
): Promise<Made> {
  const { action, input } = event.subscribe
  const { round } = subscription
  const uniqueId = round === 0 ? row.id : `${row.id}-${round}`
  const { output } = await calls.runAction(
    scope,
    {
      connector: subscription.connector,
      action,
      customerId: row.customer_id,
      connection: subscription.connection ?? undefined,
      input: fillIn(input, {
        ...{ webhookUrl: `${publicUrl}${webhookPath(row.id)}`, secret: secret ?? '', uniqueId },
        ...askedExpiry(event.renewal, now),
      }),
      idempotencyKey: uniqueId,
      secretsIn: secretsUnder(secretNames(event)),
      ...(secret === null ? {} : { hidden: [secret] }),
    },
    signal,
  )
  const id = subscriptionIdIn(output, event)
  if (id === undefined) throw unusable(`The answer of ${action} has no id at ${event.idPath}.`, 'idPath')
  const made = {
    id,
    secret: undefined,
    answer: answerKept(output, event),
    expiresAt: expiryIn(output, event.renewal, now),
  }
  const issued = issuedSecret(output, event)
  const [field, problem] = answerProblem(made, issued, event, verification)
  if (problem === undefined) return { ...made, secret: issued }
  const left = await unsubscribe(calls, scope, row, subscription, made, signal).then(
    () => false,
    () => true,
  )
  const told = left ? `${problem} The app has the subscription ${id} of it.` : problem
  throw unusable(told, field, { takenBack: !left })
}

/** Why a subscription cannot be kept with what the app answered, and the field of its event that says otherwise. */
function answerProblem(
  { answer }: Made,
  issued: string | undefined,
  { subscribe: { action }, unsubscribe, renewal, secretPath }: EventSubscription,
  { scheme }: Verification,
): [field: string, problem: string | undefined] {
  for (const [field, input] of [
    ['unsubscribe', unsubscribe.input],
    ['renewal.renew', renewal?.renew?.input ?? {}],
  ] as const) {
    const [name] = answersLacking(input, answer)
    if (name !== undefined) return [field, `The answer of ${action} has nothing at {${name}}.`]
  }
  if (secretPath === undefined) return ['secretPath', undefined]
  const lacks = `The answer of ${action} has no secret at ${secretPath}.`
  return ['secretPath', issued === undefined ? lacks : secretProblem(scheme, issued)]
}

const unusable = (message: string, field: string, data: JsonObject = {}) =>
  new AppError('upstream_error', message, {
    ...{ where: 'event', hint: `Correct ${field} with define_event.`, retryable: false, data },
  })

/**
 * Asks an app to send for longer.
 * @throws AppError as runAction
 */
export async function renew(
  calls: Connections,
  scope: TenantScope,
  {
    row,
    subscription,
    held,
    verification,
    secret,
    publicUrl,
    now,
    until,
  }: Wanted & { held: Held; until: string },
  event: EventSubscription,
  signal: AbortSignal,
): Promise<Made> {
  const { action, input } = event.renewal?.renew ?? event.subscribe
  const { output } = await calls.runAction(
    scope,
    {
      connector: subscription.connector,
      action,
      customerId: row.customer_id,
      connection: subscription.connection ?? undefined,
      input: fillIn(input, {
        ...{ subscriptionId: held.id, ...held.answer, secret: secret ?? '' },
        ...{ webhookUrl: `${publicUrl}${webhookPath(row.id)}`, ...askedExpiry(event.renewal, now) },
      }),
      idempotencyKey: `${row.id}-${until}`,
      timeoutMs: CALL_MS,
      secretsIn: secretsUnder(secretNames(event)),
      ...(secret === null ? {} : { hidden: [secret] }),
    },
    signal,
  )
  const issued = issuedSecret(output, event)
  const usable = issued !== undefined && secretProblem(verification.scheme, issued) === undefined
  return {
    ...held,
    secret: usable ? issued : undefined,
    expiresAt: expiryIn(output, event.renewal, now),
  }
}

const GONE = [404, 410]

/** Does the app say that there is no such subscription any more? */
export const isGone = (cause: unknown): boolean => {
  const { data } = toAppError(cause)
  return isJsonObject(data) && GONE.includes(Number(data.status))
}

/**
 * Takes a subscription back; one the app no longer has is taken back.
 * @throws AppError as runAction; `conflict` when the call needs more of the answer to subscribing than was kept
 */
export async function unsubscribe(
  calls: Connections,
  scope: TenantScope,
  webhook: Subscriber,
  { connector, connection, unsubscribe: call, secretNames: names }: Subscribed,
  held: Held,
  signal: AbortSignal,
): Promise<void> {
  const lacking = answersLacking(call.input, held.answer)
  if (lacking.length > 0)
    throw conflict(
      `${call.action} needs ${lacking.join(', ')} of ${held.id}, and the answer that had it was lost.`,
    )
  try {
    await calls.runAction(
      scope,
      {
        connector,
        action: call.action,
        customerId: webhook.customer_id,
        connection: connection ?? undefined,
        input: fillIn(call.input, { subscriptionId: held.id, ...held.answer }),
        timeoutMs: CALL_MS,
        secretsIn: secretsUnder(names),
      },
      signal,
    )
  } catch (cause) {
    if (!isGone(cause)) throw cause
  }
}

/** Did a call that failed surely change nothing: was it refused by the app, or not sent at all? */
export function isRefused(cause: unknown): boolean {
  const { code, data = {} } = toAppError(cause)
  const { status, errno, rule, takenBack } = data
  if (takenBack === true) return true
  if (typeof status === 'number') return rule === true ? status < 500 : status >= 300 && status < 500
  if (typeof errno === 'string') return NEVER_CONNECTED.includes(errno)
  return NEVER_SENT.some((one) => one === code)
}

const NEVER_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']
const NEVER_SENT = [
  'invalid_input',
  'not_found',
  'conflict',
  'unauthenticated',
  'forbidden',
  'misconfigured',
  'limit_exceeded',
]
