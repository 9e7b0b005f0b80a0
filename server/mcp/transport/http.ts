import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type AuthInfo,
  classifyInboundRequest,
  createMcpHandler,
  type McpServerFactory,
  type ServerEvent,
} from '@modelcontextprotocol/server'
import type { Logger } from '../../../core/log.ts'
import { readJsonBody, refuseMediaType } from './body.ts'
import { buildLegacySessions } from './legacy-sessions.ts'
import { buildPrincipalBus, type PrincipalMatch } from './principal-bus.ts'
import { requestIdOf, sendRpcError } from './rpc-error.ts'
import type { McpSession } from './session-table.ts'
import { abortWhenGone, sendWebResponse, toWebRequest } from './web-exchange.ts'

const DEFAULT_MAX_SESSIONS = 1000
const DEFAULT_SESSION_IDLE_MS = 30 * 60_000
const DEFAULT_MAX_REQUEST_BYTES = 4 * 1024 * 1024
const DEFAULT_DRAIN_MS = 5000

export interface McpEndpointOptions {
  /** Builds the server for one unit of serving: a request (2026 era), a session (2025 era). */
  factory: McpServerFactory
  log: Logger
  /** Sessions held at once, all principals together. Default 1000. */
  maxSessions?: number
  /** Sessions one principal may hold; its longest idle one makes room for the next. Default a quarter. */
  maxSessionsPerPrincipal?: number
  /** A session without an open exchange for this long is closed. Default 30 minutes. */
  sessionIdleMs?: number
  /** Default 4 MiB. */
  maxRequestBytes?: number
  /** How long `close` lets exchanges in flight finish. Default 5 s. */
  drainMs?: number
  /**
   * Names who is calling, to bind sessions to: the same string for every request of one principal, and for
   * nobody else's. Default: client id and token, so a client that refreshes its token opens a new session.
   */
  principalOf?: (authInfo: AuthInfo | undefined) => string
}

export interface McpEndpoint {
  /**
   * One HTTP exchange on the endpoint. `authInfo` was verified by the caller's middleware; `parsedBody` is
   * the JSON body if a body parser read it already. Never rejects: what fails is answered and logged.
   */
  handle(
    req: IncomingMessage,
    res: ServerResponse,
    authInfo: AuthInfo | undefined,
    parsedBody?: unknown,
  ): Promise<void>
  /** `list_changed` to the sessions and listen streams whose principal matches; all without `match`. */
  toolsChanged(match?: PrincipalMatch): void
  promptsChanged(match?: PrincipalMatch): void
  resourcesChanged(match?: PrincipalMatch): void
  /** To those that subscribed to `uri` and whose principal matches. */
  resourceUpdated(uri: string, match?: PrincipalMatch): void
  /** Refuses new exchanges, lets those in flight finish for `drainMs`, then ends everything. */
  close(): Promise<void>
  readonly sessions: number
}

/**
 * MCP over Streamable HTTP, both protocol eras on one URL from one factory: 2026-07-28 (stateless) through
 * the SDK's handler, 2025-11-25 and older with sessions. The era is read from each request. Origin, host
 * and credentials are checked before, by the HTTP application.
 */
export function buildMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { factory, log } = options
  const maxRequestBytes = options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES
  const maxSessions = options.maxSessions ?? DEFAULT_MAX_SESSIONS
  const principalOf = options.principalOf ?? principalOfToken
  const onError = (error: Error) => log.debug({ err: error }, 'mcp transport')

  const bus = buildPrincipalBus(onError)
  const modern = createMcpHandler(factory, { legacy: 'reject', bus: bus.bus, onerror: onError })
  const legacy = buildLegacySessions({
    factory,
    log,
    onError,
    maxSessions,
    maxSessionsPerPrincipal: options.maxSessionsPerPrincipal ?? Math.max(1, Math.ceil(maxSessions / 4)),
    sessionIdleMs: options.sessionIdleMs ?? DEFAULT_SESSION_IDLE_MS,
  })
  const inFlight = new Set<Promise<void>>()
  const streams = new Set<AbortController>()
  let closing = false

  async function exchange(
    req: IncomingMessage,
    res: ServerResponse,
    authInfo: AuthInfo | undefined,
    body: unknown,
  ): Promise<void> {
    const gone = abortWhenGone(res)
    streams.add(gone)
    try {
      const request = toWebRequest(req, gone.signal)
      const route = classifyInboundRequest({ httpMethod: request.method, ...standardHeaders(req), body })
      if (route.kind === 'legacy') {
        const answer = await legacy.serve({ request, body, authInfo, principal: principalOf(authInfo) })
        if ('reply' in answer) return sendRpcError(res, { ...answer.reply, id: requestIdOf(body) })
        await sendWebResponse(res, answer.response).finally(answer.settled)
        return
      }
      const serve = () =>
        modern.fetch(request, {
          ...(authInfo === undefined ? {} : { authInfo }),
          ...(body === undefined ? {} : { parsedBody: body }),
        })
      await sendWebResponse(res, isListen(body) ? await bus.subscribing(authInfo, serve) : await serve())
    } finally {
      streams.delete(gone)
    }
  }

  async function handle(
    req: IncomingMessage,
    res: ServerResponse,
    authInfo: AuthInfo | undefined,
    parsedBody?: unknown,
  ): Promise<void> {
    if (closing) return sendRpcError(res, shuttingDown)
    let body = parsedBody
    try {
      if (req.method === 'POST') {
        if (body === undefined) {
          const reading = await readJsonBody(req, maxRequestBytes)
          if (!reading.ok) return sendRpcError(res, reading.reply)
          body = reading.body
        } else {
          const refusal = refuseMediaType(req)
          if (refusal !== undefined) return sendRpcError(res, refusal)
        }
      }
      const served = exchange(req, res, authInfo, body)
      // Streams that only wait for events never end by themselves; draining does not wait for them.
      if (req.method === 'POST' && !isListen(body)) {
        const settled = served.catch(() => undefined)
        inFlight.add(settled)
        await served.finally(() => inFlight.delete(settled))
      } else await served
    } catch (error) {
      if (res.destroyed) return log.debug({ err: error }, 'mcp client went away')
      log.error({ err: error, method: req.method }, 'mcp exchange failed')
      sendRpcError(res, {
        status: 500,
        code: -32603,
        message: 'Internal server error',
        id: requestIdOf(body),
      })
      if (!res.writableEnded) res.destroy()
    }
  }

  function notify(
    event: ServerEvent,
    match: PrincipalMatch | undefined,
    send: (session: McpSession) => Promise<void> | undefined,
  ): void {
    bus.publish(event, match)
    for (const session of legacy.all()) {
      if (match !== undefined && !match(session.authInfo)) continue
      send(session)?.catch(onError)
    }
  }

  return {
    handle,
    toolsChanged: (match) =>
      notify({ kind: 'tools_list_changed' }, match, ({ server }) => server.sendToolListChanged()),
    promptsChanged: (match) =>
      notify({ kind: 'prompts_list_changed' }, match, ({ server }) => server.sendPromptListChanged()),
    resourcesChanged: (match) =>
      notify({ kind: 'resources_list_changed' }, match, ({ server }) => server.sendResourceListChanged()),
    resourceUpdated: (uri, match) =>
      notify({ kind: 'resource_updated', uri }, match, ({ server, subscriptions }) =>
        subscriptions.has(uri) ? server.sendResourceUpdated({ uri }) : undefined,
      ),
    async close() {
      closing = true
      await Promise.race([Promise.all(inFlight), elapsed(options.drainMs ?? DEFAULT_DRAIN_MS)])
      await Promise.all([modern.close(), legacy.close()])
      for (const stream of streams) stream.abort()
    },
    get sessions() {
      return legacy.size
    },
  }
}

const shuttingDown = {
  status: 503,
  code: -32000,
  message: 'This server is shutting down; connect again in a moment.',
  headers: { 'retry-after': '5', connection: 'close' },
}

function principalOfToken(authInfo: AuthInfo | undefined): string {
  return authInfo === undefined ? '' : `${authInfo.clientId}\n${authInfo.token}`
}

function isListen(body: unknown): boolean {
  return (
    typeof body === 'object' && body !== null && 'method' in body && body.method === 'subscriptions/listen'
  )
}

function standardHeaders({ headers }: IncomingMessage): {
  protocolVersionHeader?: string
  mcpMethodHeader?: string
  mcpNameHeader?: string
} {
  const one = (name: string) => {
    const value = headers[name]
    return Array.isArray(value) ? value[0] : value
  }
  const version = one('mcp-protocol-version')
  const method = one('mcp-method')
  const name = one('mcp-name')
  return {
    ...(version === undefined ? {} : { protocolVersionHeader: version }),
    ...(method === undefined ? {} : { mcpMethodHeader: method }),
    ...(name === undefined ? {} : { mcpNameHeader: name }),
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
