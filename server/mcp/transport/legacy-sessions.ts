import { randomUUID } from 'node:crypto'
import {
  type AuthInfo,
  isInitializeRequest,
  legacyStatelessFallback,
  McpServer,
  type McpServerFactory,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { Logger } from '../../../core/log.ts'
import { buildEventLog } from './event-log.ts'
import { trackResourceSubscriptions } from './resource-subscriptions.ts'
import type { RpcErrorReply } from './rpc-error.ts'
import { buildSessionTable, type McpSession, type SessionLimits } from './session-table.ts'

const EVENT_LOG_LIMITS = { maxEvents: 20_000, maxBytes: 64 * 1024 * 1024 }
/** How long a client whose stream was closed should wait before it resumes (SSE `retry`). */
const RESUME_AFTER_MS = 1000
const NEW_SESSION_RETRY_SECONDS = 30

export interface LegacyOptions extends SessionLimits {
  factory: McpServerFactory
  log: Logger
  onError: (error: Error) => void
}

export interface LegacyExchange {
  request: Request
  body: unknown
  authInfo: AuthInfo | undefined
  principal: string
}

/** A web response, or an error for the caller to write. `settled` must be called when the exchange ends. */
export type LegacyAnswer = { response: Response; settled: () => void } | { reply: RpcErrorReply }

export interface LegacySessions {
  serve(exchange: LegacyExchange): Promise<LegacyAnswer>
  all(): Iterable<McpSession>
  readonly size: number
  close(): Promise<void>
}

/**
 * The revisions before 2026-07-28: `initialize` opens a session, which lives until DELETE, idleness or
 * shutdown. A request that never initialized is served alone by a fresh instance (no session, so nothing
 * the server could ask the client); GET and DELETE without a session are 405, there is no stream to offer.
 */
export function buildLegacySessions(options: LegacyOptions): LegacySessions {
  const { factory, log, onError } = options
  const table = buildSessionTable(options, log)
  const events = buildEventLog(EVENT_LOG_LIMITS)
  const serveAlone = legacyStatelessFallback(factory, onError)

  async function openSession(exchange: LegacyExchange): Promise<LegacyAnswer> {
    const { request, body, authInfo, principal } = exchange
    const settle = table.reserve(principal)
    if (settle === undefined) return { reply: full(options.maxSessions) }
    let opened: McpSession | undefined
    try {
      const product = await factory({
        era: 'legacy',
        ...(authInfo === undefined ? {} : { authInfo }),
        requestInfo: request,
      })
      const server = product instanceof McpServer ? product.server : product
      const id = randomUUID()
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        eventStore: events.forSession(id),
        retryInterval: RESUME_AFTER_MS,
        onsessioninitialized: () => {
          opened = session
        },
      })
      const session: McpSession = {
        id,
        principal,
        authInfo,
        server,
        transport,
        subscriptions: trackResourceSubscriptions(server),
        open: 0,
        lastUsedAt: Date.now(),
      }
      // Before connect: the protocol layer chains what it finds here, and runs it however the session ends.
      transport.onclose = () => {
        table.remove(id)
        events.forget(id)
      }
      server.onerror ??= onError
      await product.connect(transport)
      const answer = await serveIn(session, exchange, body)
      if (opened === undefined) await transport.close()
      return answer
    } finally {
      settle(opened)
    }
  }

  async function serveIn(
    session: McpSession,
    exchange: LegacyExchange,
    body: unknown,
  ): Promise<LegacyAnswer> {
    const { request, authInfo } = exchange
    session.authInfo = authInfo
    session.open += 1
    const settled = () => {
      session.open -= 1
      session.lastUsedAt = Date.now()
    }
    try {
      const response = await session.transport.handleRequest(request, {
        ...(authInfo === undefined ? {} : { authInfo }),
        ...(body === undefined ? {} : { parsedBody: body }),
      })
      return { response, settled }
    } catch (error) {
      settled()
      throw error
    }
  }

  async function serve(exchange: LegacyExchange): Promise<LegacyAnswer> {
    const { request, body, authInfo, principal } = exchange
    const id = request.headers.get('mcp-session-id')
    if (id !== null) {
      const session = table.find(id, principal)
      return session === undefined ? { reply: unknownSession } : serveIn(session, exchange, body)
    }
    if (request.method !== 'POST') return { reply: noStream }
    if (isInitializeRequest(body)) return openSession(exchange)
    const response = await serveAlone(request, {
      ...(authInfo === undefined ? {} : { authInfo }),
      parsedBody: body,
    })
    return { response, settled: () => undefined }
  }

  return {
    serve,
    all: () => table.all(),
    get size() {
      return table.size
    },
    async close() {
      table.stop()
      await Promise.all([...table.all()].map((session) => session.transport.close()))
    },
  }
}

const unknownSession: RpcErrorReply = {
  status: 404,
  code: -32001,
  message: 'Session not found: it ended, or belongs to another key. Send initialize to open a new one.',
}

const noStream: RpcErrorReply = {
  status: 405,
  code: -32000,
  message: 'Method not allowed: without an Mcp-Session-Id only POST is served here.',
  headers: { allow: 'POST' },
}

function full(maxSessions: number): RpcErrorReply {
  return {
    status: 503,
    code: -32000,
    message:
      `No room for another session: this server keeps at most ${maxSessions}. End one with DELETE, ` +
      'try again later, or use protocol revision 2026-07-28, which needs none.',
    data: { code: 'limit_exceeded', maxSessions, retryAfterSeconds: NEW_SESSION_RETRY_SECONDS },
    headers: { 'retry-after': String(NEW_SESSION_RETRY_SECONDS) },
  }
}
