import { AppError, conflict, notFound, toAppError } from '../../core/errors.ts'
import { setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { deleteTrigger, lockTrigger, type TriggerRow, triggerSecret } from '../../db/triggers.ts'
import type { EventSubscription } from '../connectors/event-subscription.ts'
import { triggerPurpose } from './ingest.ts'
import { type Held, refuseUnderWay, type Subscribed } from './subscribed.ts'
import { findSubscriptions, isRefused, type Made, subscribe, unsubscribe } from './subscription-calls.ts'
import {
  discarded,
  expiryWarning,
  keepLeft,
  keptMade,
  nextRound,
  takeBackOthers,
} from './subscription-store.ts'
import {
  type AppCaller,
  ASKING_MS,
  ended,
  GONE_AFTER_MS,
  noteFailure,
  ownerOf,
  setSubscription,
} from './subscription-upkeep.ts'
import { type Verification, WebhookConfig } from './webhook-config.ts'

interface Asked {
  row: TriggerRow
  subscription: Subscribed
  verification: Verification
  secret: string | null
  /** The app was asked before, and what became of it is not known. */
  before: boolean
  /** Names this attempt: another one that takes its place has another time. */
  until: string
}

/**
 * Subscribes a stored webhook at its app and stores the id of the subscription. Where the app was asked before and the
 * answer was lost, it looks at the app first, if the event says how.
 * @param alone whoever asked before has ended
 * @returns what may be left at the app of that; null: nothing
 * @throws AppError the call's own. With somebody waiting for it the trigger is gone when the app surely has nothing; else
 *   it is kept, to be tried again
 */
export async function subscribeAtApp(
  caller: AppCaller,
  id: string,
  event: EventSubscription,
  { alone }: { alone: boolean },
): Promise<string | null> {
  const asked = await caller.transaction((tx) => noteAsking(tx, caller, id, alone))
  if (asked === undefined) return null
  const { connections, scope, attended } = caller
  const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(ASKING_MS)])
  const { row } = asked
  let { subscription } = asked
  /** What the app has of it already; null: it cannot be told. */
  let there: string[] | null = asked.before ? null : []
  let made: Made
  try {
    if (asked.before) there = await findSubscriptions(connections, scope, row, subscription, signal)
    if (there === null && !attended) throw unknowable()
    // Of one whose answer was lost nobody knows the secret, nor when it expires.
    if (there !== null && there.length > 0 && !isKnownByItsId(event)) {
      for (const lost of there) await unsubscribe(connections, scope, row, subscription, heldBy(lost), signal)
      there = []
      subscription = await caller.transaction((tx) => nextRound(tx, id, asked.until))
    }
    const wanted = { ...asked, subscription, publicUrl: caller.publicUrl ?? '', now: caller.now() }
    const [found] = there ?? []
    made =
      found === undefined
        ? await subscribe(connections, scope, wanted, event, signal)
        : { ...heldBy(found), secret: undefined, expiresAt: null }
  } catch (cause) {
    // This process ends: another one goes on.
    if (!attended && caller.signal.aborted) throw cause
    const nothing = there?.length === 0 && isRefused(cause)
    if (nothing && attended) {
      await caller.transaction((tx) => deleteTrigger(tx, id))
      throw cause
    }
    const kept = await caller.transaction((tx) => noteFailure(tx, caller, id, cause, asked.until))
    throw kept && attended ? keptError(id, cause) : cause
  }
  const others = there?.slice(1).map(heldBy) ?? []
  const refusal = await caller.transaction((tx) => store(tx, caller, asked, made, others))
  if (refusal !== undefined) throw await discarded(caller, row, subscription, made, refusal)
  if (there === null) return `${MAY_BE_TWO} ${event.secretPath === undefined ? SENDS_TWICE : SENDS_STRANGELY}`
  const left = await takeBackOthers(caller, row, subscription, others, signal)
  if (others.length > 0) await caller.transaction((tx) => keepLeft(tx, caller, id, made, left))
  if (left.length > 0)
    return `The app has further subscriptions of it, which are still to be taken back: ${left.map((one) => one.id).join(', ')}.`
  return expiryWarning(made)
}

const heldBy = (id: string): Held => ({ id, answer: {} })

/** Is nothing of the answer needed but the id? */
const isKnownByItsId = ({ secretPath, renewal, unsubscribe: { input } }: EventSubscription): boolean =>
  secretPath === undefined && renewal === undefined && !JSON.stringify(input).includes('{answer.')

const MAY_BE_TWO =
  'An earlier call asked the app to subscribe this webhook and its answer was lost. The event defines no whole list of subscriptions (subscription.list of define_event), so it is not known whether the app has two.'
const SENDS_TWICE = 'Then each event comes twice, and delete_trigger takes back one.'
const SENDS_STRANGELY =
  'Then what the other one sends is refused, as its secret was lost, and delete_trigger takes back one.'

const unknowable = () =>
  conflict(
    'The app’s answer to subscribing was lost, and its event defines no whole list to find the subscription in.',
    {
      hint: 'create_app_event with the same input subscribes again, at the risk of two; or delete_trigger.',
      data: { final: true },
    },
  )

/** @returns undefined: it is subscribed already */
async function noteAsking(tx: Tx, caller: AppCaller, id: string, alone: boolean): Promise<Asked | undefined> {
  const { scope, vault } = caller
  const row = await lockTrigger(tx, id)
  if (row === undefined) throw notFound('trigger', id)
  const { subscription, verification } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.id !== null) return undefined
  if (subscription.endedAt !== null) throw ended(id)
  if (!alone) refuseUnderWay(subscription, id, caller.now())
  const sealed = await triggerSecret(tx, id)
  const secret =
    sealed === null ? null : await vault.open(tx, scope.organizationId, triggerPurpose(id), sealed)
  const dueAt = new Date(caller.now() + GONE_AFTER_MS)
  const until = dueAt.toISOString()
  await setSubscription(tx, row, { askedUntil: until })
  // Should this process end now, another one goes on then.
  await setUpkeep(tx, ownerOf(caller, row), { dueAt })
  const before = subscription.askedUntil !== null
  return { row, subscription, verification, secret: secret?.reveal() ?? null, before, until }
}

/** @returns why it is not to be kept; undefined: it is */
async function store(
  tx: Tx,
  caller: AppCaller,
  { row: { id }, until }: Asked,
  made: Made,
  ending: Held[],
): Promise<AppError | undefined> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) return conflict('The trigger was deleted while the app was asked.')
  const { subscription } = WebhookConfig.parse(row.config)
  if (subscription === null || subscription.endedAt !== null) return ended(id)
  if (subscription.id === made.id && made.secret === undefined) return undefined
  if (subscription.askedUntil !== until) return conflict(`Another attempt to subscribe ${id} took its place.`)
  await keptMade(tx, caller, row, made, { answer: made.answer, ending })
  return undefined
}

function keptError(id: string, cause: unknown): AppError {
  const { code, message, where, hint, retryable, data } = toAppError(cause)
  return new AppError(code, `${message} The app may have subscribed all the same: ${id} is kept.`, {
    ...(where === undefined ? {} : { where }),
    hint: `${hint ?? ''} Call create_app_event again with the same input, which goes on with ${id}; or delete_trigger. Left alone, it is looked for at the app in a minute.`.trim(),
    retryable,
    data: { ...data, trigger: id },
    cause,
  })
}
