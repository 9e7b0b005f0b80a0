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
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const event = parseEvent(text.slice(0, end))
      text = text.slice(end + 2)
      if (event !== undefined) yield event
    }
  }
}

/** One block of the stream as the HTML standard (9.2.6) reads it; undefined for comments. */
export function parseEvent(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    fields.set(name, name === 'data' && fields.has('data') ? `${fields.get('data')}\n${value}` : value)
  }
  const data = fields.get('data')
  if (data === undefined) return undefined
  const parsed: unknown = JSON.parse(data)
  const id = fields.get('id')
  return {
    id: id === undefined ? undefined : Number(id),
    type: fields.get('event') ?? 'message',
    data: isJsonObject(parsed) ? parsed : {},
  }
}
