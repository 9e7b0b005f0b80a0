import type { JsonObject } from '../../core/json.ts'
import type { ActionDefinition } from '../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition, EventDefinition } from '../../runtime/connectors/definition.ts'
import { EventSubscription } from '../../runtime/connectors/event-subscription.ts'
import { snakeCase } from '../../runtime/connectors/slug.ts'

const HOOKS = /web_?hook|(^|[/_-])hooks?($|[/_-])|subscription/i
const ADDRESS =
  /^((web_?hook|callback|target|hook|notification|delivery|destination|post)_?)?(url|uri|endpoint)$/i
const SECRET = /^((signing|webhook|hook|shared|hmac)_?)?(secret|signing_?key)$/i
const EVENTS = /^(event|topic|trigger)(_?(s|type|types|name|names))?$/i
const EXPIRY = /^expir(y|es|ation)?(_?(at|on|in|time|date|date_?time))?$/i
const RENEWS = /renew|refresh|extend|prolong|keep_?alive/i
const MAX_EVENTS = 100

type Schema = {
  type?: string | string[]
  enum?: unknown[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

/** How the app's own actions subscribe to its events. */
interface Pair {
  create: ActionDefinition
  remove: ActionDefinition
  list: EventSubscription['list']
  address: string
  secret: string | undefined
  events: { key: string; many: boolean; names: string[] } | undefined
  idKey: string
}

/**
 * Events with the calls that subscribe and unsubscribe, read from pairs of actions such as POST /webhooks and
 * DELETE /webhooks/{id}. Only what the schemas say: an input that must be given and is not understood rules a pair out.
 */
export function deriveEvents(definition: ConnectorDefinition): EventDefinition[] {
  const pair = pairIn(definition)
  if (pair === undefined) return []
  const { events: known } = definition
  const names = pair.events?.names ?? []
  const found = names.length > 0 ? names.slice(0, MAX_EVENTS) : pair.events === undefined ? [''] : []
  return found.flatMap((name) => {
    const slug = eventSlug(name)
    const before = known.find((event) => event.slug === slug)
    if (name === '' && known.length > 0) return [] // one hook for all: which of them arrives is not told by the schemas
    if (before?.subscription !== undefined) return []
    const subscription = subscriptionOf(pair, name, definition)
    const about = before ?? {
      slug,
      name: name === '' ? 'Any event' : name,
      description: `Sent to what ${pair.create.slug} registers.`,
    }
    return subscription === undefined ? [] : [{ ...about, subscription }]
  })
}

/** An event's slug by the app's own word for it. */
export const eventSlug = (name: string): string => {
  const slug = snakeCase(name).slice(0, 64) || 'event'
  return /^[a-z]/.test(slug) ? slug : `event_${slug}`.slice(0, 64)
}

/** Is the action about subscriptions to events, by its name and path? */
export const isAboutHooks = ({ slug, path }: ActionDefinition): boolean => HOOKS.test(`${slug} ${path}`)

/**
 * How an event that only documentation names is subscribed to with the connector's pair of actions; undefined: there is no
 * such pair, or it takes other names only. `alone`: the app is told the name, so sends nothing else.
 */
export function subscriptionFor(
  definition: ConnectorDefinition,
  name: string,
): { subscription: EventSubscription; alone: boolean } | undefined {
  const pair = pairIn(definition)
  if (pair === undefined) return undefined
  const { names = [] } = pair.events ?? {}
  if (names.length > 0 && !names.includes(name)) return undefined
  const subscription = subscriptionOf(pair, name, definition)
  return subscription === undefined ? undefined : { subscription, alone: pair.events !== undefined }
}

function pairIn(definition: ConnectorDefinition): Pair | undefined {
  for (const create of definition.actions) {
    if (!['POST', 'PUT'].includes(create.method) || !isAboutHooks(create)) continue
    const { properties = {}, required = [] } = bodyOf(create, definition)
    const keys = Object.keys(properties)
    const address = keys.find((key) => ADDRESS.test(key))
    const remove = definition.actions.find(
      ({ method, path, baseUrl }) =>
        method === 'DELETE' &&
        baseUrl === create.baseUrl &&
        path.startsWith(`${create.path}/{`) &&
        path.indexOf('}') === path.length - 1,
    )
    const idKey = remove?.parameters.find((one) => one.in === 'path')?.inputKey
    if (address === undefined || remove === undefined || idKey === undefined) continue
    if (((remove.inputSchema as Schema).required ?? []).some((key) => key !== idKey)) continue
    const secret = keys.find((key) => SECRET.test(key))
    const events = eventsIn(properties, definition)
    const understood = [address, secret, events?.key]
    if (required.some((key) => !understood.includes(key))) continue
    const list = listOf(create, definition)
    return { create, remove, list, address, secret, events, idKey }
  }
  return undefined
}

const bodyOf = (action: ActionDefinition, definition: ConnectorDefinition): Schema =>
  followed(action.inputSchema as Schema, definition)

function eventsIn(properties: Record<string, Schema>, definition: ConnectorDefinition): Pair['events'] {
  const key = Object.keys(properties).find((one) => EVENTS.test(one))
  if (key === undefined) return undefined
  const schema = followed(properties[key] ?? {}, definition)
  const item = followed(schema.items ?? {}, definition)
  const many = schema.type === 'array'
  const names = ((many ? item.enum : schema.enum) ?? []).filter((one) => typeof one === 'string')
  return { key, many, names }
}

function followed(schema: Schema, { schemas }: ConnectorDefinition): Schema {
  const { $ref } = schema as { $ref?: string }
  const name = $ref?.match(/^#\/schemas\/(.+)$/)?.[1]
  return name === undefined ? schema : ((schemas[name] as Schema | undefined) ?? {})
}

function subscriptionOf(
  { create, remove, list, address, secret, events, idKey }: Pair,
  name: string,
  definition: ConnectorDefinition,
): EventSubscription | undefined {
  const answer = answerOf(create, definition)
  if (answer === undefined) return undefined
  const at = (pattern: RegExp) => {
    const name = answer.names.find((one) => pattern.test(one))
    return name === undefined ? undefined : `${answer.path}${name}`
  }
  const expiresPath = at(EXPIRY)
  const input: JsonObject = {
    [address]: '{webhookUrl}',
    ...(secret === undefined ? {} : { [secret]: '{secret}' }),
    ...(events === undefined ? {} : { [events.key]: events.many ? [name] : name }),
  }
  return EventSubscription.parse({
    subscribe: { action: create.slug, input },
    unsubscribe: { action: remove.slug, input: { [idKey]: '{subscriptionId}' } },
    idPath: `${answer.path}id`,
    list,
    // An app that is told a secret may give it back.
    ...(secret === undefined ? { secretPath: at(SECRET) } : {}),
    ...(expiresPath === undefined
      ? {}
      : { renewal: { expiresPath, renew: renewOf(create, idKey, definition) } }),
  })
}

/** The action beside the creating one that lists subscriptions, when their addresses and ids are in what it answers. */
function listOf(
  { path, baseUrl }: ActionDefinition,
  definition: ConnectorDefinition,
): EventSubscription['list'] {
  for (const action of definition.actions) {
    if (action.method !== 'GET' || action.path !== path || action.baseUrl !== baseUrl) continue
    if (((action.inputSchema as Schema).required ?? []).length > 0) continue
    const answer = followed((action.outputSchema ?? {}) as Schema, definition)
    const lists: [string, Schema][] = [['', answer], ...Object.entries(answer.properties ?? {})]
    for (const [itemsPath, schema] of lists) {
      const { properties = {} } = followed(followed(schema, definition).items ?? {}, definition)
      if (properties.id === undefined || !Object.keys(properties).some((key) => ADDRESS.test(key))) continue
      return { action: action.slug, input: {}, itemsPath, idPath: 'id' }
    }
  }
  return undefined
}

/** Where the answer of the creating call has the id, at its top or one level below, and what stands beside it. */
function answerOf(
  { outputSchema }: ActionDefinition,
  definition: ConnectorDefinition,
): { path: string; names: string[] } | undefined {
  const { properties = {} } = followed((outputSchema ?? {}) as Schema, definition)
  if (properties.id !== undefined) return { path: '', names: Object.keys(properties) }
  for (const [name, part] of Object.entries(properties)) {
    const inner = followed(part, definition).properties
    if (inner?.id !== undefined) return { path: `${name}.`, names: Object.keys(inner) }
  }
  return undefined
}

/** The action that by its name renews one subscription, and wants nothing but its id. */
function renewOf(create: ActionDefinition, idKey: string, { actions }: ConnectorDefinition) {
  const found = actions.find(
    ({ method, path, baseUrl, slug, inputSchema }) =>
      ['POST', 'PUT', 'PATCH'].includes(method) &&
      baseUrl === create.baseUrl &&
      path.startsWith(`${create.path}/{`) &&
      RENEWS.test(`${slug} ${path.slice(create.path.length)}`) &&
      ((inputSchema as Schema).required ?? []).join() === idKey,
  )
  return found === undefined ? undefined : { action: found.slug, input: { [idKey]: '{subscriptionId}' } }
}
