import type { SealedConnectionRow } from '../../db/connections.ts'
import type { Tokens } from '../oauth/token-requests.ts'

/** Tokens are renewed this long before they expire, and a little earlier by chance, so that not all come at once. */
const SKEW_MS = 60_000
const JITTER_MS = 30_000
/** …but a token that lives only minutes is used for four fifths of its life. */
const SKEW_SHARE = 0.2

/** The credentials of an OAuth connection with what a provider granted put in; its other values stay. */
export function withTokens(credentials: Record<string, string>, tokens: Tokens): Record<string, string> {
  return {
    ...credentials,
    accessToken: tokens.accessToken,
    // A response without one leaves the one there was in force (RFC 6749, section 6).
    ...(tokens.refreshToken === undefined ? {} : { refreshToken: tokens.refreshToken }),
  }
}

/** Does the token end so soon that a call should not begin with it? */
export function isExpiring(connection: SealedConnectionRow): boolean {
  const { expires_at: expiresAt, refreshed_at: since } = connection
  if (expiresAt === null) return false
  const lifetime = expiresAt.getTime() - (since ?? connection.created_at).getTime()
  const jitter = Number.parseInt(connection.id.slice(-4), 16) % JITTER_MS
  const skew = Math.min(SKEW_MS + (Number.isNaN(jitter) ? 0 : jitter), Math.max(0, lifetime) * SKEW_SHARE)
  return expiresAt.getTime() - skew <= Date.now()
}
