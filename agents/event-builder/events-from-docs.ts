import { z } from 'zod'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { RunModel } from '../models/models.ts'
import { promptData } from '../prompt-data.ts'
import type { ToolCall } from '../tool-call.ts'
import {
  checkDraftEvent,
  type DocEvent,
  DraftEvent,
  type DroppedEvent,
  type Passage,
} from './check-draft-event.ts'
import { isAboutHooks } from './derive-events.ts'

const QUERIES = [
  'webhook events: list of event types and when they are sent',
  'how webhooks are signed: signature header, secret, HMAC',
  'create or delete a webhook, subscribe to events with a callback URL',
  'example payload of a webhook event',
  'expiration and renewal of webhook subscriptions',
]
const PER_QUERY = 6
const MAX_PASSAGES = 16
const MAX_EVENTS = 60
const MAX_ACTIONS = 20
const MAX_ACTION_CHARS = 8_000
const ABOUT_EVENTS = /web-?hook|callback|notification|event type|x-[\w-]*signature|subscri/i

const SYSTEM = `You define the events of an API connector from its documentation: what the app sends to webhooks.
State only what the passages say: no event, header or field that stands in none of them. Cite for each event the ids of the
passages it is founded on, the one on signatures included. Of the connector's actions use only those shown. Answer an empty
list when the passages tell of no events.`

const Drafts = z.object({ events: z.array(DraftEvent) })

export interface DocEvents {
  events: DocEvent[]
  dropped: DroppedEvent[]
}

/** Passages of a connector's indexed documentation that tell of events; none: it says nothing of them. */
export async function findEventPassages(call: ToolCall, connector: string): Promise<Passage[]> {
  const found = new Map<string, Passage>()
  for (const query of QUERIES) {
    const { passages } = await call('search_api_docs', { query, connector, limit: PER_QUERY })
    for (const passage of passages as unknown as Passage[]) {
      const { id, content, breadcrumb, url } = passage
      if (found.size < MAX_PASSAGES && ABOUT_EVENTS.test(`${breadcrumb.join(' ')} ${content}`))
        found.set(id, { id, content, breadcrumb, url })
    }
  }
  return [...found.values()]
}

/**
 * Events a model reads out of documentation, as far as they hold: see {@link checkDraftEvent}. What does not is told.
 * @throws AppError errors of the model
 */
export async function eventsFromDocs(
  model: RunModel,
  definition: ConnectorDefinition,
  passages: readonly Passage[],
): Promise<DocEvents> {
  const actions = definition.actions.filter(isAboutHooks).slice(0, MAX_ACTIONS)
  const { events: drafts } = await model.structured({
    tier: 'build',
    name: 'event_drafts',
    purpose: 'define events from documentation',
    system: SYSTEM,
    prompt: [
      `Define the events of the connector ${definition.slug}.`,
      ...actions.map(({ slug, method, path, inputSchema, outputSchema }) =>
        promptData(`action ${slug}`, { slug, method, path, inputSchema, outputSchema }, MAX_ACTION_CHARS),
      ),
      ...(actions.length === 0 ? ['The connector has no action about subscriptions.'] : []),
      'The passages, each with its id first:',
      ...passages.map(({ id, url, breadcrumb, content }) =>
        promptData(`${id} ${url ?? ''} ${breadcrumb.join(' › ')}`, content),
      ),
    ].join('\n'),
    schema: Drafts,
  })
  const events = new Map<string, DocEvent>()
  const dropped: DroppedEvent[] = drafts
    .slice(MAX_EVENTS)
    .map(({ name }) => ({ event: name, why: `It is one of more than ${MAX_EVENTS}.` }))
  for (const draft of drafts.slice(0, MAX_EVENTS)) {
    const checked = checkDraftEvent(draft, definition, passages)
    dropped.push(...checked.dropped)
    if (checked.found !== undefined && !events.has(checked.found.event.slug))
      events.set(checked.found.event.slug, checked.found)
  }
  return { events: [...events.values()], dropped }
}
