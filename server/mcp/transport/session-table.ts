import type { AuthInfo, Server, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { Logger } from '../../../core/log.ts'

export interface SessionLimits {
  maxSessions: number
  maxSessionsPerPrincipal: number
  sessionIdleMs: number
}

/** One 2025-era connection: a server instance and its transport, held between requests. */
export interface McpSession {
  id: string
  principal: string
  /** Of the latest request, so that a change of permissions is seen. */
  authInfo: AuthInfo | undefined
  server: Server
  transport: WebStandardStreamableHTTPServerTransport
  /** Resource URIs the client subscribed to. */
  subscriptions: Set<string>
  /** HTTP exchanges open right now, the GET stream included. */
  open: number
  lastUsedAt: number
}

export interface SessionTable {
  /** The session, only for the principal that opened it: another's id looks like an unknown one. */
  find(id: string, principal: string): McpSession | undefined
  /** Holds a place for a session being opened; undefined when there is none. Call the result exactly once. */
  reserve(principal: string): ((session?: McpSession) => void) | undefined
  remove(id: string): void
  all(): Iterable<McpSession>
  readonly size: number
  stop(): void
}

/**
 * The sessions of one endpoint, bounded in number. One without an open exchange for `sessionIdleMs` is
 * closed. A principal at its own limit loses its longest idle session to the new one (most clients never
 * say goodbye); when the whole table is full a new session is refused, never another principal's ended.
 */
export function buildSessionTable(limits: SessionLimits, log: Logger): SessionTable {
  const sessions = new Map<string, McpSession>()
  const reserved = new Map<string, number>()
  let reservedTotal = 0

  function evict(session: McpSession, why: string): void {
    sessions.delete(session.id)
    log.debug({ sessions: sessions.size, why }, 'mcp session closed')
    session.transport.close().catch((error: unknown) => {
      log.warn({ err: error }, 'mcp session did not close cleanly')
    })
  }

  function evictIdle(now: number): void {
    for (const session of sessions.values()) {
      if (session.open === 0 && now - session.lastUsedAt >= limits.sessionIdleMs) evict(session, 'idle')
    }
  }

  function makeRoomFor(principal: string): boolean {
    const own = [...sessions.values()].filter((session) => session.principal === principal)
    if (own.length + (reserved.get(principal) ?? 0) >= limits.maxSessionsPerPrincipal) {
      const quiet = own.filter((session) => session.open === 0)
      const longestIdle = quiet.reduce<McpSession | undefined>(
        (oldest, session) =>
          oldest === undefined || session.lastUsedAt < oldest.lastUsedAt ? session : oldest,
        undefined,
      )
      if (longestIdle === undefined) return false
      evict(longestIdle, 'replaced by a newer session of the same principal')
    }
    if (sessions.size + reservedTotal >= limits.maxSessions) evictIdle(Date.now())
    return sessions.size + reservedTotal < limits.maxSessions
  }

  const sweep = setInterval(
    () => evictIdle(Date.now()),
    Math.max(10, Math.min(limits.sessionIdleMs / 2, 30_000)),
  )
  sweep.unref()

  return {
    find(id, principal) {
      const session = sessions.get(id)
      return session?.principal === principal ? session : undefined
    },
    reserve(principal) {
      if (!makeRoomFor(principal)) return undefined
      reserved.set(principal, (reserved.get(principal) ?? 0) + 1)
      reservedTotal += 1
      return (session) => {
        const left = (reserved.get(principal) ?? 1) - 1
        if (left === 0) reserved.delete(principal)
        else reserved.set(principal, left)
        reservedTotal -= 1
        if (session !== undefined) sessions.set(session.id, session)
      }
    },
    remove: (id) => void sessions.delete(id),
    all: () => sessions.values(),
    get size() {
      return sessions.size
    },
    stop: () => clearInterval(sweep),
  }
}
