import { z } from 'zod'
import type { Json, JsonObject } from '../../core/json.ts'
import { valueAt } from '../conditions/condition.ts'
import { renewalOf, renewalProblem } from './subscription-expiry.ts'

const Call = z.object({
  action: z.string().min(1).max(64).describe('Slug of an action of the connector.'),
  input: z
    .record(z.string(), z.json())
    .describe(
      'Input of that call. In its texts are filled in {webhookUrl}, {secret}, {subscriptionId}; {expiresAt} and {expiresAtMs}, by renewal.lifetimeSeconds; {uniqueId}, another for each subscription; and to unsubscribe and renew {answer.<dot path>}, a value of the answer of subscribe.',
    ),
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
    renewal: renewalOf(Call)
      .optional()
      .describe(
        'Where the app ends subscriptions by itself: until when they live, and how they are renewed.',
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
  .superRefine(({ subscribe, unsubscribe, secretPath, renewal }, context) => {
    const lacks = (input: JsonObject, name: string) => !JSON.stringify(input).includes(`{${name}}`)
    const refuse = (call: string, message: string) =>
      context.addIssue({ code: 'custom', path: [call, 'input'], message })
    const problem = renewal && renewalProblem(renewal, subscribe)
    if (problem !== undefined)
      context.addIssue({ code: 'custom', path: ['renewal', problem[0]], message: problem[1] })
    if (lacks(subscribe.input, 'webhookUrl')) refuse('subscribe', 'says nowhere where to send: {webhookUrl}')
    if (lacks(unsubscribe.input, 'subscriptionId'))
      refuse('unsubscribe', 'does not say what: {subscriptionId}')
    if (
      secretPath !== undefined &&
      answersIn(unsubscribe.input, renewal?.renew?.input).includes(`answer.${secretPath}`)
    )
      refuse(
        'unsubscribe',
        'or renew refers to the secret of the answer, which is sealed: {secret} is it for renew',
      )
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
      return value.replace(/\{([\w.-]+)\}/g, (whole, name: string) =>
        Object.hasOwn(values, name) ? (values[name] ?? '') : whole,
      )
    if (Array.isArray(value)) return value.map(fill)
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fill(part)]))
      : value
  }
  return fill(input) as JsonObject
}

/** The values of the answer of subscribe that inputs refer to, as placeholders: `answer.resourceId`. */
const answersIn = (...inputs: (JsonObject | undefined)[]): string[] =>
  [...JSON.stringify(inputs).matchAll(/\{(answer\.[\w.-]+)\}/g)].map(([, name = '']) => name)

/** What of the answer the calls to come refer to, by placeholder. What it does not have is left out. */
export function answerKept(
  answer: Json,
  { unsubscribe, renewal }: EventSubscription,
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of answersIn(unsubscribe.input, renewal?.renew?.input)) {
    const value = idAt(answer, name.slice('answer.'.length))
    if (value !== undefined) kept[name] = value
  }
  return kept
}

/** What of the answer an input refers to and that was not kept. */
export const answersLacking = (input: JsonObject, kept: Record<string, string>): string[] =>
  answersIn(input).filter((name) => !Object.hasOwn(kept, name))

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
