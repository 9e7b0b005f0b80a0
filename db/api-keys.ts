import type { Permission, RoleName } from '../core/permissions.ts'
import type { Database, Tx } from './database.ts'

export interface ApiKeyRow {
  id: string
  organization_id: string
  name: string
  mode: 'test' | 'live'
  prefix: string
  role: RoleName
  permissions: Permission[] | null
  customer_ids: string[] | null
  ip_allowlist: string[] | null
  rate_per_minute: number | null
  expires_at: Date | null
  revoked_at: Date | null
  last_used_at: Date | null
  created_by: string
  created_at: Date
}

const COLUMNS =
  'id, organization_id, name, mode, prefix, role, permissions, customer_ids, ip_allowlist, rate_per_minute, expires_at, revoked_at, last_used_at, created_by, created_at'

export interface NewApiKey {
  id: string
  organizationId: string
  name: string
  mode: 'test' | 'live'
  prefix: string
  hash: Buffer
  role: RoleName
  permissions: readonly Permission[] | null
  customerIds: readonly string[] | null
  ipAllowlist: readonly string[] | null
  ratePerMinute: number | null
  expiresAt: Date | null
  createdBy: string
}

export const insertApiKey = (tx: Tx, key: NewApiKey) =>
  tx.row<ApiKeyRow>(
    `INSERT INTO api_keys (id, organization_id, name, mode, prefix, hash, role, permissions, customer_ids, ip_allowlist, rate_per_minute, expires_at, created_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING ${COLUMNS}`,
    [
      key.id,
      key.organizationId,
      key.name,
      key.mode,
      key.prefix,
      key.hash,
      key.role,
      key.permissions,
      key.customerIds,
      key.ipAllowlist,
      key.ratePerMinute,
      key.expiresAt,
      key.createdBy,
    ],
  )

export const listApiKeys = (tx: Tx, page: { after: string | null; limit: number }) =>
  tx.rows<ApiKeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE ($1::text IS NULL OR id < $1) ORDER BY id DESC LIMIT $2`,
    [page.after, page.limit],
  )

export const getApiKey = (tx: Tx, id: string) =>
  tx.row<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE id = $1`, [id])

export const revokeApiKey = (tx: Tx, id: string) =>
  tx.row<ApiKeyRow>(
    `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING ${COLUMNS}`,
    [id],
  )

export const countActiveOwnerKeys = async (tx: Tx): Promise<number> =>
  (
    await tx.row<{ n: number }>(
      "SELECT count(*)::int AS n FROM api_keys WHERE role = 'owner' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
    )
  )?.n ?? 0

/** Which key has this hash? Asked before any tenant is known. */
export const findApiKeyByHash = (db: Database, hash: Buffer) =>
  db.system((tx) => tx.row<ApiKeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE hash = $1`, [hash]))

/** Notes that keys were used, at most once a minute for each. */
export const touchApiKeys = (db: Database, ids: readonly string[]) =>
  db.system((tx) =>
    tx.run(
      "UPDATE api_keys SET last_used_at = now() WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
      [ids],
    ),
  )
