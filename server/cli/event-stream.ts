import { EventSourceParserStream, ParseError } from 'eventsource-parser/stream'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'

export interface StreamedEvent {
  /** Undefined for the one that ends the stream. */
  id: number | undefined
  type: string
  data: JsonObject
}

/**
 * The events of a run as they come, from the one after `after` on. Ends with the run; a connection that breaks ends
 * it too, and whoever reads goes on from the last id.
 * @throws AppError `unavailable` when the server does not answer, or its own refusal
 */
export async function* streamEvents(
  server: { url: string; key: string },
  run: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  const response = await fetch(`${server.url}/api/v1/agent-runs/${run}/stream`, {
    headers: { authorization: `Bearer ${server.key}`, 'last-event-id': String(after) },
    signal,
  }).catch((cause: unknown) => {
    throw new AppError('unavailable', `${server.url} does not answer.`, { cause })
  })
  if (!response.ok || response.body === null) {
    throw new AppError('upstream_error', `The events of ${run} could not be read: ${response.status}.`, {
      data: { body: await response.text() },
    })
  }
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ maxBufferSize: MAX_FRAME_CHARS }))
  try {
    for await (const { id, event = 'message', data } of events)
      yield { id: id === undefined ? undefined : numberOf(id), type: event, data: objectOf(data) }
  } catch (cause) {
    throw cause instanceof ParseError ? notOurs('one does not end', cause) : cause
  }
}

/** An event holds what was made whole, such as a plan; nothing that is longer was sent by Patchbay. */
const MAX_FRAME_CHARS = 64 * 1024 * 1024

const notOurs = (what: string, cause?: unknown) =>
  new AppError('upstream_error', `What came is no event of Patchbay: ${what}.`, {
    hint: 'Is a proxy in between that changes what it passes on? Try the address of the server itself.',
    cause,
  })

function numberOf(id: string): number {
  const number = Number(id)
  if (!Number.isSafeInteger(number)) throw notOurs('its id is no number')
  return number
}

function objectOf(data: string): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(data)
  } catch (cause) {
    throw notOurs('its data is no JSON', cause)
  }
  return isJsonObject(parsed) ? parsed : {}
}
