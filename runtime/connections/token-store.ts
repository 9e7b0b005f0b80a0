import type { Tokens } from '../oauth/token-requests.ts'

/** The credentials of an OAuth connection with what a provider granted put in; its other values stay. */
export function withTokens(credentials: Record<string, string>, tokens: Tokens): Record<string, string> {
  return {
    ...credentials,
    accessToken: tokens.accessToken,
    // A response without one leaves the one there was in force (RFC 6749, section 6).
    ...(tokens.refreshToken === undefined ? {} : { refreshToken: tokens.refreshToken }),
  }
}
