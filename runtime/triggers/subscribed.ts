import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { EventSubscription } from '../connectors/event-subscription.ts'

/** A subscription at an app, with what its calls need besides the id. */
export const Held = z.object({ id: z.string(), answer: z.record(z.string(), z.string()).default({}) })
export type Held = z.output<typeof Held>

/**
 * A webhook that Patchbay registered at an app, and how to take that back. It is stored before the app is asked, so
 * that a subscription whose answer was lost is known of.
 */
export const Subscribed = z.object({
  connector: z.string().describe('Slug.'),
  event: z.string().describe('Slug of the event.'),
  connection: z
    .string()
    .nullable()
    .describe('Id of the connection it was registered with; null: the app wants no account.'),
  id: z
    .string()
    .nullable()
    .describe('The app’s id of the subscription; null: unknown, or it has none any more.'),
  /** The server's address when it was asked for; null: not known. */
  publicUrl: z.string().nullable().default(null),
  /** Until when the app may be being asked to subscribe; null: it never was. */
  askedUntil: z.iso.datetime().nullable().default(null),
  /** When it was given up with its connection. */
  endedAt: z.iso.datetime().nullable().default(null),
  left: z
    .string()
    .nullable()
    .default(null)
    .describe('Of one that is ended: why the app may have it still; null: it was taken back there.'),
  /** What `{answer.<path>}` of its calls stands for, by placeholder. */
  answer: Held.shape.answer,
  /** Subscriptions that were replaced by it, and are to be taken back. */
  ending: z.array(Held).default([]),
  /** Counts subscriptions that were ended to be made anew: each is asked for under a key of its own. */
  round: z.number().int().default(0),
  /** What secrets are called in the app's answers. */
  secretNames: z.array(z.string()).default([]),
  unsubscribe: EventSubscription.shape.unsubscribe,
  list: EventSubscription.shape.list,
})
export type Subscribed = z.output<typeof Subscribed>

/** May the app be being asked just now, by whichever process? */
export const isUnderWay = ({ askedUntil }: Subscribed, now = Date.now()): boolean =>
  askedUntil !== null && Date.parse(askedUntil) > now

/** Refuses while the app is being asked. @throws AppError `conflict`, retryable */
export function refuseUnderWay(subscription: Subscribed, trigger: string, now = Date.now()): void {
  if (!isUnderWay(subscription, now)) return
  const ms = Date.parse(subscription.askedUntil ?? '') - now
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
