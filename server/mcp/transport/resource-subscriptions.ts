import { ProtocolError, ProtocolErrorCode, type Server } from '@modelcontextprotocol/server'

/** URIs one connection may watch at once; a client that wants more is told so. */
const MAX_SUBSCRIPTIONS = 500

/**
 * Answers `resources/subscribe` and `resources/unsubscribe` (2025 era) for a server that advertises
 * `resources.subscribe`, and returns the set of URIs kept current. Any URI may be watched, as on a
 * 2026-era listen stream: whoever publishes an update decides which principals it may reach, and the
 * notification carries the URI alone.
 */
export function trackResourceSubscriptions(server: Server): Set<string> {
  const uris = new Set<string>()
  if (server.getCapabilities().resources?.subscribe !== true) return uris
  server.setRequestHandler('resources/subscribe', ({ params }) => {
    if (uris.size >= MAX_SUBSCRIPTIONS && !uris.has(params.uri)) {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `A connection may watch at most ${MAX_SUBSCRIPTIONS} resources; unsubscribe from one first.`,
      )
    }
    uris.add(params.uri)
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    uris.delete(params.uri)
    return {}
  })
  return uris
}
