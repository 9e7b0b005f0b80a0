import { scopeOf } from '../../core/actor.ts'
import type { OAuthFacts } from '../../db/connections.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import { getOAuthAppOf } from '../../db/oauth-apps.ts'
import type { AuthMethod } from '../../runtime/connectors/definition.ts'
import { isClientCredentials } from '../../runtime/oauth/settings.ts'
import type { ToolContext } from '../define-tool.ts'

/**
 * The credentials to store for an auth method: as given, but for OAuth's client credentials grant, whose token is
 * asked for now, outside any transaction. With what is known of the token.
 */
export async function obtainTokens(
  context: ToolContext,
  { connector, method }: { connector: ConnectorRow; method: AuthMethod },
  given: {
    credentials: Record<string, string>
    oauthApp?: string | undefined
    expiresAt?: string | undefined
  },
): Promise<{ credentials: Record<string, string>; oauth: OAuthFacts | undefined }> {
  const { credentials, oauthApp } = given
  if (method.type !== 'oauth2') return { credentials, oauth: undefined }
  if (isClientCredentials(method)) {
    return context.services.oauth.clientCredentials(scopeOf(context.actor), {
      connector,
      method,
      oauthApp,
      credentials,
    })
  }
  // Tokens somebody has already: they are refreshed with the app that got them, which is the connector's.
  const app = await context.read((tx) => getOAuthAppOf(tx, connector.id, method.slug))
  return {
    credentials,
    oauth: {
      appId: app?.id ?? null,
      scopes: null,
      expiresAt: given.expiresAt === undefined ? null : new Date(given.expiresAt),
    },
  }
}
