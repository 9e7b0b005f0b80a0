import { z } from 'zod'
import type { Json, JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'

/** How a subscription that the app ends by itself is kept alive. */
export const renewalOf = <Call extends z.ZodType>(call: Call) =>
  z.object({
    expiresPath: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Dot path, in the answers of subscribe and renew, to when it expires: a date, a Unix time in seconds or milliseconds, or seconds from then on; null there: never.',
      ),
    lifetimeSeconds: z
      .number()
      .int()
      .min(300)
      .max(31_622_400)
      .optional()
      .describe(
        'How long it lives where no answer says so; what {expiresAt} and {expiresAtMs} in the inputs ask the app for.',
      ),
    renew: call
      .optional()
      .describe(
        'Renews {subscriptionId}. Without it the webhook is subscribed anew and the old subscription is taken back.',
      ),
  })

interface Renewal {
  expiresPath?: string | undefined
  lifetimeSeconds?: number | undefined
  renew?: { input: JsonObject } | undefined
}

/** What is wrong with it, by field. */
export function renewalProblem(
  renewal: Renewal,
  subscribe: { input: JsonObject },
): [field: string, message: string] | undefined {
  const { expiresPath, lifetimeSeconds, renew } = renewal
  if (expiresPath === undefined && lifetimeSeconds === undefined)
    return ['expiresPath', 'or lifetimeSeconds must say until when it lives']
  if (renew !== undefined && !JSON.stringify(renew.input).includes('{subscriptionId}'))
    return ['renew', 'does not say what: {subscriptionId}']
  const asks = JSON.stringify([subscribe.input, renew?.input]).includes('{expiresAt')
  return asks && lifetimeSeconds === undefined
    ? ['lifetimeSeconds', 'must say what {expiresAt} in the inputs asks for']
    : undefined
}

/** What inputs ask for where they have {expiresAt} and {expiresAtMs}. */
export function askedExpiry(renewal: Renewal | undefined, now: number): Record<string, string> {
  if (renewal?.lifetimeSeconds === undefined) return {}
  const at = now + renewal.lifetimeSeconds * 1_000
  return { expiresAt: new Date(at).toISOString(), expiresAtMs: String(at) }
}

/**
 * Until when a subscription lives, by the app's answer.
 * @returns null: for ever; undefined: the answer does not say (a time that is over says nothing), nor does the event
 */
export function expiryIn(answer: Json, renewal: Renewal | undefined, now: number): Date | null | undefined {
  if (renewal === undefined) return null
  const { expiresPath, lifetimeSeconds } = renewal
  const told = expiresPath === undefined ? undefined : valueAt(answer, expiresPath)
  if (told === null) return null
  const at = timeOf(told, now)
  if (at !== undefined && at.getTime() > now) return at
  return lifetimeSeconds === undefined ? undefined : new Date(now + lifetimeSeconds * 1_000)
}

/** Beyond any lifetime in seconds, and any time in seconds, respectively. */
const UNIX_SECONDS = 1e9
const UNIX_MILLISECONDS = 1e11

function timeOf(told: Json | undefined, now: number): Date | undefined {
  if ((typeof told !== 'string' && typeof told !== 'number') || told === '') return undefined
  const number = Number(told)
  const ms = !Number.isFinite(number)
    ? Date.parse(String(told))
    : number >= UNIX_MILLISECONDS
      ? number
      : number >= UNIX_SECONDS
        ? number * 1_000
        : now + number * 1_000
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms) : undefined
}
