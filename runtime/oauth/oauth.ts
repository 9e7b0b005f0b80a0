import type { TenantScope } from '../../core/actor.ts'
import type { Logger } from '../../core/log.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import type { Database } from '../../db/database.ts'
import { getSealedOAuthApp } from '../../db/oauth-apps.ts'
import type { Connections } from '../connections/connections.ts'
import { headOf } from '../connections/definitions.ts'
import { withTokens } from '../connections/token-store.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import type { Vault } from '../vault/vault.ts'
import { buildBegin } from './begin.ts'
import { findOAuthAppFor, openOAuthApp } from './clients.ts'
import { buildComplete } from './complete.ts'
import { profileOf } from './settings.ts'
import type { TokenRequests } from './token-requests.ts'

export const OAUTH_CALLBACK_PATH = '/oauth/callback'

export interface BeginOAuth {
  /** Connector slug or id. */
  connector: string
  /** Slug of an oauth2 auth method; the connector's first one when left out. */
  authMethod?: string | undefined
  /** Id or slug; the app linked to the auth method when left out. */
  oauthApp?: string | undefined
  /** Id of the customer whose account it is; null: the organization's own. */
  customerId: string | null
  connectionName?: string | undefined
  /** Id of the connection that gets the new credentials. */
  reconnects?: string | undefined
  connectLinkId?: string | undefined
  /** Where the person goes afterwards. */
  returnUrl?: string | undefined
  /** Values of the auth method's `fields` and `alsoSends`. */
  fields?: Record<string, string> | undefined
  scopes?: readonly string[] | undefined
  baseUrl?: string | null | undefined
}

export interface CompletedOAuth {
  organizationId: string
  customerId: string | null
  connectionId: string
  connectLinkId: string | null
  returnUrl: string | null
}

/** Connecting accounts by OAuth 2.0's authorization code grant (RFC 6749, 4.1), with PKCE (RFC 7636). */
export interface OAuth {
  /** What to register at providers. */
  redirectUri(): string
  /**
   * Begins: gives the address where the person consents.
   * @throws AppError `not_found`; `conflict` when no OAuth app is set, or the auth method lacks its URLs
   */
  begin(
    scope: TenantScope,
    createdBy: string,
    request: BeginOAuth,
  ): Promise<{ authorizationId: string; url: string; expiresAt: Date }>
  /**
   * Takes the callback: exchanges the code and stores the connection.
   * @param callbackUrl the whole address the provider sent the person to
   * @throws AppError `forbidden` for a state that is not known, was used, or has expired; the provider's refusal
   */
  complete(callbackUrl: string): Promise<CompletedOAuth>
  /** Whom a callback is about, without taking it: what a page shows beside an error. */
  find(callbackUrl: string): Promise<{ connectLinkId: string | null; returnUrl: string | null } | undefined>
  /** Tokens by the client credentials grant (RFC 6749, 4.4), for a connection about to be made. */
  clientCredentials(
    scope: TenantScope,
    request: {
      connector: ConnectorRow
      method: AuthMethod
      oauthApp?: string | undefined
      credentials: Record<string, string>
    },
  ): Promise<{
    credentials: Record<string, string>
    oauth: { appId: string | null; scopes: string[] | null; expiresAt: Date | null }
  }>
  /**
   * Tells the provider that a connection's tokens are no longer wanted (RFC 7009).
   * @returns false where it cannot be told
   */
  revoke(scope: TenantScope, account: RevokedAccount): Promise<boolean>
}

export interface RevokedAccount {
  connector: ConnectorRow
  authMethod: string
  oauthAppId: string | null
  credentials: Record<string, string>
}

export interface OAuthParts {
  db: Database
  vault: Vault
  tokens: TokenRequests
  connections: Connections
  log: Logger
  publicUrl(): string
  /** A connection came to be, or changed. */
  changed(scope: TenantScope): void
}

export function buildOAuth(parts: OAuthParts): OAuth {
  const { db, vault, tokens } = parts
  const redirectUri = () => `${parts.publicUrl()}${OAUTH_CALLBACK_PATH}`

  return {
    redirectUri,
    begin: buildBegin({ db, vault, redirectUri }),
    ...buildComplete(parts),
    clientCredentials: async (scope, { connector, method, oauthApp, credentials }) => {
      const { clientId, clientSecret } = credentials
      const { appId, client } =
        clientId !== undefined
          ? { appId: null, client: { clientId, clientSecret: clientSecret ?? null, settings: {} } }
          : await db.read(scope, async (tx) => {
              const app = await findOAuthAppFor(tx, connector, method, oauthApp)
              return { appId: app.id, client: await openOAuthApp(tx, vault, scope.organizationId, app) }
            })
      const granted = await tokens.clientCredentials(profileOf(method, client))
      return {
        credentials: withTokens(credentials, granted),
        oauth: { appId, scopes: granted.scopes, expiresAt: granted.expiresAt },
      }
    },
    revoke: async (scope, account) => {
      const method = headOf(account.connector).authMethods.find(({ slug }) => slug === account.authMethod)
      const { refreshToken, accessToken, clientId, clientSecret } = account.credentials
      const token = refreshToken ?? accessToken
      if (method?.revocationUrl === undefined || method.tokenUrl === undefined || token === undefined)
        return false
      const client =
        clientId !== undefined
          ? { clientId, clientSecret: clientSecret ?? null, settings: {} }
          : await db.read(scope, async (tx) => {
              const app =
                account.oauthAppId === null ? undefined : await getSealedOAuthApp(tx, account.oauthAppId)
              return app === undefined ? undefined : openOAuthApp(tx, vault, scope.organizationId, app)
            })
      if (client === undefined) return false
      await tokens.revoke(profileOf(method, client), token)
      return true
    },
  }
}
