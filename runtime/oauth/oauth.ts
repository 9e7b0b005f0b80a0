import { createHash, randomBytes } from 'node:crypto'
import {
  calculatePKCECodeChallenge,
  expectNoState,
  generateRandomCodeVerifier,
  validateAuthResponse,
} from 'oauth4webapi'
import type { Actor, TenantScope } from '../../core/actor.ts'
import { AppError, conflict, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import { insertAudit } from '../../db/audit.ts'
import { completeConnectLink } from '../../db/connect-links.ts'
import {
  type ConnectionRow,
  clearDefault,
  getConnection,
  hasConnection,
  insertConnection,
  updateConnection,
} from '../../db/connections.ts'
import { type ConnectorRow, findConnector } from '../../db/connectors.ts'
import { brokenUnique, type Database, type Tx } from '../../db/database.ts'
import { getSealedOAuthApp } from '../../db/oauth-apps.ts'
import {
  consumeOAuthAuthorization,
  findOAuthAuthorization,
  insertOAuthAuthorization,
  type OAuthAuthorizationRow,
} from '../../db/oauth-authorizations.ts'
import type { Connections } from '../connections/connections.ts'
import { connectionPurpose } from '../connections/credentials.ts'
import { headOf } from '../connections/definitions.ts'
import { tellOfConnection } from '../connections/events.ts'
import { withTokens } from '../connections/token-store.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import type { Vault } from '../vault/vault.ts'
import { findOAuthAppFor, openOAuthApp } from './clients.ts'
import { toOAuthError } from './problems.ts'
import { isClientCredentials, type OAuthProfile, profileOf } from './settings.ts'
import type { TokenRequests, Tokens } from './token-requests.ts'

/** How long a person has to give consent. */
const AUTHORIZATION_MS = 10 * 60_000
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

interface Parts {
  db: Database
  vault: Vault
  tokens: TokenRequests
  connections: Connections
  log: Logger
  publicUrl(): string
  /** A connection came to be, or changed. */
  changed(scope: TenantScope): void
}

interface OpenedSecret {
  codeVerifier: string | null
  fields: Record<string, string>
}

const hashOf = (state: string) => createHash('sha256').update(state).digest()

/** What an authorization's secrets are sealed for; see {@link Vault.seal}. */
export const authorizationPurpose = (id: string) => `oauth_authorization:${id}`

export function buildOAuth(parts: Parts): OAuth {
  const { db, vault, tokens, log } = parts

  const redirectUri = () => `${parts.publicUrl()}${OAUTH_CALLBACK_PATH}`

  const begin: OAuth['begin'] = async (scope, createdBy, request) => {
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
    const secret: OpenedSecret = { codeVerifier, fields: request.fields ?? {} }
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

  const complete: OAuth['complete'] = async (callbackUrl) => {
    const parameters = new URL(callbackUrl).searchParams
    const row = await authorizationOf(parameters)
    if (row === undefined) throw unknownState()
    const scope: TenantScope = {
      organizationId: row.organization_id,
      customerIds: row.customer_id === null ? null : [row.customer_id],
    }
    const { connector, method, profile, secret } = await db.tenant(scope, async (tx) => {
      if (!(await consumeOAuthAuthorization(tx, row.id))) throw usedState(row)
      return openAuthorization(tx, row)
    })
    const granted = await exchange(profile, parameters, row, secret.codeVerifier)
    const stored = await store(scope, row, connector, withTokens(secret.fields, granted), granted)
    parts.connections.forget(row.organization_id)
    parts.changed(scope)
    await verify(scope, stored)
    log.info(
      { connection: stored, connector: connector.slug, method: method.slug },
      'account connected by OAuth',
    )
    return {
      organizationId: row.organization_id,
      customerId: row.customer_id,
      connectionId: stored,
      connectLinkId: row.connect_link_id,
      returnUrl: row.return_url,
    }
  }

  const authorizationOf = async (parameters: URLSearchParams) => {
    const state = parameters.get('state') ?? ''
    return state.length > 200 ? undefined : findOAuthAuthorization(db, hashOf(state))
  }

  const openAuthorization = async (tx: Tx, row: OAuthAuthorizationRow) => {
    const connector = await requireConnector(tx, row.connector_id)
    const method = chooseMethod(connector, row.auth_method)
    const app = await getSealedOAuthApp(tx, row.oauth_app_id)
    if (app === undefined) throw notFound('OAuth app', row.oauth_app_id)
    const client = await openOAuthApp(tx, vault, row.organization_id, app)
    const text = await vault.open(tx, row.organization_id, authorizationPurpose(row.id), row.secret)
    return {
      connector,
      method,
      profile: profileOf(method, client, row.scopes),
      secret: JSON.parse(text.reveal()) as OpenedSecret,
    }
  }

  const exchange = async (
    profile: OAuthProfile,
    parameters: URLSearchParams,
    row: OAuthAuthorizationRow,
    codeVerifier: string | null,
  ): Promise<Tokens> => {
    const callback = new URLSearchParams(parameters)
    // The state was checked by its hash. An issuer can be compared only where it is known (RFC 9207).
    callback.delete('state')
    if (profile.issuer === undefined) callback.delete('iss')
    let accepted: URLSearchParams
    try {
      accepted = validateAuthResponse(
        { issuer: profile.issuer ?? new URL(profile.tokenUrl).origin },
        { client_id: profile.clientId },
        callback,
        expectNoState,
      )
    } catch (cause) {
      throw toOAuthError(cause, 'Asking for consent')
    }
    return tokens.exchangeCode(profile, accepted, row.redirect_uri, codeVerifier ?? undefined)
  }

  /** Stores what was granted as a new connection, or in the one that is reconnected. */
  const store = async (
    scope: TenantScope,
    row: OAuthAuthorizationRow,
    connector: ConnectorRow,
    credentials: Record<string, string>,
    granted: Tokens,
  ): Promise<string> => {
    const { organizationId } = scope
    const oauth = {
      appId: row.oauth_app_id,
      scopes: granted.scopes ?? row.scopes,
      expiresAt: granted.expiresAt,
    }
    const id = row.reconnects ?? newId('connection')
    const actor = callbackActor(row)
    await db
      .tenant(scope, async (tx) => {
        const sealed = await vault.seal(
          tx,
          organizationId,
          connectionPurpose(id),
          JSON.stringify(credentials),
        )
        if (row.reconnects !== null) {
          const before = await requireConnection(tx, id)
          await updateConnection(tx, id, {
            authMethod: row.auth_method,
            credentials: sealed,
            oauth,
            status: before.status === 'inactive' ? undefined : 'active',
          })
        } else {
          const place = { connectorId: connector.id, customerId: row.customer_id }
          const isDefault = !(await hasConnection(tx, place))
          if (isDefault) await clearDefault(tx, place)
          await insertConnection(tx, {
            id,
            organizationId,
            ...place,
            name: row.connection_name ?? connector.name,
            authMethod: row.auth_method,
            credentials: sealed,
            baseUrl: row.base_url,
            isDefault,
            oauth,
          })
        }
        await tellOfConnection(
          tx,
          organizationId,
          row.reconnects === null ? 'created' : 'updated',
          await requireConnection(tx, id),
        )
        if (row.connect_link_id !== null && !(await completeConnectLink(tx, row.connect_link_id, id))) {
          throw usedLink()
        }
        await insertAudit(tx, actor, {
          action: row.reconnects === null ? 'create_connection' : 'update_connection',
          resource: id,
          outcome: 'success',
          errorCode: null,
          detail: { by: 'oauth', startedBy: row.created_by },
        })
      })
      .catch((error: unknown) => {
        if (brokenUnique(error) === undefined) throw error
        throw conflict('There is a connection of this connector and customer with this name already.', {
          where: 'connectionName',
          hint: 'Begin again with another name, or reconnect the existing connection.',
        })
      })
    return id
  }

  /** The account is connected; whether the app takes its token is noted, and is the connection's own state. */
  const verify = (scope: TenantScope, id: string): Promise<void> =>
    parts.connections.verify(scope, id).then(
      () => undefined,
      (error: Error) => log.warn({ connection: id, err: error.message }, 'a new connection was not verified'),
    )

  return {
    redirectUri,
    begin,
    complete,
    find: async (callbackUrl) => {
      const row = await authorizationOf(new URL(callbackUrl).searchParams)
      return row === undefined ? undefined : { connectLinkId: row.connect_link_id, returnUrl: row.return_url }
    },
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

function chooseMethod(connector: ConnectorRow, slug: string | undefined): AuthMethod {
  const { authMethods } = headOf(connector)
  const candidates = authMethods.filter((method) => method.type === 'oauth2' && !isClientCredentials(method))
  const method = candidates.find((candidate) => slug === undefined || candidate.slug === slug)
  if (method !== undefined) return method
  throw invalidInput(
    slug === undefined
      ? `${connector.slug} has no OAuth auth method that a person consents to.`
      : `${connector.slug}'s auth method '${slug}' is not one that a person consents to.`,
    {
      where: 'authMethod',
      hint:
        candidates.length === 0
          ? 'Connect it with create_connection, or describe its OAuth with update_connector.'
          : `Use: ${candidates.map((candidate) => candidate.slug).join(', ')}.`,
    },
  )
}

async function requireConnector(tx: Tx, ref: string): Promise<ConnectorRow> {
  const row = await findConnector(tx, ref)
  if (row === undefined) throw notFound('connector', ref, 'list_connectors shows the ones there are.')
  return row
}

async function requireConnection(tx: Tx, id: string): Promise<ConnectionRow> {
  const row = await getConnection(tx, id)
  if (row === undefined) throw notFound('connection', id, 'list_connections shows the ids.')
  return row
}

const unknownState = () =>
  new AppError('forbidden', 'This server did not begin the authorization that this callback answers.', {
    where: 'state',
    hint: 'Begin again: open the connect link, or call start_oauth.',
  })

const usedLink = () =>
  conflict('This connect link was used or cancelled while consent was given.', {
    where: 'link',
    hint: 'Ask for a new link (create_connect_link).',
  })

const usedState = (row: OAuthAuthorizationRow) =>
  new AppError(
    'forbidden',
    row.consumed_at === null
      ? 'The authorization took too long and has expired.'
      : 'This callback was used already.',
    { where: 'state', hint: 'Begin again: open the connect link, or call start_oauth.' },
  )

/** Who the audit log says did it: the person who came back from the provider, for whoever began. */
const callbackActor = (row: OAuthAuthorizationRow): Actor => ({
  kind: 'system',
  id: row.id,
  name: 'OAuth callback',
  organizationId: row.organization_id,
  role: 'end_user',
  permissions: new Set(),
  customerIds: row.customer_id === null ? null : [row.customer_id],
  mode: 'live',
  ratePerMinute: null,
  door: 'http',
})
