import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

export interface EventLogLimits {
  maxEvents: number
  maxBytes: number
}

interface LoggedEvent {
  session: string
  stream: string
  message: JSONRPCMessage
  bytes: number
}

/** What the sessions of one endpoint sent lately, kept so that a broken stream can be resumed. */
export interface EventLog {
  /** The events of one session, as the SDK's transport wants them. No other session's can be reached. */
  forSession(session: string): EventStore
  forget(session: string): void
  readonly size: number
}

/**
 * Events of every session in one log with one budget: the oldest go first, whoever's they are, so memory
 * stays bounded however many sessions there are. A client that asks to resume from an event already
 * dropped is told so (400) and starts a new stream.
 */
export function buildEventLog({ maxEvents, maxBytes }: EventLogLimits): EventLog {
  const events = new Map<string, LoggedEvent>()
  let totalBytes = 0
  let lastId = 0

  function drop(key: string, event: LoggedEvent): void {
    events.delete(key)
    totalBytes -= event.bytes
  }

  function makeRoom(): void {
    for (const [key, event] of events) {
      if (events.size <= maxEvents && totalBytes <= maxBytes) return
      drop(key, event)
    }
  }

  function forSession(session: string): EventStore {
    const keyOf = (eventId: string) => `${session}/${eventId}`
    return {
      async storeEvent(stream, message) {
        lastId += 1
        const eventId = lastId.toString(36)
        const bytes = approximateBytes(message)
        events.set(keyOf(eventId), { session, stream, message, bytes })
        totalBytes += bytes
        makeRoom()
        return eventId
      },
      async getStreamIdForEventId(eventId) {
        return events.get(keyOf(eventId))?.stream
      },
      async replayEventsAfter(lastEventId, { send }) {
        const from = events.get(keyOf(lastEventId))
        if (from === undefined) throw new Error(`Event ${lastEventId} is no longer in the log`)
        const prefix = keyOf('')
        let seen = false
        for (const [key, event] of [...events]) {
          if (event === from) seen = true
          else if (
            seen &&
            event.session === session &&
            event.stream === from.stream &&
            isMessage(event.message)
          ) {
            await send(key.slice(prefix.length), event.message)
          }
        }
        return from.stream
      },
    }
  }

  return {
    forSession,
    forget(session) {
      for (const [key, event] of events) if (event.session === session) drop(key, event)
    },
    get size() {
      return events.size
    },
  }
}

/** The SDK opens each stream with an empty priming event; it marks a position and is not a message. */
function isMessage(message: JSONRPCMessage): boolean {
  return 'jsonrpc' in message
}

/** Size of a message in memory, near enough: counts nodes and string lengths without serializing. */
function approximateBytes(value: unknown): number {
  if (typeof value === 'string') return 16 + value.length * 2
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 32
  for (const [key, item] of Object.entries(value)) bytes += key.length + approximateBytes(item)
  return bytes
}
