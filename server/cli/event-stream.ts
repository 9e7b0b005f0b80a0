import { EventSourceParserStream } from 'eventsource-parser/stream'
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
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { id, event = 'message', data } of events) {
    const parsed: unknown = JSON.parse(data)
    yield {
      id: id === undefined ? undefined : Number(id),
      type: event,
      data: isJsonObject(parsed) ? parsed : {},
    }
  }
}
