import { setTimeout as sleep } from 'node:timers/promises'
import type { TenantScope } from '../../core/actor.ts'
import { AppError, notFound, toAppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import { Secret } from '../../core/secret.ts'
import {
  getConnection,
  getSealedConnection,
  leaseRefresh,
  markExpired,
  releaseRefresh,
  type SealedConnectionRow,
  storeRefreshed,
} from '../../db/connections.ts'
import type { Database } from '../../db/database.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import { findOAuthAppFor, openOAuthApp } from '../oauth/clients.ts'
import { isFinal } from '../oauth/problems.ts'
import {
  isClientCredentials,
  type OAuthClientIdentity,
  type OAuthProfile,
  profileOf,
} from '../oauth/settings.ts'
import type { TokenRequests, Tokens } from '../oauth/token-requests.ts'
import type { Vault } from '../vault/vault.ts'
import { type Credentials, connectionPurpose, openCredentials } from './credentials.ts'
import { tellOfConnection } from './events.ts'
import { persistently, untilStored } from './storing.ts'
import { isExpiring, withTokens } from './token-store.ts'

/** Longer than a token request may take. A process that dies while it refreshes holds others up this long. */
const LEASE_MS = 25_000
/** What was granted is tried to be stored until shortly before others may use the old refresh token, and not less long. */
const STORE_MARGIN_MS = 2_000
const MIN_STORING_MS = 3_000
const WAIT_MS = 40_000
const POLL_MS = [25, 50, 100, 200]

export interface CurrentCredentials {
  credentials: Credentials
  /** Counts the changes of the connection's credentials. */
  revision: number
  /** May they be renewed, should the provider say that they have expired? */
  renewable: boolean
  /** Were they got from the provider just now? Refused even so, they will not become better. */
  fresh: boolean
}

export interface CredentialSource {
  /** The credentials to call with now: renewed first when they are about to expire. */
  current(scope: TenantScope, account: Account): Promise<CurrentCredentials>
  /**
   * Newer credentials than those of `revision`, which the provider called expired.
   * @throws AppError `unauthenticated` when there can be none: the connection is marked `expired`
   */
  renewed(scope: TenantScope, account: Account, revision: number): Promise<CurrentCredentials>
}

export interface Account {
  connector: { id: string; slug: string }
  authMethod: AuthMethod
  connection: SealedConnectionRow
}

interface Parts {
  db: Database
  vault: Vault
  tokens: TokenRequests
  log: Logger
  /** Told when a refresh changed a connection, so that what is remembered of it is forgotten. */
  changed(organizationId: string): void
  /** How long tokens that the database does not take are held and tried again; by default as long as the lease. */
  storingMs?: number
  /** The next step for a person or agent whose connection has expired. */
  reconnectHint(scope: TenantScope, connection: SealedConnectionRow): Promise<string>
}

/**
 * Keeps OAuth connections in valid tokens. However many calls in however many processes find a token expired,
 * one of them refreshes it: whoever gets the lease in the connection's row. The others wait and use what it
 * stored. No transaction is open while the provider is asked.
 */
export function buildCredentialSource(parts: Parts): CredentialSource {
  const { db, vault, tokens, log } = parts
  /** Within this process, all that want the same connection renewed wait for the same promise. */
  const underWay = new Map<string, Promise<CurrentCredentials>>()
  const holder = `${process.pid}-${Math.random().toString(36).slice(2)}`

  const open = async (scope: TenantScope, account: Account): Promise<CurrentCredentials> => {
    const { connection, authMethod } = account
    const credentials = await openCredentials(db, vault, scope, connection)
    return {
      credentials,
      revision: connection.credentials_revision,
      renewable: isRenewable(authMethod, credentials),
      fresh: false,
    }
  }

  const read = async (scope: TenantScope, id: string): Promise<SealedConnectionRow> => {
    const row = await db.read(scope, (tx) => getSealedConnection(tx, id))
    if (row === undefined) throw notFound('connection', id, 'list_connections shows the ids.')
    return row
  }

  const renew = async (
    scope: TenantScope,
    account: Account,
    refused: number | undefined,
  ): Promise<CurrentCredentials> => {
    const deadline = performance.now() + WAIT_MS
    for (let tries = 0; ; tries += 1) {
      const connection = await read(scope, account.connection.id)
      const now = { ...account, connection }
      if (connection.status === 'expired') throw await expiredError(scope, connection)
      const fresh =
        refused === undefined ? !isExpiring(connection) : connection.credentials_revision > refused
      if (fresh) {
        // Another process refreshed it: the next calls here need not begin with the old token.
        if (connection.credentials_revision > account.connection.credentials_revision)
          parts.changed(scope.organizationId)
        return open(scope, now)
      }
      const leased = await db.tenant(scope, (tx) =>
        leaseRefresh(tx, connection.id, connection.credentials_revision, holder, LEASE_MS),
      )
      if (leased) return refresh(scope, now, refused !== undefined)
      if (performance.now() > deadline) {
        throw new AppError(
          'unavailable',
          `The token of the connection ${connection.id} is being refreshed and does not come.`,
          {
            hint: 'Try again in a minute.',
          },
        )
      }
      await sleep(POLL_MS[Math.min(tries, POLL_MS.length - 1)])
    }
  }

  /** The lease is ours: asks the provider, and stores what it gives before anybody else may ask. */
  const refresh = async (
    scope: TenantScope,
    account: Account,
    refused: boolean,
  ): Promise<CurrentCredentials> => {
    const { connection } = account
    const { id } = connection
    const leasedAt = performance.now()
    const before = await open(scope, account)
    let granted: Tokens
    let profile: OAuthProfile
    try {
      ;({ granted, profile } = await persistently(() => grant(scope, account, before.credentials.reveal())))
    } catch (cause) {
      const error = toAppError(cause)
      if (isFinal(error)) return expire(scope, account, error)
      await db.tenant(scope, (tx) => releaseRefresh(tx, id, holder))
      const usable =
        !refused && (connection.expires_at === null || connection.expires_at.getTime() > Date.now())
      log.warn({ connection: id, err: error.message, usable }, 'a token could not be refreshed now')
      if (usable) return before
      throw error
    }
    const credentials = withTokens(before.credentials.reveal(), granted)
    const renewed = { ...before, credentials: new Secret(credentials), fresh: true }
    // The provider may have made the old refresh token void: a hiccup of the database must not lose the new one.
    const leaseLeft = LEASE_MS - STORE_MARGIN_MS - (performance.now() - leasedAt)
    const store = () =>
      db.tenant(scope, async (tx) =>
        storeRefreshed(tx, id, connection.credentials_revision, {
          credentials: await vault.seal(
            tx,
            scope.organizationId,
            connectionPurpose(id),
            JSON.stringify(credentials),
          ),
          expiresAt: granted.expiresAt,
          scopes: granted.scopes,
        }),
      )
    let revision: number | undefined
    try {
      revision = await untilStored(store, parts.storingMs ?? Math.max(MIN_STORING_MS, leaseLeft))
    } catch (cause) {
      log.error({ connection: id, err: (cause as Error).message }, 'a refreshed token could not be stored')
      const rotated =
        granted.refreshToken !== undefined &&
        granted.refreshToken !== before.credentials.reveal().refreshToken
      // The refresh token there was goes on working: this call has a token, and the next one refreshes again.
      if (!rotated) return renewed
      await revoke(id, profile, credentials)
      return expire(scope, account, unstored(cause))
    }
    parts.changed(scope.organizationId)
    if (revision === undefined) {
      const row = await db.read(scope, (tx) => getSealedConnection(tx, id))
      // Deleted meanwhile: whoever deleted it could revoke only the tokens from before.
      if (row === undefined) await revoke(id, profile, credentials)
      // Somebody gave the connection other credentials meanwhile: those count.
      return open(scope, { ...account, connection: row ?? (await read(scope, id)) })
    }
    log.info({ connection: id, revision }, 'token refreshed')
    return { ...renewed, revision }
  }

  /**
   * No token will come any more: the connection says so, and the product is told.
   * @returns the credentials that others gave the connection meanwhile, if they did
   * @throws AppError `unauthenticated`, or `reason` when it could not be marked
   */
  const expire = async (
    scope: TenantScope,
    account: Account,
    reason: AppError,
  ): Promise<CurrentCredentials> => {
    const { connection } = account
    const { id } = connection
    const marked = await persistently(() =>
      db.tenant(scope, async (tx) => {
        if (!(await markExpired(tx, id, holder, reason.message))) return false
        const now = await getConnection(tx, id)
        if (now?.status === 'expired') await tellOfConnection(tx, scope.organizationId, 'expired', now)
        return true
      }),
    )
    parts.changed(scope.organizationId)
    if (!marked) {
      // The lease is no longer ours: others gave the connection new credentials, or are about to.
      const now = await read(scope, id)
      if (now.credentials_revision > connection.credentials_revision)
        return open(scope, { ...account, connection: now })
      throw reason
    }
    log.warn({ connection: id, reason: reason.message }, 'connection expired')
    throw await expiredError(scope, { ...connection, status_reason: reason.message })
  }

  /** Tells the provider that tokens nobody will hold are void; that it cannot be told is no reason to fail. */
  const revoke = async (
    connection: string,
    profile: OAuthProfile,
    { refreshToken, accessToken }: Record<string, string>,
  ): Promise<void> => {
    await tokens
      .revoke(profile, refreshToken ?? accessToken ?? '')
      .catch((error: Error) =>
        log.warn({ connection, err: error.message }, 'a token that could not be stored was not revoked'),
      )
  }

  const grant = async (
    scope: TenantScope,
    account: Account,
    credentials: Record<string, string>,
  ): Promise<{ granted: Tokens; profile: OAuthProfile }> => {
    const { authMethod, connection, connector } = account
    const client = await clientOf(scope, account, credentials)
    const profile = profileOf(authMethod, client, connection.scopes ?? undefined)
    if (isClientCredentials(authMethod)) return { granted: await tokens.clientCredentials(profile), profile }
    const { refreshToken } = credentials
    if (refreshToken === undefined) {
      throw new AppError(
        'unauthenticated',
        `The provider of ${connector.slug} gave no refresh token, and the access token has expired.`,
        {
          hint: 'Ask for offline access (a scope or an authorization parameter, as the provider’s documentation says) and connect again.',
          data: { final: true },
        },
      )
    }
    return { granted: await tokens.refresh(profile, refreshToken), profile }
  }

  /** The connection's own client where it brought one, else the OAuth app it was made with. */
  const clientOf = async (
    scope: TenantScope,
    { connector, authMethod, connection }: Account,
    credentials: Record<string, string>,
  ): Promise<OAuthClientIdentity> => {
    const { clientId, clientSecret } = credentials
    if (clientId !== undefined) return { clientId, clientSecret: clientSecret ?? null, settings: {} }
    return db.read(scope, async (tx) => {
      const app = await findOAuthAppFor(tx, connector, authMethod, connection.oauth_app_id ?? undefined)
      return openOAuthApp(tx, vault, scope.organizationId, app)
    })
  }

  const expiredError = async (scope: TenantScope, connection: SealedConnectionRow): Promise<AppError> =>
    new AppError(
      'unauthenticated',
      `The connection ${connection.id} (${connection.name}) has expired${connection.status_reason === null ? '.' : `: ${connection.status_reason}`}`,
      {
        hint: await parts.reconnectHint(scope, connection),
        data: { connection: connection.id, status: 'expired', customerId: connection.customer_id },
      },
    )

  const together = (id: string, work: () => Promise<CurrentCredentials>): Promise<CurrentCredentials> => {
    const known = underWay.get(id)
    if (known !== undefined) return known
    const started = work().finally(() => underWay.delete(id))
    underWay.set(id, started)
    return started
  }

  return {
    current: async (scope, account) => {
      const { connection, authMethod } = account
      if (authMethod.type !== 'oauth2' || !isExpiring(connection)) return open(scope, account)
      const now = await open(scope, account)
      return now.renewable ? together(connection.id, () => renew(scope, account, undefined)) : now
    },
    renewed: async (scope, account, revision) => {
      const renewed = await together(account.connection.id, () => renew(scope, account, revision))
      // The renewal that was under way may have begun before this refusal.
      return renewed.revision > revision
        ? renewed
        : together(account.connection.id, () => renew(scope, account, revision))
    },
  }
}

const unstored = (cause: unknown) =>
  new AppError('unavailable', 'The provider gave a new token, which could not be stored.', {
    hint: 'Connect the account again; what the database said is in the log.',
    cause,
  })

const isRenewable = (method: AuthMethod, credentials: Credentials): boolean =>
  method.type === 'oauth2' && (isClientCredentials(method) || credentials.reveal().refreshToken !== undefined)
