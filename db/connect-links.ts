import type { Database, Tx } from './database.ts'

/** A link as it is stored; `pending` ones may have expired. */
export interface ConnectLinkRow {
  id: string
  organization_id: string
  customer_id: string | null
  /** Null: the person chooses. */
  connector_id: string | null
  auth_method: string | null
  /** The connection that gets new credentials, when it is a reconnection. */
  reconnects: string | null
  connection_name: string | null
  return_url: string | null
  opener_origin: string | null
  headless: boolean
  status: 'pending' | 'completed' | 'cancelled'
  connection_id: string | null
  created_by: string
  created_at: Date
  expires_at: Date
  completed_at: Date | null
}

/** With what its tenant may see besides. */
export interface NamedConnectLinkRow extends ConnectLinkRow {
  connector_slug: string | null
}

const COLUMNS =
  'l.id, l.organization_id, l.customer_id, l.connector_id, l.auth_method, l.reconnects, l.connection_name, l.return_url, l.opener_origin, l.headless, l.status, l.connection_id, l.created_by, l.created_at, l.expires_at, l.completed_at'
const NAMED = `SELECT ${COLUMNS}, c.slug AS connector_slug FROM connect_links l LEFT JOIN connectors c ON c.id = l.connector_id`

export type NewConnectLinkRow = Omit<
  ConnectLinkRow,
  'status' | 'connection_id' | 'created_at' | 'completed_at'
> & { token_hash: Buffer }

export const insertConnectLink = (tx: Tx, link: NewConnectLinkRow) =>
  tx.run(
    `INSERT INTO connect_links (id, organization_id, customer_id, connector_id, auth_method, reconnects, connection_name, return_url,
       opener_origin, headless, token_hash, created_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      link.id,
      link.organization_id,
      link.customer_id,
      link.connector_id,
      link.auth_method,
      link.reconnects,
      link.connection_name,
      link.return_url,
      link.opener_origin,
      link.headless,
      link.token_hash,
      link.created_by,
      link.expires_at,
    ],
  )

/** Whose link is this? Asked before the tenant is known. */
export const findConnectLinkByToken = (db: Database, tokenHash: Buffer) =>
  db.system((tx) =>
    tx.row<ConnectLinkRow>(`SELECT ${COLUMNS} FROM connect_links l WHERE l.token_hash = $1`, [tokenHash]),
  )

/** The same by id, which is no secret: for what was begun with the token and comes back without it. */
export const findConnectLinkById = (db: Database, id: string) =>
  db.system((tx) => tx.row<ConnectLinkRow>(`SELECT ${COLUMNS} FROM connect_links l WHERE l.id = $1`, [id]))

/** Those of the given links that wait no more: completed, cancelled, or gone. */
export const settledConnectLinks = (db: Database, ids: readonly string[]) =>
  db.system((tx) =>
    tx.rows<{ id: string; status: ConnectLinkRow['status'] | null }>(
      `SELECT w.id, l.status FROM unnest($1::text[]) AS w(id) LEFT JOIN connect_links l ON l.id = w.id
       WHERE l.status IS DISTINCT FROM 'pending'`,
      [ids],
    ),
  )

export const getConnectLink = (tx: Tx, id: string) =>
  tx.row<NamedConnectLinkRow>(`${NAMED} WHERE l.id = $1`, [id])

export interface ConnectLinkFilter {
  customerId: string | null
  status: 'pending' | 'completed' | 'cancelled' | 'expired' | null
  cursor: string | null
  limit: number
}

export const listConnectLinks = (tx: Tx, filter: ConnectLinkFilter) =>
  tx.rows<NamedConnectLinkRow>(
    `${NAMED}
     WHERE ($1::text IS NULL OR l.customer_id = $1)
       AND ($2::text IS NULL OR $2 = CASE WHEN l.status = 'pending' AND l.expires_at <= now() THEN 'expired' ELSE l.status END)
       AND ($3::text IS NULL OR l.id < $3)
     ORDER BY l.id DESC LIMIT $4`,
    [filter.customerId, filter.status, filter.cursor, filter.limit],
  )

/**
 * Uses a link up, in the transaction that stores its connection: of two at once, the second waits here and then
 * finds it used. False: it is not pending. (That it has not expired is checked when the work begins: who is at
 * the provider's page when time runs out may come back.)
 */
export const completeConnectLink = async (tx: Tx, id: string, connectionId: string): Promise<boolean> =>
  (await tx.run(
    `UPDATE connect_links SET status = 'completed', connection_id = $2, completed_at = now() WHERE id = $1 AND status = 'pending'`,
    [id, connectionId],
  )) === 1

/** False: it is not pending any more. */
export const cancelConnectLink = async (tx: Tx, id: string): Promise<boolean> =>
  (await tx.run("UPDATE connect_links SET status = 'cancelled' WHERE id = $1 AND status = 'pending'", [
    id,
  ])) === 1

/** Clears away links nobody will ask about any more. */
export const deleteOldConnectLinks = (db: Database) =>
  db.system((tx) => tx.run("DELETE FROM connect_links WHERE expires_at < now() - interval '90 days'", []))
