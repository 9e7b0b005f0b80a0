import type { Tx } from './database.ts'

export type ConnectionStatus = 'active' | 'inactive' | 'expired' | 'failed'

/** A connection without its credentials. */
export interface ConnectionRow {
  id: string
  customer_id: string | null
  connector_id: string
  connector_slug: string
  name: string
  auth_method: string
  base_url: string | null
  status: ConnectionStatus
  status_reason: string | null
  is_default: boolean
  oauth_app_id: string | null
  /** What the provider granted; null: unknown, or not OAuth. */
  scopes: string[] | null
  /** When the access token expires; null: it does not, or nobody knows. */
  expires_at: Date | null
  refreshed_at: Date | null
  /** Counts the changes of the credentials. */
  credentials_revision: number
  verified_at: Date | null
  last_used_at: Date | null
  created_at: Date
  updated_at: Date
}

/** With its sealed credentials, for the runtime alone. */
export interface SealedConnectionRow extends ConnectionRow {
  credentials: string
}

const COLUMNS =
  'x.id, x.customer_id, x.connector_id, c.slug AS connector_slug, x.name, x.auth_method, x.base_url, x.status, x.status_reason, x.is_default, x.oauth_app_id, x.scopes, x.expires_at, x.refreshed_at, x.credentials_revision, x.verified_at, x.last_used_at, x.created_at, x.updated_at'
const FROM = 'FROM connections x JOIN connectors c ON c.id = x.connector_id'

export interface NewConnection {
  id: string
  organizationId: string
  customerId: string | null
  connectorId: string
  name: string
  authMethod: string
  /** Sealed. */
  credentials: string
  baseUrl: string | null
  isDefault: boolean
  oauth?: OAuthFacts | undefined
}

/** What is known of a connection's OAuth token. */
export interface OAuthFacts {
  appId: string | null
  scopes: string[] | null
  expiresAt: Date | null
}

export const insertConnection = (tx: Tx, connection: NewConnection) =>
  tx.run(
    `INSERT INTO connections (id, organization_id, customer_id, connector_id, name, auth_method, credentials, base_url, is_default, oauth_app_id, scopes, expires_at, refreshed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $13 THEN now() END)`,
    [
      connection.id,
      connection.organizationId,
      connection.customerId,
      connection.connectorId,
      connection.name,
      connection.authMethod,
      connection.credentials,
      connection.baseUrl,
      connection.isDefault,
      connection.oauth?.appId ?? null,
      connection.oauth?.scopes ?? null,
      connection.oauth?.expiresAt ?? null,
      connection.oauth !== undefined,
    ],
  )

export const getConnection = (tx: Tx, id: string) =>
  tx.row<ConnectionRow>(`SELECT ${COLUMNS} ${FROM} WHERE x.id = $1`, [id])

export const getSealedConnection = (tx: Tx, id: string) =>
  tx.row<SealedConnectionRow>(`SELECT ${COLUMNS}, x.credentials ${FROM} WHERE x.id = $1`, [id])

export interface ConnectionFilter {
  customerId: string | null
  connectorId: string | null
  status: ConnectionStatus | null
  cursor: string | null
  limit: number
}

export const listConnections = (tx: Tx, filter: ConnectionFilter) =>
  tx.rows<ConnectionRow>(
    `SELECT ${COLUMNS} ${FROM}
     WHERE ($1::text IS NULL OR x.customer_id = $1) AND ($2::text IS NULL OR x.connector_id = $2)
       AND ($3::text IS NULL OR x.status = $3) AND ($4::text IS NULL OR x.id < $4)
     ORDER BY x.id DESC LIMIT $5`,
    [filter.customerId, filter.connectorId, filter.status, filter.cursor, filter.limit],
  )

/**
 * The connections a call may go through, nearest first: the customer's own, then the organization's; of each
 * the default first. Three are enough to see whether the choice is ambiguous.
 */
export const candidateConnections = (
  tx: Tx,
  want: { connectorId: string; customerId: string | null; ref: string | null },
) =>
  tx.rows<SealedConnectionRow>(
    `SELECT ${COLUMNS}, x.credentials ${FROM}
     WHERE x.connector_id = $1 AND (x.customer_id IS NULL OR x.customer_id = $2) AND ($3::text IS NULL OR x.id = $3 OR x.name = $3)
     ORDER BY x.customer_id IS NULL, x.is_default DESC, x.id LIMIT 3`,
    [want.connectorId, want.customerId, want.ref],
  )

/** Does the customer (or the organization) have a connection of this connector? */
export const hasConnection = async (
  tx: Tx,
  place: { connectorId: string; customerId: string | null },
): Promise<boolean> =>
  (await tx.row(
    'SELECT 1 FROM connections WHERE connector_id = $1 AND customer_id IS NOT DISTINCT FROM $2 LIMIT 1',
    [place.connectorId, place.customerId],
  )) !== undefined

export const isNameTaken = async (
  tx: Tx,
  place: { connectorId: string; customerId: string | null; name: string },
): Promise<boolean> =>
  (await tx.row(
    'SELECT 1 FROM connections WHERE connector_id = $1 AND customer_id IS NOT DISTINCT FROM $2 AND name = $3',
    [place.connectorId, place.customerId, place.name],
  )) !== undefined

export const countConnections = async (tx: Tx, connectorId: string): Promise<number> =>
  (
    await tx.row<{ n: number }>('SELECT count(*)::int AS n FROM connections WHERE connector_id = $1', [
      connectorId,
    ])
  )?.n ?? 0

/** Before another connection becomes the default: there is one at most. */
export const clearDefault = (tx: Tx, place: { connectorId: string; customerId: string | null }) =>
  tx.run(
    'UPDATE connections SET is_default = false, updated_at = now() WHERE connector_id = $1 AND customer_id IS NOT DISTINCT FROM $2 AND is_default',
    [place.connectorId, place.customerId],
  )

export interface ConnectionChange {
  name?: string | undefined
  isDefault?: boolean | undefined
  authMethod?: string | undefined
  /** Sealed. */
  credentials?: string | undefined
  baseUrl?: string | null | undefined
  status?: ConnectionStatus | undefined
  /** With `credentials`: what is known of the new token; without, nothing is. */
  oauth?: OAuthFacts | undefined
}

/** Changes what is given. A new status forgets why the old one was. */
export const updateConnection = (tx: Tx, id: string, change: ConnectionChange) =>
  tx.run(
    `UPDATE connections SET name = coalesce($2, name), is_default = coalesce($3, is_default), auth_method = coalesce($4, auth_method),
       credentials = coalesce($5, credentials), base_url = CASE WHEN $6 THEN $7 ELSE base_url END, status = coalesce($8, status),
       status_reason = CASE WHEN $8::text IS NULL THEN status_reason END,
       verified_at = CASE WHEN $5::text IS NULL THEN verified_at END, updated_at = now(),
       credentials_revision = credentials_revision + CASE WHEN $5::text IS NULL THEN 0 ELSE 1 END,
       refresh_lease = CASE WHEN $5::text IS NULL THEN refresh_lease END,
       oauth_app_id = CASE WHEN $5::text IS NULL THEN oauth_app_id ELSE $9 END,
       scopes = CASE WHEN $5::text IS NULL THEN scopes ELSE $10 END,
       expires_at = CASE WHEN $5::text IS NULL THEN expires_at ELSE $11 END,
       refreshed_at = CASE WHEN $5::text IS NULL THEN refreshed_at WHEN $12 THEN now() END
     WHERE id = $1`,
    [
      id,
      change.name,
      change.isDefault,
      change.authMethod,
      change.credentials,
      change.baseUrl !== undefined,
      change.baseUrl ?? null,
      change.status,
      change.oauth?.appId ?? null,
      change.oauth?.scopes ?? null,
      change.oauth?.expiresAt ?? null,
      change.oauth !== undefined,
    ],
  )

/** The outcome of a verification call: works again, or why not. An inactive connection stays inactive. */
export const noteVerification = (tx: Tx, id: string, failure: string | null) =>
  tx.run(
    `UPDATE connections SET status = CASE WHEN status = 'inactive' THEN status WHEN $2::text IS NULL THEN 'active' ELSE 'failed' END,
       status_reason = $2, verified_at = CASE WHEN $2::text IS NULL THEN now() ELSE verified_at END, updated_at = now()
     WHERE id = $1`,
    [id, failure],
  )

/**
 * Takes the right to refresh a connection's token, for `ms`. False: its credentials have changed since
 * `revision`, it has expired for good, or somebody else is refreshing it.
 */
export const leaseRefresh = async (
  tx: Tx,
  id: string,
  revision: number,
  holder: string,
  ms: number,
): Promise<boolean> =>
  (await tx.run(
    `UPDATE connections SET refresh_lease = $3, refresh_lease_until = now() + $4 * interval '1 millisecond'
     WHERE id = $1 AND credentials_revision = $2 AND status <> 'expired' AND (refresh_lease IS NULL OR refresh_lease_until < now())`,
    [id, revision, holder, ms],
  )) === 1

export const releaseRefresh = (tx: Tx, id: string, holder: string) =>
  tx.run(
    'UPDATE connections SET refresh_lease = NULL, refresh_lease_until = NULL WHERE id = $1 AND refresh_lease = $2',
    [id, holder],
  )

/**
 * Stores refreshed credentials; gives their revision, or undefined when others have changed the credentials since
 * `revision`. The lease is not asked for: even one that ran out must not cost a rotated token.
 */
export const storeRefreshed = async (
  tx: Tx,
  id: string,
  revision: number,
  /** Credentials sealed. */
  refreshed: { credentials: string; expiresAt: Date | null; scopes: string[] | null },
): Promise<number | undefined> =>
  (
    await tx.row<{ credentials_revision: number }>(
      `UPDATE connections SET credentials = $3, expires_at = $4, scopes = coalesce($5, scopes), refreshed_at = now(),
         credentials_revision = credentials_revision + 1, refresh_lease = NULL, refresh_lease_until = NULL, updated_at = now()
       WHERE id = $1 AND credentials_revision = $2 RETURNING credentials_revision`,
      [id, revision, refreshed.credentials, refreshed.expiresAt, refreshed.scopes],
    )
  )?.credentials_revision

/** The provider will refresh this connection's token no more. */
export const markExpired = async (tx: Tx, id: string, holder: string, reason: string): Promise<boolean> =>
  (await tx.run(
    `UPDATE connections SET status = CASE WHEN status = 'inactive' THEN status ELSE 'expired' END, status_reason = $3,
       refresh_lease = NULL, refresh_lease_until = NULL, updated_at = now()
     WHERE id = $1 AND refresh_lease = $2`,
    [id, holder, reason],
  )) === 1

export const touchConnections = (tx: Tx, ids: readonly string[]) =>
  tx.run(
    "UPDATE connections SET last_used_at = now() WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
    [ids],
  )

export const deleteConnection = (tx: Tx, id: string) => tx.run('DELETE FROM connections WHERE id = $1', [id])

/** Slugs of customers with a connection of the connector who are on its current version, not pinned to an older one. */
export const customersOnCurrentVersion = async (tx: Tx, connectorId: string): Promise<string[]> =>
  (
    await tx.rows<{ slug: string }>(
      `SELECT c.slug FROM customers c
       WHERE EXISTS (SELECT FROM connections x WHERE x.connector_id = $1 AND x.customer_id = c.id)
         AND NOT EXISTS (SELECT FROM connector_pins p WHERE p.connector_id = $1 AND p.customer_id = c.id)
       ORDER BY c.slug`,
      [connectorId],
    )
  ).map(({ slug }) => slug)
