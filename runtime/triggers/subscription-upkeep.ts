import type { TenantScope } from '../../core/actor.ts'
import { type AppError, conflict, toAppError } from '../../core/errors.ts'
import { type SubscriptionUpkeep, setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { lockTrigger, type TriggerRow, updateTrigger } from '../../db/triggers.ts'
import { enqueueWebhook } from '../../db/webhook-deliveries.ts'
import type { Connections } from '../connections/connections.ts'
import type { Vault } from '../vault/vault.ts'
import type { Subscribed } from './subscribed.ts'
import { nextAttempt } from './subscription-timing.ts'
import { WebhookConfig } from './webhook-config.ts'

/** For all calls of the app; after a little more, whoever was to make them is taken to be gone. */
export const ASKING_MS = 20_000
export const GONE_AFTER_MS = 25_000
/** Of an app that was asked, and is not being asked, whatever anybody's clock says. */
const NOT_NOW = new Date(0).toISOString()
/** Once an app has failed so often in a row, the organization's product is told. */
const TELL_AFTER = 3
const MAX_PROBLEM_CHARS = 1_000

/** Who asks apps to send, and what for. */
export interface AppCaller {
  scope: TenantScope
  connections: Connections
  vault: Vault
  /** The address of this server that third parties can reach; null: not known. */
  publicUrl: string | null
  /** A transaction of the scope. */
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
  signal: AbortSignal
  /** Milliseconds since 1970. */
  now(): number
  /** Somebody waits for the outcome; else what cannot be known is left as it is. */
  attended: boolean
  /** Notes how an attempt ended, with what it changed. */
  audit?(tx: Tx, trigger: string, error?: AppError): Promise<void>
}

export const ownerOf = ({ scope }: AppCaller, { id, customer_id }: TriggerRow) => ({
  triggerId: id,
  organizationId: scope.organizationId,
  customerId: customer_id,
})

export async function setSubscription(tx: Tx, row: TriggerRow, change: Partial<Subscribed>): Promise<void> {
  const config = WebhookConfig.parse(row.config)
  const subscription = config.subscription && { ...config.subscription, ...change }
  await updateTrigger(tx, row.id, { ...row, config: { ...config, subscription } })
}

/** An attempt succeeded: what its trigger's subscription is now, and what is to be done next. */
export async function noteSuccess(
  tx: Tx,
  caller: AppCaller,
  row: TriggerRow,
  change: Partial<Subscribed>,
  upkeep: Partial<SubscriptionUpkeep>,
): Promise<void> {
  await setSubscription(tx, row, { ...change, askedUntil: NOT_NOW })
  await setUpkeep(tx, ownerOf(caller, row), { dueAt: null, failures: 0, problem: null, ...upkeep })
  await caller.audit?.(tx, row.id)
}

/**
 * An attempt failed: it is made again later, or was the last. When it goes on failing, and when it is given up, the
 * organization's product is told.
 * @returns false: there is nothing left to be tried
 */
export async function noteFailure(
  tx: Tx,
  caller: AppCaller,
  id: string,
  cause: unknown,
  asked: string | null,
): Promise<boolean> {
  const row = await lockTrigger(tx, id)
  const subscription = row === undefined ? null : WebhookConfig.parse(row.config).subscription
  if (row === undefined || subscription === null || subscription.endedAt !== null) return false
  // Another attempt has taken its place.
  if (subscription.askedUntil !== asked) return false
  const error = toAppError(cause)
  const now = caller.now()
  const failures = (row.upkeep?.failures ?? 0) + 1
  const problem = error.message.slice(0, MAX_PROBLEM_CHARS)
  const expires = subscription.id === null ? null : (row.upkeep?.expires_at ?? null)
  const expiresAt = expires === null ? null : new Date(expires)
  const dueAt = nextAttempt(failures, error, { now, expiresAt })
  await setSubscription(tx, row, { askedUntil: NOT_NOW })
  await setUpkeep(tx, ownerOf(caller, row), { dueAt, failures, problem })
  if (failures === TELL_AFTER || dueAt === null) await tell(tx, caller, row, subscription, problem, dueAt)
  await caller.audit?.(tx, id, error)
  return true
}

const tell = (
  tx: Tx,
  { scope: { organizationId } }: AppCaller,
  { id, name, customer_id: customerId, upkeep }: TriggerRow,
  { connector, event, connection, id: subscription }: Subscribed,
  problem: string,
  dueAt: Date | null,
) =>
  enqueueWebhook(tx, {
    organizationId,
    customerId,
    type: 'trigger.subscription_failed',
    data: {
      ...{ triggerId: id, customerId, name, connector, event, connection, subscription, problem },
      expiresAt: upkeep?.expires_at ?? null,
      nextAttemptAt: dueAt?.toISOString() ?? null,
    },
  })

export const ended = (id: string) =>
  conflict(`The account ${id} was subscribed with is gone.`, { hint: 'Connect the account anew.' })
