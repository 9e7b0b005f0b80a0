import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { definitionOf } from '../../agents/action-fixer/candidate.ts'
import { deriveEvents } from '../../agents/event-builder/derive-events.ts'
import {
  type DocEvents,
  eventsFromDocs,
  findEventPassages,
} from '../../agents/event-builder/events-from-docs.ts'
import { toAppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import type { ConnectorDefinition, EventDefinition } from '../../runtime/connectors/definition.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { docsBefore } from './docs-read.ts'
import { modelOf } from './model-of.ts'
import type { State } from './state.ts'

const MAX_SHOWN = 200

/**
 * Adds the events that the app's own actions subscribe to, and those its documentation tells of, where there is a model to
 * read it. What a person defined already stays.
 */
export async function buildEvents({ made, input }: State, run: RunContext): Promise<Partial<State>> {
  if (made === null) return {}
  const { connector } = made
  const definition = await definitionOf(run.call, connector)
  const derived = deriveEvents(definition)
  const read = await readDocs(definition, input.docs ?? [], run)
  const { dropped: droppedEvents } = read
  const signing = input.webhookVerification
  const events = joined(definition, derived, read).map((event) =>
    signing === undefined ? event : { ...event, webhookVerification: signing },
  )
  if (read.events.length + droppedEvents.length > 0)
    await run.artifact({
      kind: 'event_definitions',
      title: `Events of ${connector} in its documentation`,
      content: {
        events: read.events.map(({ event, citations }) => ({ event: event.slug, citations })),
        dropped: droppedEvents,
      } as unknown as Json,
    })
  if (events.length === 0) return { droppedEvents }
  const subscribable = events.filter(({ subscription }) => subscription !== undefined).length
  const answer = await run.handback({
    point: 'after_events',
    question: `${events.length} events of '${connector}' were found, ${subscribable} of which can be subscribed to with its own actions. Add them to the connector?`,
    details: {
      events: events.slice(0, MAX_SHOWN) as unknown as Json,
      citations: Object.fromEntries(
        read.events.map(({ event, citations }) => [event.slug, citations]),
      ) as unknown as Json,
      dropped: droppedEvents as unknown as Json,
    },
    answer: z.object({ add: z.boolean().describe('Add them? Nothing is subscribed to yet.') }),
    default: { add: true },
  })
  if (!answer.add) return { droppedEvents }
  for (const event of events)
    await run.call('define_event', { connector, event: event as unknown as JsonObject })
  return { droppedEvents }
}

/** What the documentation tells of events; nothing without a model. That it could not be read is told and is no failure. */
async function readDocs(
  definition: ConnectorDefinition,
  docs: readonly string[],
  run: RunContext,
): Promise<DocEvents> {
  const model = modelOf(run)
  const { slug } = definition
  if (model === undefined) return { events: [], dropped: [] }
  if (docs.length > 0) await docsBefore(run)
  for (const url of docs) await run.call('index_api_docs', { url, connector: slug })
  const passages = await findEventPassages(run.call, slug)
  if (passages.length === 0) return { events: [], dropped: [] }
  // Once: what a person is asked about is what is added afterwards.
  const read = await run.once('events_from_docs', () =>
    eventsFromDocs(model, definition, passages).then(
      (found) => found as unknown as JsonObject,
      (cause: unknown) => {
        const { code, message } = toAppError(cause)
        if (run.signal.aborted || code !== 'upstream_error') throw cause
        return { events: [], dropped: [{ event: '(all)', why: message }] }
      },
    ),
  )
  return read as unknown as DocEvents
}

/** What is new: what documentation says fills in what is not known of an event, and changes nothing that is. */
function joined(
  definition: ConnectorDefinition,
  derived: EventDefinition[],
  read: DocEvents,
): EventDefinition[] {
  const events = new Map(derived.map((event) => [event.slug, event]))
  for (const { event } of read.events) {
    const known = definition.events.find(({ slug }) => slug === event.slug)
    const before = events.get(event.slug) ?? known
    const after = before === undefined ? event : { ...event, ...before }
    if (!isDeepStrictEqual(after, known)) events.set(event.slug, after)
  }
  return [...events.values()]
}
