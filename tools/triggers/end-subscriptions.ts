import pLimit from 'p-limit'
import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { lockTrigger, type TriggerRow, updateTrigger } from '../../db/triggers.ts'
import { WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import type { ToolContext } from '../define-tool.ts'
import { subscriptionOf, takeBack } from './take-back.ts'

/** For all subscriptions of what is being deleted: an app that does not answer must not hold it up. */
const ALL_MS = 20_000
const AT_ONCE = 8

/** What a deletion answers of the subscriptions (create_app_event) made with the account that goes. */
export const LeftoverFields = {
  unsubscribed: z.array(z.string()).describe('Triggers whose subscription was taken back at its app.'),
  leftSubscribed: z
    .array(z.object({ trigger: z.string(), why: z.string() }))
    .describe('Triggers whose app has the subscription still, or may have: take it away there.'),
}
export type Leftovers = z.output<z.ZodObject<typeof LeftoverFields>>

/** By trigger: null when nothing is left at the app, else why something is or may be. */
export type Ended = Map<string, string | null>

const MAY_NOT = 'The app was not asked: that runs an action, which needs the permission connections.execute.'

/**
 * Takes back what webhooks have at apps before the account they were subscribed with goes; in bounded time. Who may not
 * run actions deletes all the same, and no app is called.
 */
export async function endSubscriptions(context: ToolContext, rows: readonly TriggerRow[]): Promise<Ended> {
  if (!context.actor.permissions.has('connections.execute'))
    return new Map(rows.map((row) => [row.id, subscriptionOf(row) === null ? null : MAY_NOT]))
  const ended: Ended = new Map()
  const late = AbortSignal.timeout(ALL_MS)
  const caller = { ...context, signal: AbortSignal.any([context.signal, late]) }
  const limit = pLimit(AT_ONCE)
  const end = async (row: TriggerRow) => {
    const why = late.aborted
      ? 'There was no time left to ask the app.'
      : await takeBack(caller, row).then(
          () => null,
          (cause: unknown) => (late.aborted ? 'The app did not answer in time.' : toAppError(cause).message),
        )
    ended.set(row.id, why)
  }
  await Promise.all(rows.map((row) => limit(end, row)))
  context.signal.throwIfAborted()
  return ended
}

/** Joins what was taken back with what is there now, in the transaction that deletes the account. */
export function leftoversOf(rows: readonly TriggerRow[], ended: Ended): Leftovers {
  const found = rows.map(({ id }) => ({
    id,
    why: ended.has(id) ? (ended.get(id) ?? null) : 'It was subscribed while its account was being deleted.',
  }))
  return {
    unsubscribed: found.flatMap(({ id, why }) => (why === null ? [id] : [])),
    leftSubscribed: found.flatMap(({ id, why }) => (why === null ? [] : [{ trigger: id, why }])),
  }
}

/** Marks webhooks whose account goes, and stops them: nothing that may still come is wanted. */
export async function markEnded(tx: Tx, { unsubscribed, leftSubscribed }: Leftovers): Promise<void> {
  const why = new Map(leftSubscribed.map((one) => [one.trigger, one.why]))
  for (const id of [...unsubscribed, ...why.keys()].toSorted()) {
    const row = await lockTrigger(tx, id)
    if (row === undefined) continue
    const config = WebhookConfig.parse(row.config)
    const subscription = config.subscription && {
      ...config.subscription,
      endedAt: new Date().toISOString(),
      left: why.get(id) ?? null,
    }
    await updateTrigger(tx, id, { ...row, enabled: false, config: { ...config, subscription } })
  }
}

export function logLeft({ log }: Pick<ToolContext, 'log'>, { leftSubscribed }: Leftovers): void {
  for (const one of leftSubscribed)
    log.warn(one, 'an app may have a subscription still whose account is deleted')
}
