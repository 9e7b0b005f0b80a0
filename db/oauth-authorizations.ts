import type { Database, Tx } from './database.ts'

/** An authorization under way: from the redirect to the provider until its callback. */
export interface OAuthAuthorizationRow {
  id: string
  organization_id: string
  customer_id: string | null
  connector_id: string
  auth_method: string
  oauth_app_id: string
  connect_link_id: string | null
  /** The connection that gets the new credentials, when it is a reconnection. */
  reconnects: string | null
  connection_name: string | null
  base_url: string | null
  /** Sealed {codeVerifier, fields}. */
  secret: string
  redirect_uri: string
  scopes: string[]
  return_url: string | null
  created_by: string
  created_at: Date
  expires_at: Date
  consumed_at: Date | null
}

const COLUMNS =
  'id, organization_id, customer_id, connector_id, auth_method, oauth_app_id, connect_link_id, reconnects, connection_name, base_url, secret, redirect_uri, scopes, return_url, created_by, created_at, expires_at, consumed_at'

export const insertOAuthAuthorization = (
  tx: Tx,
  authorization: Omit<OAuthAuthorizationRow, 'created_at' | 'consumed_at'> & { state_hash: Buffer },
) =>
  tx.run(
    `INSERT INTO oauth_authorizations (id, organization_id, customer_id, connector_id, auth_method, oauth_app_id, connect_link_id,
       reconnects, connection_name, base_url, secret, redirect_uri, scopes, return_url, created_by, expires_at, state_hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      authorization.id,
      authorization.organization_id,
      authorization.customer_id,
      authorization.connector_id,
      authorization.auth_method,
      authorization.oauth_app_id,
      authorization.connect_link_id,
      authorization.reconnects,
      authorization.connection_name,
      authorization.base_url,
      authorization.secret,
      authorization.redirect_uri,
      authorization.scopes,
      authorization.return_url,
      authorization.created_by,
      authorization.expires_at,
      authorization.state_hash,
    ],
  )

/** Whose state is this? Asked before the tenant is known. */
export const findOAuthAuthorization = (db: Database, stateHash: Buffer) =>
  db.system((tx) =>
    tx.row<OAuthAuthorizationRow>(`SELECT ${COLUMNS} FROM oauth_authorizations WHERE state_hash = $1`, [
      stateHash,
    ]),
  )

/** Takes an authorization for its one callback. False: it was used or has expired. */
export const consumeOAuthAuthorization = async (tx: Tx, id: string): Promise<boolean> =>
  (await tx.run(
    'UPDATE oauth_authorizations SET consumed_at = now() WHERE id = $1 AND consumed_at IS NULL AND expires_at > now()',
    [id],
  )) === 1

/** Clears away authorizations nobody came back from. */
export const deleteExpiredOAuthAuthorizations = (db: Database) =>
  db.system((tx) =>
    tx.run("DELETE FROM oauth_authorizations WHERE expires_at < now() - interval '1 day'", []),
  )

/** Is a person at the provider's page now, sent there by this link? */
export const isAuthorizing = async (tx: Tx, connectLinkId: string): Promise<boolean> =>
  (await tx.row(
    'SELECT 1 FROM oauth_authorizations WHERE connect_link_id = $1 AND consumed_at IS NULL AND expires_at > now() LIMIT 1',
    [connectLinkId],
  )) !== undefined
