import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'

/**
 * What the client behind this request can do: from the request's own envelope on 2026-07-28, from
 * `initialize` before. Empty for a 2025-era request outside a session, which cannot be asked anything.
 */
export function clientCapabilitiesOf(server: Server, context: ServerContext): ClientCapabilities {
  const envelope: { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities } | undefined =
    context.mcpReq.envelope
  return envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.getClientCapabilities() ?? {}
}
