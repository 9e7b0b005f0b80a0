import { AppError, conflict } from '../../core/errors.ts'
import { setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { keepPreviousSecret, lockTrigger, setTriggerSecret, type TriggerRow } from '../../db/triggers.ts'
import { triggerPurpose } from './ingest.ts'
import type { Held, Subscribed } from './subscribed.ts'
import { type Made, unsubscribe } from './subscription-calls.ts'
import { renewAt } from './subscription-timing.ts'
import { type AppCaller, noteSuccess, ownerOf, setSubscription } from './subscription-upkeep.ts'
import { WebhookConfig } from './webhook-config.ts'

/** What was signed with the secret before may be on its way, or be sent again, this long. */
const OVERLAP_MS = 3_600_000
/** What could not be taken back is tried again after this. */
const LEFT_MS = 60_000

/**
 * Stores what an app answered: the subscription, its secret, and when it is to be renewed. Should this process end before
 * it has taken back what was replaced, another one does.
 */
export async function keptMade(
  tx: Tx,
  caller: AppCaller,
  row: TriggerRow,
  made: Made,
  change: Partial<Subscribed>,
): Promise<void> {
  if (made.secret !== undefined) await storeIssued(tx, caller, row.id, made.secret)
  const now = caller.now()
  const expiresAt = made.expiresAt === undefined ? likeBefore(row, now) : made.expiresAt
  const renewedAt = expiresAt === null || expiresAt === undefined ? null : renewAt(expiresAt, now)
  const dueAt = change.ending?.length ? new Date(now + LEFT_MS) : renewedAt
  const problem = expiresAt === undefined ? UNKNOWN_EXPIRY : null
  const upkeep = { since: new Date(now), expiresAt: expiresAt ?? null, dueAt, problem }
  await noteSuccess(tx, caller, row, { ...change, id: made.id }, upkeep)
}

const UNKNOWN_EXPIRY =
  'The app does not say until when it sends (renewal.expiresPath of the event), so it is not renewed.'

/** What is to be told of an answer that does not say until when the app sends; null: nothing. */
export const expiryWarning = ({ expiresAt }: Made): string | null =>
  expiresAt === undefined
    ? `${UNKNOWN_EXPIRY} Correct it with define_event, then make the trigger anew.`
    : null

/** As long as the last time. */
function likeBefore({ upkeep }: TriggerRow, now: number): Date | undefined {
  const { since = null, expires_at: expiresAt = null } = upkeep ?? {}
  return since === null || expiresAt === null
    ? undefined
    : new Date(now + Date.parse(expiresAt) - Date.parse(since))
}

/** Keeps the secret an app issued, sealed; the one before is taken for a while longer. */
async function storeIssued(tx: Tx, caller: AppCaller, id: string, secret: string): Promise<void> {
  const { organizationId } = caller.scope
  await keepPreviousSecret(tx, id, new Date(caller.now() + OVERLAP_MS))
  await setTriggerSecret(tx, id, await caller.vault.seal(tx, organizationId, triggerPurpose(id), secret))
}

/** Another subscription is asked for, under a key of its own. @param until names the attempt */
export async function nextRound(tx: Tx, id: string, until: string): Promise<Subscribed> {
  const row = await lockTrigger(tx, id)
  const subscription = row === undefined ? null : WebhookConfig.parse(row.config).subscription
  if (row === undefined || subscription?.askedUntil !== until)
    throw conflict(`Another attempt to subscribe ${id} took its place.`)
  const next = { ...subscription, round: subscription.round + 1 }
  await setSubscription(tx, row, next)
  return next
}

/** Takes back at the app what is not wanted any more. @returns what it still has, or may have */
export async function takeBackOthers(
  { connections, scope }: AppCaller,
  row: TriggerRow,
  subscription: Subscribed,
  others: readonly Held[],
  signal: AbortSignal,
): Promise<Held[]> {
  const left: Held[] = []
  for (const one of others)
    await unsubscribe(connections, scope, row, subscription, one, signal).catch(() => left.push(one))
  return left
}

/** What could not be taken back is tried again, while the subscription is the one it was replaced by. */
export async function keepLeft(
  tx: Tx,
  caller: AppCaller,
  id: string,
  made: Made,
  ending: Held[],
): Promise<void> {
  const row = await lockTrigger(tx, id)
  if (row === undefined || WebhookConfig.parse(row.config).subscription?.id !== made.id) return
  await setSubscription(tx, row, { ending })
  const dueAt = ending.length > 0 ? new Date(caller.now() + LEFT_MS) : renewalOf(row)
  await setUpkeep(tx, ownerOf(caller, row), { dueAt })
}

/** When what a trigger has at an app is to be renewed; null: never, or it is not known. */
export function renewalOf({ upkeep }: TriggerRow): Date | null {
  const { since = null, expires_at: expiresAt = null } = upkeep ?? {}
  return since === null || expiresAt === null ? null : renewAt(new Date(expiresAt), Date.parse(since))
}

/** Takes back what was got and is not to be kept. @returns what to throw */
export async function discarded(
  { connections, scope, signal }: AppCaller,
  row: TriggerRow,
  subscription: Subscribed,
  made: Made,
  why: AppError,
): Promise<AppError> {
  const left = await unsubscribe(connections, scope, row, subscription, made, signal).then(
    () => '',
    () => ` The app has the subscription ${made.id} of it: take it away there.`,
  )
  return new AppError(why.code, `${why.message}${left}`, why.hint === undefined ? {} : { hint: why.hint })
}
