import { scopeOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
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
    /** The account's own address, where the token will be sent. */
    baseUrl: string | null
  },
): Promise<{ credentials: Record<string, string>; oauth: OAuthFacts | undefined }> {
  const { credentials, oauthApp } = given
  if (method.type !== 'oauth2') return { credentials, oauth: undefined }
  if (isClientCredentials(method)) {
    if (given.baseUrl !== null && (credentials.clientId ?? '') === '') refuseOwnAddress(context)
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

/** The token of the organization's client is the organization's: only who says where its connectors call sends it elsewhere. */
function refuseOwnAddress({ actor }: ToolContext): void {
  if (actor.customerIds === null && actor.permissions.has('connectors.update')) return
  throw new AppError(
    'forbidden',
    "A token of the organization's OAuth app is sent to the connector's own address only.",
    {
      where: 'baseUrl',
      hint: "Leave out `baseUrl`, or give `credentials` with the account's own clientId and clientSecret.",
    },
  )
}
