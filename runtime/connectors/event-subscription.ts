import { z } from 'zod'
import type { Json, JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'

const Call = z.object({
  action: z.string().min(1).max(64).describe('Slug of an action of the connector.'),
  input: z
    .record(z.string(), z.json())
    .describe('Input of that call. In its texts {webhookUrl}, {secret} and {subscriptionId} are filled in.'),
})

/** The calls that make an app send an event, and stop it. Plain data: actions of the connector with filled-in input. */
export const EventSubscription = z
  .object({
    subscribe: Call.describe('Registers {webhookUrl}, signing with {secret} where the app takes one.'),
    unsubscribe: Call.describe('Takes {subscriptionId} back.'),
    idPath: z
      .string()
      .min(1)
      .max(200)
      .describe('Dot path to the id of the subscription in the answer of subscribe: id, or data.id.'),
    secretPath: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Where the app issues the secret it signs with: dot path to it in the answer of subscribe, e.g. secret. It is sealed and shown to nobody.',
      ),
    list: z
      .object({
        action: Call.shape.action,
        input: z.record(z.string(), z.json()).default({}).describe('Input of that call.'),
        itemsPath: z
          .string()
          .max(200)
          .default('')
          .describe(
            'Dot path to the list in its answer, where the action has no pagination; empty: it is the answer.',
          ),
        idPath: z.string().min(1).max(200).default('id').describe('Dot path to the id in an item.'),
      })
      .optional()
      .describe(
        'Lists the subscriptions with the addresses they send to: finds one whose id was lost, as when the server was killed while it subscribed.',
      ),
  })
  .superRefine(({ subscribe, unsubscribe, secretPath }, context) => {
    const lacks = (input: JsonObject, name: string) => !JSON.stringify(input).includes(`{${name}}`)
    const refuse = (call: string, message: string) =>
      context.addIssue({ code: 'custom', path: [call, 'input'], message })
    if (lacks(subscribe.input, 'webhookUrl')) refuse('subscribe', 'says nowhere where to send: {webhookUrl}')
    if (lacks(unsubscribe.input, 'subscriptionId'))
      refuse('unsubscribe', 'does not say what: {subscriptionId}')
    if (secretPath !== undefined && !lacks(subscribe.input, 'secret'))
      refuse(
        'subscribe',
        'tells the app a {secret}, and secretPath says that the app issues one: leave one out',
      )
  })
export type EventSubscription = z.infer<typeof EventSubscription>

/** Names in a call's input that the action does not take, or wants and does not get. */
export function inputProblems(inputSchema: object, input: JsonObject): string[] {
  const { properties = {}, required = [] } = inputSchema as { properties?: object; required?: string[] }
  return [
    ...Object.keys(input).filter((name) => !Object.hasOwn(properties, name)),
    ...required.filter((name) => !Object.hasOwn(input, name)),
  ]
}

/** Do both sides know the secret it signs with after the call: told to the app, or issued by it? */
export const sharesSecret = ({ subscribe, secretPath }: EventSubscription): boolean =>
  secretPath !== undefined || JSON.stringify(subscribe.input).includes('{secret}')

/** The secret that the app issued with its answer; undefined: there is none. */
export function issuedSecret(answer: Json, { secretPath }: EventSubscription): string | undefined {
  const secret = secretPath === undefined ? undefined : valueAt(answer, secretPath)
  return typeof secret === 'string' && secret !== '' ? secret : undefined
}

/** The names that secrets bear in what the app is told and answers. */
export function secretNames({ subscribe, secretPath }: EventSubscription): string[] {
  const names = new Set(secretPath === undefined ? [] : [secretPath.split('.').at(-1) ?? ''])
  for (const { key, value } of membersOf(subscribe.input))
    if (typeof value === 'string' && value.includes('{secret}')) names.add(key)
  return [...names]
}

/** Finds what stands under such names in an answer, at any depth, as in a list of subscriptions. Undefined: none are known. */
export const secretsUnder = (names: readonly string[]): ((answer: Json) => readonly string[]) | undefined =>
  names.length === 0
    ? undefined
    : (answer) =>
        membersOf(answer).flatMap(({ key, value }) =>
          names.includes(key) && typeof value === 'string' ? [value] : [],
        )

function membersOf(root: Json): { key: string; value: Json }[] {
  const members: { key: string; value: Json }[] = []
  const left: Json[] = [root]
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node === null || typeof node !== 'object') continue
    for (const [key, value] of Object.entries(node)) {
      if (value === undefined) continue
      members.push({ key, value })
      left.push(value)
    }
  }
  return members
}

/** The input with its placeholders filled in; others stay as they are. */
export function fillIn(input: JsonObject, values: Record<string, string>): JsonObject {
  const fill = (value: Json): Json => {
    if (typeof value === 'string')
      return value.replace(/\{(\w+)\}/g, (whole, name: string) =>
        Object.hasOwn(values, name) ? (values[name] ?? '') : whole,
      )
    if (Array.isArray(value)) return value.map(fill)
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fill(part)]))
      : value
  }
  return fill(input) as JsonObject
}

/** The id of a subscription in the app's answer; undefined: there is none. */
export const subscriptionIdIn = (answer: Json, { idPath }: EventSubscription): string | undefined =>
  idAt(answer, idPath)

function idAt(value: Json, path: string): string | undefined {
  const id = valueAt(value, path)
  return (typeof id === 'string' && id !== '') || typeof id === 'number' ? String(id) : undefined
}

/**
 * The ids of those of an app's subscriptions that send to an address with this in it.
 * @returns undefined when one of them has no id at `idPath`, so that it is not known which it is
 */
export function subscriptionsTo(
  address: string,
  items: readonly Json[],
  { idPath }: Pick<EventSubscription, 'idPath'>,
): string[] | undefined {
  const ids: string[] = []
  for (const item of items) {
    if (!holds(item, address)) continue
    const id = idAt(item, idPath)
    if (id === undefined) return undefined
    ids.push(id)
  }
  return ids
}

function holds(value: Json, text: string): boolean {
  if (typeof value === 'string') return value.includes(text)
  return value !== null && typeof value === 'object' && Object.values(value).some((part) => holds(part, text))
}
