import { z } from 'zod'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { valueAt } from '../../runtime/conditions/condition.ts'
import { type ConnectorDefinition, EventDefinition } from '../../runtime/connectors/definition.ts'
import { EventSubscription, inputProblems } from '../../runtime/connectors/event-subscription.ts'
import { Verification, type VerificationScheme } from '../../runtime/triggers/webhook-config.ts'
import { eventSlug, isAboutHooks, subscriptionFor } from './derive-events.ts'

const Call = z.object({ action: z.string(), input: z.record(z.string(), z.unknown()) })

/** An event as a model proposes it. Loose, so that what is wrong is dropped and told rather than asked for again. */
export const DraftEvent = z.object({
  name: z.string().describe('The app’s own word for it, letter by letter: order.paid.'),
  title: z.string().describe('Short title.'),
  description: z.string().describe('When it is sent.'),
  signature: z
    .object({
      scheme: z
        .string()
        .describe(
          'standard_webhooks, github, stripe, shopify, slack, hmac_sha256 or api_key (a key in a header).',
        ),
      header: z.string().nullable().describe('hmac_sha256, api_key: the header it comes in.'),
      prefix: z.string().nullable().describe('Text before it in the header: "sha256=".'),
      encoding: z.string().nullable().describe('hmac_sha256: hex or base64.'),
      signedPayload: z.string().nullable().describe('hmac_sha256: {body}, or {timestamp}.{body}.'),
      timestampHeader: z.string().nullable().describe('The header of {timestamp}.'),
    })
    .nullable()
    .describe('How deliveries are signed; null: the passages do not say.'),
  type: z
    .object({ field: z.string().describe('payload.<dot path> or headers.<name>.'), value: z.string() })
    .nullable()
    .describe('Where a delivery says which event it is.'),
  subscription: z
    .object({
      subscribe: Call,
      unsubscribe: Call,
      idPath: z.string().describe('Dot path to the subscription’s id in the answer of subscribe.'),
      secretPath: z
        .string()
        .nullish()
        .describe(
          'Dot path to the signing secret in that answer, where the app issues it; null: it does not.',
        ),
      expiresPath: z
        .string()
        .nullish()
        .describe(
          'Dot path to when the subscription expires, in the answers; null: it does not, or no answer says.',
        ),
      lifetimeSeconds: z.number().nullish().describe('How long it lives, where the passages say; else null.'),
      renew: Call.nullish().describe(
        'Renews it, with {subscriptionId}, and {expiresAt} where the app is told until when; null: nothing does.',
      ),
    })
    .nullable()
    .describe(
      'By the actions shown, with the texts {webhookUrl}, {secret} and {subscriptionId} as values; null: they do not subscribe.',
    ),
  example: z.unknown().describe('The payload, where a passage shows one; else null.'),
  citations: z.array(z.string()).describe('Ids of the passages this is founded on.'),
})
export type DraftEvent = z.output<typeof DraftEvent>

export interface Passage {
  id: string
  content: string
  breadcrumb: string[]
  url: string | null
}

export interface DocEvent {
  event: EventDefinition
  citations: { passage: string; url: string | null }[]
}

/** What was not taken of a draft. */
export interface DroppedEvent {
  event: string
  why: string
}

/** Headers by which a passage tells a preset. */
const MARKS: Partial<Record<VerificationScheme, string[]>> = {
  github: ['x-hub-signature-256'],
  stripe: ['stripe-signature'],
  shopify: ['x-shopify-hmac-sha256'],
  slack: ['x-slack-signature'],
  standard_webhooks: ['webhook-signature', 'standard webhooks'],
}
const MAX_EXAMPLE_CHARS = 20_000

/**
 * What of a draft holds against the passages it cites and the connector it is for. Documentation is others' text, and a
 * model may obey it: an event uses the connector's own actions about subscriptions, with nothing in their inputs that could
 * lead elsewhere, and is never said to be unsigned.
 * @returns undefined: nothing of it holds
 */
export function checkDraftEvent(
  draft: DraftEvent,
  definition: ConnectorDefinition,
  passages: readonly Passage[],
): { found: DocEvent | undefined; dropped: DroppedEvent[] } {
  const dropped: DroppedEvent[] = []
  const drop = (why: string): undefined => {
    dropped.push({ event: draft.name, why })
    return undefined
  }
  const cited = passages.filter(({ id }) => draft.citations.includes(id))
  const text = cited.map(({ content, breadcrumb }) => `${breadcrumb.join(' ')}\n${content}`).join('\n')
  const says = (word: string) => text.toLowerCase().includes(word.toLowerCase())
  if (cited.length === 0) return { found: drop('It cites no passage of the documentation.'), dropped }
  if (draft.name.trim() === '' || !says(draft.name))
    return { found: drop('Its name stands in none of the passages it cites.'), dropped }

  const type = typeOf(draft, says, drop)
  const fitting = exampleOf(draft, type, says, drop)
  const event = EventDefinition.safeParse({
    slug: eventSlug(draft.name),
    name: draft.name.slice(0, 200),
    description: [draft.title, draft.description].filter(Boolean).join(': ').slice(0, 2_000),
    webhookVerification: verificationOf(draft, says, drop),
    subscription: subscriptionOf(draft, definition, type !== undefined, says, drop),
    type,
    example: fitting,
  })
  if (!event.success) return { found: drop(firstIssue(event.error)), dropped }
  const citations = cited.map(({ id, url }) => ({ passage: id, url }))
  return { found: { event: event.data, citations }, dropped }
}

type Says = (word: string) => boolean
type Drop = (why: string) => undefined

function verificationOf({ signature }: DraftEvent, says: Says, drop: Drop): Verification | undefined {
  if (signature === null) return undefined
  const given = Object.fromEntries(
    Object.entries(signature).filter(([, value]) => value !== null && value !== ''),
  )
  const parsed = Verification.safeParse(given)
  if (!parsed.success)
    return drop(`Its signature is not one that can be verified: ${firstIssue(parsed.error)}`)
  const { scheme, header, timestampHeader } = parsed.data
  if (scheme === 'none')
    return drop('It is said to be unsigned, which only a person may settle: say so with define_event.')
  const marks = MARKS[scheme]
  const there = marks === undefined ? says(header ?? ' none ') : marks.some(says)
  if (!there || (timestampHeader !== undefined && !says(timestampHeader)))
    return drop(`Nothing of its signature (${scheme}) stands in the passages it cites.`)
  return parsed.data
}

function typeOf({ type }: DraftEvent, says: Says, drop: Drop): EventDefinition['type'] {
  if (type === null) return undefined
  const parsed = EventDefinition.shape.type.safeParse(type)
  const last = type.field.split('.').at(-1) ?? ''
  if (parsed.success && says(type.value) && says(last)) return parsed.data
  return drop(
    `Where a delivery says its type (${type.field}: ${type.value}) stands in none of the passages it cites.`,
  )
}

function exampleOf(
  { example }: DraftEvent,
  type: EventDefinition['type'],
  says: Says,
  drop: Drop,
): Json | undefined {
  if (example === null || example === undefined) return undefined
  const parsed = z.json().safeParse(example)
  if (!parsed.success || JSON.stringify(example).length > MAX_EXAMPLE_CHARS)
    return drop('Its example is no payload.')
  const made = keysOf(parsed.data).filter((key) => !says(key))
  if (made.length > 0)
    return drop(`Its example has fields that no passage it cites shows: ${made.slice(0, 5).join(', ')}.`)
  const path = type?.field.match(/^payload\.(.+)$/)?.[1]
  if (path !== undefined && valueAt(parsed.data, path) !== type?.value)
    return drop(`Its example is not of this event: ${type?.field} is another.`)
  return parsed.data
}

const keysOf = (value: Json): string[] => {
  if (Array.isArray(value)) return value.flatMap(keysOf)
  return isJsonObject(value)
    ? Object.entries(value).flatMap(([key, part]) => [key, ...keysOf(part as Json)])
    : []
}

/** By the connector's own pair of actions where it has one that code understands; else as the model says. */
function subscriptionOf(
  { name, subscription }: DraftEvent,
  definition: ConnectorDefinition,
  told: boolean,
  says: Says,
  drop: Drop,
): EventSubscription | undefined {
  const known = subscriptionFor(definition, name)
  // An app that sends all it has to one address must say which event each is.
  if (known !== undefined && (known.alone || told)) return known.subscription
  if (subscription === null) return undefined
  const parsed = EventSubscription.safeParse(withLife(subscription, says, drop))
  if (!parsed.success) return drop(`It cannot be subscribed to so: ${firstIssue(parsed.error)}`)
  const { renew } = parsed.data.renewal ?? {}
  const calls = { ...parsed.data, ...(renew === undefined ? {} : { renew }) }
  for (const call of CALLS) {
    const described = calls[call]
    const problem = described && callProblem(described, call, name, definition)
    if (problem !== undefined) return drop(`It cannot be subscribed to so: ${call}: ${problem}`)
  }
  const hosts = CALLS.flatMap((call) => {
    const slug = calls[call]?.action
    return slug === undefined ? [] : [definition.actions.find((one) => one.slug === slug)?.baseUrl]
  })
  if (new Set(hosts).size > 1)
    return drop('It cannot be subscribed to so: its actions are of different addresses.')
  return parsed.data
}

const CALLS = ['subscribe', 'unsubscribe', 'renew'] as const

/** What is to be checked of it: with where the secret stands and how long it lives, as far as the passages say so. */
function withLife(draft: NonNullable<DraftEvent['subscription']>, says: Says, drop: Drop): object {
  const { subscribe, unsubscribe, idPath, secretPath, expiresPath, lifetimeSeconds, renew } = draft
  const stands = (path: string | null | undefined, what: string): string | undefined => {
    if (path === null || path === undefined || path === '') return undefined
    if (says(path.split('.').at(-1) ?? '')) return path
    return drop(`Where the answer has ${what} (${path}) stands in none of the passages it cites.`)
  }
  const secret = stands(secretPath, 'the secret')
  const expires = stands(expiresPath, 'its end')
  const lives = typeof lifetimeSeconds === 'number' && says('expir') ? Math.round(lifetimeSeconds) : undefined
  const renewal = { expiresPath: expires, lifetimeSeconds: lives, renew: renew ?? undefined }
  return {
    ...{ subscribe, unsubscribe, idPath },
    ...(secret === undefined ? {} : { secretPath: secret }),
    ...(expires === undefined && lives === undefined ? {} : { renewal }),
  }
}

const METHODS = {
  subscribe: ['POST', 'PUT', 'PATCH'],
  unsubscribe: ['DELETE', 'POST', 'PUT', 'PATCH'],
  renew: ['POST', 'PUT', 'PATCH'],
}
/** Inputs that say where something goes. */
const PLACE = /url|uri|endpoint|host|domain|address|e-?mail|callback|target|destination/i
const TOKEN = /^[\w:*-]{1,100}$/
const WHOLE = ['{webhookUrl}', '{secret}', '{subscriptionId}', '{expiresAt}', '{expiresAtMs}', '{uniqueId}']

function callProblem(
  { action: slug, input }: { action: string; input: JsonObject },
  call: (typeof CALLS)[number],
  name: string,
  { actions }: ConnectorDefinition,
): string | undefined {
  const action = actions.find((one) => one.slug === slug)
  if (action === undefined) return `the connector has no action '${slug}'.`
  if (!isAboutHooks(action)) return `'${slug}' is not about subscriptions.`
  if (!METHODS[call].includes(action.method)) return `'${slug}' is a ${action.method}.`
  const wrong = inputProblems(action.inputSchema, input)
  if (wrong.length > 0) return `its input does not fit '${slug}': ${wrong.join(', ')}.`
  const foreign = textsIn(input).find(
    ({ key, value }) => !WHOLE.includes(value) && (PLACE.test(key) || (value !== name && !TOKEN.test(value))),
  )
  return foreign === undefined ? undefined : `'${foreign.key}' must not be '${foreign.value.slice(0, 100)}'.`
}

const textsIn = (value: unknown, key = ''): { key: string; value: string }[] => {
  if (typeof value === 'string') return [{ key, value }]
  if (Array.isArray(value)) return value.flatMap((part) => textsIn(part, key))
  return isJsonObject(value) ? Object.entries(value).flatMap(([name, part]) => textsIn(part, name)) : []
}

const firstIssue = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, 2)
    .map(({ path, message }) => `${path.join('.')} ${message}`.trim())
    .join('; ')
