import { expectNoState, validateAuthResponse } from 'oauth4webapi'
import type { Actor, TenantScope } from '../../core/actor.ts'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { insertAudit } from '../../db/audit.ts'
import { completeConnectLink, getConnectLink } from '../../db/connect-links.ts'
import {
  clearDefault,
  getConnection,
  getSealedConnection,
  hasConnection,
  insertConnection,
  isNameTaken,
  updateConnection,
} from '../../db/connections.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import { brokenUnique, type Tx } from '../../db/database.ts'
import { getSealedOAuthApp } from '../../db/oauth-apps.ts'
import {
  consumeOAuthAuthorization,
  findOAuthAuthorization,
  type OAuthAuthorizationRow,
} from '../../db/oauth-authorizations.ts'
import { connectionPurpose } from '../connections/credentials.ts'
import { tellOfConnection } from '../connections/events.ts'
import { untilStored } from '../connections/storing.ts'
import { withTokens } from '../connections/token-store.ts'
import {
  type AuthorizationSecret,
  authorizationPurpose,
  chooseMethod,
  hashOf,
  requireConnection,
  requireConnector,
} from './authorization.ts'
import { openOAuthApp } from './clients.ts'
import type { OAuth, OAuthParts } from './oauth.ts'
import { toOAuthError } from './problems.ts'
import { type OAuthProfile, profileOf } from './settings.ts'
import type { Tokens } from './token-requests.ts'

/** How long a person waits, at most, while the database does not take what was granted. */
const STORING_MS = 5_000

/** The callback's side: see {@link OAuth.complete} and {@link OAuth.find}. */
export function buildComplete(parts: OAuthParts): Pick<OAuth, 'complete' | 'find'> {
  const { db, vault, tokens, log } = parts

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
    const credentials = withTokens(secret.fields, granted)
    const storing = buildStore(scope, row, connector, credentials, granted)
    const stored = await untilStored(storing, STORING_MS).catch(async (error: Error) => {
      log.error({ authorization: row.id, err: error.message }, 'a connection granted by OAuth was not stored')
      await giveBack(scope, row, profile, credentials)
      throw error
    })
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
    await refuseUnstorable(tx, row, connector)
    const method = chooseMethod(connector, row.auth_method)
    const app = await getSealedOAuthApp(tx, row.oauth_app_id)
    if (app === undefined) throw notFound('OAuth app', row.oauth_app_id)
    const client = await openOAuthApp(tx, vault, row.organization_id, app)
    const text = await vault.open(tx, row.organization_id, authorizationPurpose(row.id), row.secret)
    return {
      connector,
      method,
      profile: profileOf(method, client, row.scopes),
      secret: JSON.parse(text.reveal()) as AuthorizationSecret,
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

  /** What could not be stored is refused before the provider grants anything that would have to be given back. */
  const refuseUnstorable = async (
    tx: Tx,
    row: OAuthAuthorizationRow,
    connector: ConnectorRow,
  ): Promise<void> => {
    if (row.connect_link_id !== null) {
      const link = await getConnectLink(tx, row.connect_link_id)
      if (link?.status !== 'pending') throw usedLink()
    }
    const name = nameFor(row, connector)
    const place = { connectorId: connector.id, customerId: row.customer_id, name }
    if (row.reconnects === null && (await isNameTaken(tx, place))) throw usedName()
  }

  /**
   * Tells the provider that tokens nobody will hold are void; that it cannot be told is no reason to fail. Not
   * where a connection with tokens that still work is being reconnected: theirs may be of the same grant.
   */
  const giveBack = async (
    scope: TenantScope,
    row: OAuthAuthorizationRow,
    profile: OAuthProfile,
    { refreshToken, accessToken }: Record<string, string>,
  ): Promise<void> => {
    const { reconnects } = row
    try {
      const before =
        reconnects === null ? undefined : await db.read(scope, (tx) => getConnection(tx, reconnects))
      if (before !== undefined && before.status !== 'expired') return
      await tokens.revoke(profile, refreshToken ?? accessToken ?? '')
    } catch (cause) {
      log.warn(
        { authorization: row.id, err: (cause as Error).message },
        'a token that could not be stored was not revoked',
      )
    }
  }

  /**
   * Stores what was granted as a new connection, or in the one that is reconnected. May be called again when it
   * failed: what was stored although the answer got lost is not stored twice.
   */
  const buildStore = (
    scope: TenantScope,
    row: OAuthAuthorizationRow,
    connector: ConnectorRow,
    credentials: Record<string, string>,
    granted: Tokens,
  ): (() => Promise<string>) => {
    const { organizationId } = scope
    const oauth = {
      appId: row.oauth_app_id,
      scopes: granted.scopes ?? row.scopes,
      expiresAt: granted.expiresAt,
    }
    const id = row.reconnects ?? newId('connection')
    const actor = callbackActor(row)
    let sealed: string | undefined
    return async () => {
      await db
        .tenant(scope, async (tx) => {
          if (sealed !== undefined && (await getSealedConnection(tx, id))?.credentials === sealed) return
          sealed = await vault.seal(tx, organizationId, connectionPurpose(id), JSON.stringify(credentials))
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
              name: nameFor(row, connector),
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
          const entry = {
            action: row.reconnects === null ? 'create_connection' : 'update_connection',
            resource: id,
            outcome: 'success' as const,
            errorCode: null,
            detail: { by: 'oauth', startedBy: row.created_by },
          }
          await insertAudit(tx, [{ actor, entry }])
        })
        .catch((error: unknown) => {
          if (brokenUnique(error) === undefined) throw error
          throw usedName()
        })
      return id
    }
  }

  /** The account is connected; whether the app takes its token is noted, and is the connection's own state. */
  const verify = (scope: TenantScope, id: string): Promise<void> =>
    parts.connections.verify(scope, id).then(
      () => undefined,
      (error: Error) => log.warn({ connection: id, err: error.message }, 'a new connection was not verified'),
    )

  return {
    complete,
    find: async (callbackUrl) => {
      const row = await authorizationOf(new URL(callbackUrl).searchParams)
      return row === undefined ? undefined : { connectLinkId: row.connect_link_id, returnUrl: row.return_url }
    },
  }
}

const nameFor = (row: OAuthAuthorizationRow, connector: ConnectorRow) => row.connection_name ?? connector.name

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

const usedName = () =>
  conflict('There is a connection of this connector and customer with this name already.', {
    where: 'connectionName',
    hint: 'Begin again with another name, or reconnect the existing connection.',
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
