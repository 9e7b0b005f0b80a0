import { type AppError, conflict, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { lockTrigger, type TriggerRow, triggerSecret } from '../../db/triggers.ts'
import { answersLacking, type EventSubscription } from '../connectors/event-subscription.ts'
import { triggerPurpose } from './ingest.ts'
import { type Held, refuseUnderWay, type Subscribed } from './subscribed.ts'
import {
  findSubscriptions,
  isGone,
  isRefused,
  type Made,
  renew,
  subscribe,
  unsubscribe,
} from './subscription-calls.ts'
import { discarded, keepLeft, keptMade, nextRound, renewalOf, takeBackOthers } from './subscription-store.ts'
import {
  type AppCaller,
  ASKING_MS,
  ended,
  GONE_AFTER_MS,
  noteFailure,
  noteSuccess,
  ownerOf,
  setSubscription,
} from './subscription-upkeep.ts'
import { type Verification, WebhookConfig } from './webhook-config.ts'

interface Renewing {
  row: TriggerRow
  subscription: Subscribed
  held: Held
  verification: Verification
  secret: string | null
  /** Until when the app sends; null: for ever, or it is not known. */
  expiresAt: Date | null
  /** Names this attempt. */
  until: string
}

/**
 * Does what is due for a webhook that is subscribed: takes back what was replaced at the app, and renews the subscription,
 * by the app's own action or by another one in its place.
 * @returns what was done
 * @throws AppError the call's own; it is noted, and tried again later
 */
export async function renewAtApp(
  caller: AppCaller,
  id: string,
  event: EventSubscription,
): Promise<'nothing' | 'taken back' | 'renewed' | 'subscribed anew'> {
  const renewing = await caller.transaction((tx) => noteRenewing(tx, caller, id))
  if (renewing === undefined) return 'nothing'
  const { row, subscription, held, until } = renewing
  const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(ASKING_MS)])
  const due = event.renewal !== undefined && isDue(row, caller.now())
  let made: Made | undefined
  let left: Held[] = subscription.ending
  try {
    left = await takeBackOthers(caller, row, subscription, subscription.ending, signal)
    const [stuck] = left
    if (!due && stuck !== undefined)
      throw conflict(`The app has the subscription ${stuck.id} still, which was replaced.`)
    if (due) {
      made = await renewed(caller, renewing, event, signal)
      if (made === undefined) {
        made = await anew(caller, renewing, event, signal)
        left = [...left, held]
      }
    }
  } catch (cause) {
    // This process ends: another one goes on.
    if (caller.signal.aborted) throw cause
    await caller.transaction((tx) => noteFailure(tx, caller, id, cause, until))
    throw cause
  }
  if (made === undefined) {
    await caller.transaction((tx) => storeTakenBack(tx, caller, renewing, event))
    return 'taken back'
  }
  const now = made
  const refusal = await caller.transaction((tx) => storeRenewed(tx, caller, renewing, now, left))
  if (refusal !== undefined) {
    if (made.id === held.id) throw refusal
    throw await discarded(caller, row, subscription, made, refusal)
  }
  if (made.id === held.id) return 'renewed'
  const stay = await takeBackOthers(caller, row, subscription, left, signal)
  await caller.transaction((tx) => keepLeft(tx, caller, id, now, stay))
  return 'subscribed anew'
}

/** @returns undefined: there is nothing to be done */
async function noteRenewing(tx: Tx, caller: AppCaller, id: string): Promise<Renewing | undefined> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) return undefined
  const { subscription, verification } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.endedAt !== null || subscription.id === null) {
    await setUpkeep(tx, ownerOf(caller, row), { dueAt: null })
    return undefined
  }
  refuseUnderWay(subscription, id, caller.now())
  const sealed = await triggerSecret(tx, id)
  const secret =
    sealed === null
      ? null
      : await caller.vault.open(tx, caller.scope.organizationId, triggerPurpose(id), sealed)
  const until = new Date(caller.now() + GONE_AFTER_MS).toISOString()
  await setSubscription(tx, row, { askedUntil: until })
  const expiresAt = row.upkeep?.expires_at ?? null
  return {
    ...{ row, subscription, verification, until, secret: secret?.reveal() ?? null },
    held: { id: subscription.id, answer: subscription.answer },
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  }
}

const isDue = (row: TriggerRow, now: number): boolean => {
  const at = renewalOf(row)
  return at !== null && at.getTime() <= now
}

/** @returns undefined: the app has no such action, or no longer has the subscription */
async function renewed(
  { connections, scope, publicUrl, now }: AppCaller,
  { held, expiresAt, until, ...wanted }: Renewing,
  event: EventSubscription,
  signal: AbortSignal,
): Promise<Made | undefined> {
  if (event.renewal?.renew === undefined) return undefined
  const renewing = { ...wanted, held, publicUrl: publicUrl ?? '', until, now: now() }
  return renew(connections, scope, renewing, event, signal).catch((cause: unknown) => {
    const over = expiresAt !== null && expiresAt.getTime() <= now()
    if (isGone(cause) || (over && isRefused(cause) && !isAboutTheAccount(cause))) return undefined
    throw cause
  })
}

/** Would the app refuse anything just now, whatever it is asked for? */
const isAboutTheAccount = (cause: unknown): boolean => {
  const { data } = toAppError(cause)
  return isJsonObject(data) && [401, 403, 429].includes(Number(data.status))
}

/** Subscribes in the place of what there is. What an attempt before left of this is taken back first, where it can be found. */
async function anew(
  caller: AppCaller,
  { row, subscription, held, verification, secret, until }: Renewing,
  event: EventSubscription,
  signal: AbortSignal,
): Promise<Made> {
  const { connections, scope } = caller
  const known = [held, ...subscription.ending].map(({ id }) => id)
  const findable = answersLacking(subscription.unsubscribe.input, {}).length === 0
  const there = findable ? await findSubscriptions(connections, scope, row, subscription, signal) : null
  for (const id of there ?? [])
    if (!known.includes(id))
      await unsubscribe(connections, scope, row, subscription, { id, answer: {} }, signal)
  const next = await caller.transaction((tx) => nextRound(tx, row.id, until))
  const wanted = { row, verification, secret, publicUrl: caller.publicUrl ?? '', now: caller.now() }
  return subscribe(connections, scope, { ...wanted, subscription: next }, event, signal)
}

/** Nothing was to be renewed. */
async function storeTakenBack(
  tx: Tx,
  caller: AppCaller,
  { row: { id }, until }: Renewing,
  event: EventSubscription,
): Promise<void> {
  const row = await lockTrigger(tx, id)
  if (row === undefined || WebhookConfig.parse(row.config).subscription?.askedUntil !== until) return
  await noteSuccess(
    tx,
    caller,
    row,
    { ending: [] },
    { dueAt: event.renewal === undefined ? null : renewalOf(row) },
  )
}

/** @returns why it is not to be kept; undefined: it is */
async function storeRenewed(
  tx: Tx,
  caller: AppCaller,
  { row: { id }, until, held }: Renewing,
  made: Made,
  left: Held[],
): Promise<AppError | undefined> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) return conflict('The trigger was deleted while the app was asked.')
  const { subscription } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.endedAt !== null) return ended(id)
  if (subscription.askedUntil !== until) return conflict(`Another attempt to renew ${id} took its place.`)
  const ending = left.filter((one) => one.id !== made.id)
  const answer = made.id === held.id ? {} : { answer: made.answer }
  await keptMade(tx, caller, row, made, { ...answer, ending })
  return undefined
}
