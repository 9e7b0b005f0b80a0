import { randomBytes } from 'node:crypto'
import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi'
import { conflict } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Database } from '../../db/database.ts'
import { insertOAuthAuthorization } from '../../db/oauth-authorizations.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import type { Vault } from '../vault/vault.ts'
import {
  type AuthorizationSecret,
  authorizationPurpose,
  chooseMethod,
  hashOf,
  requireConnection,
  requireConnector,
} from './authorization.ts'
import { findOAuthAppFor, openOAuthApp } from './clients.ts'
import type { OAuth } from './oauth.ts'
import { type OAuthProfile, profileOf } from './settings.ts'

/** How long a person has to give consent. */
const AUTHORIZATION_MS = 10 * 60_000

/** See {@link OAuth.begin}. */
export function buildBegin({
  db,
  vault,
  redirectUri,
}: {
  db: Database
  vault: Vault
  redirectUri(): string
}): OAuth['begin'] {
  return async (scope, createdBy, request) => {
    const { organizationId } = scope
    const prepared = await db.read(scope, async (tx) => {
      const before =
        request.reconnects === undefined ? undefined : await requireConnection(tx, request.reconnects)
      const connector = await requireConnector(tx, before?.connector_id ?? request.connector)
      const method = chooseMethod(connector, request.authMethod ?? before?.auth_method)
      const app = await findOAuthAppFor(
        tx,
        connector,
        method,
        request.oauthApp ?? before?.oauth_app_id ?? undefined,
      )
      const client = await openOAuthApp(tx, vault, organizationId, app)
      return { before, connector, method, app, profile: profileOf(method, client, request.scopes) }
    })
    const { before, connector, method, app, profile } = prepared
    const customerId = before === undefined ? request.customerId : before.customer_id
    const state = randomBytes(32).toString('base64url')
    const codeVerifier = profile.pkce ? generateRandomCodeVerifier() : null
    const id = newId('oauthAuthorization')
    const expiresAt = new Date(Date.now() + AUTHORIZATION_MS)
    const secret: AuthorizationSecret = { codeVerifier, fields: request.fields ?? {} }
    await db.tenant(scope, async (tx) =>
      insertOAuthAuthorization(tx, {
        id,
        organization_id: organizationId,
        customer_id: customerId,
        connector_id: connector.id,
        auth_method: method.slug,
        oauth_app_id: app.id,
        connect_link_id: request.connectLinkId ?? null,
        reconnects: before?.id ?? null,
        connection_name: request.connectionName ?? null,
        base_url: request.baseUrl ?? before?.base_url ?? null,
        secret: await vault.seal(tx, organizationId, authorizationPurpose(id), JSON.stringify(secret)),
        redirect_uri: redirectUri(),
        scopes: [...profile.scopes],
        return_url: request.returnUrl ?? null,
        created_by: createdBy,
        expires_at: expiresAt,
        state_hash: hashOf(state),
      }),
    )
    const url = await authorizationAddress(profile, method, {
      state,
      codeVerifier,
      redirectUri: redirectUri(),
    })
    return { authorizationId: id, url, expiresAt }
  }
}

async function authorizationAddress(
  profile: OAuthProfile,
  method: AuthMethod,
  sent: { state: string; codeVerifier: string | null; redirectUri: string },
): Promise<string> {
  if (profile.authorizationUrl === undefined || !/^https?:/i.test(profile.authorizationUrl)) {
    throw conflict(`The auth method '${method.slug}' has no authorizationUrl.`, {
      where: 'authMethods',
      hint: 'Set it with update_connector; the app’s documentation names it.',
    })
  }
  const url = new URL(profile.authorizationUrl)
  const parameters = {
    ...profile.authorizationParameters,
    response_type: 'code',
    client_id: profile.clientId,
    redirect_uri: sent.redirectUri,
    state: sent.state,
    ...(profile.scopes.length > 0 ? { scope: profile.scopes.join(profile.scopeSeparator) } : {}),
    ...(sent.codeVerifier === null
      ? {}
      : {
          code_challenge: await calculatePKCECodeChallenge(sent.codeVerifier),
          code_challenge_method: 'S256',
        }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}
