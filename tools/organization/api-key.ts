import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { permissions, roleNames } from '../../core/permissions.ts'
import type { ApiKeyRow } from '../../db/api-keys.ts'
import { Timestamp } from '../params.ts'

/** A key as tools show it: its first characters, never the key. */
export const ApiKey = z.object({
  id: z.string().describe('key_…'),
  name: z.string(),
  mode: z.enum(['test', 'live']),
  prefix: z.string().describe('The first characters of the key, to tell keys apart.'),
  role: z.enum(roleNames),
  permissions: z
    .array(z.enum(permissions))
    .nullable()
    .describe('The key has only these of its role’s permissions; null: all of them.'),
  customerIds: z
    .array(z.string())
    .nullable()
    .describe('The only customers the key reaches; null: all of them.'),
  ipAllowlist: z
    .array(z.string())
    .nullable()
    .describe('Addresses and CIDR ranges the key may be used from; null: any.'),
  ratePerMinute: z.number().nullable().describe('Calls a minute; null: the server’s default.'),
  status: z.enum(['active', 'expired', 'revoked']),
  expiresAt: Timestamp.nullable().describe('ISO 8601 time in UTC; null: never.'),
  revokedAt: Timestamp.nullable().describe('ISO 8601 time in UTC; null: not revoked.'),
  lastUsedAt: Timestamp.nullable().describe('ISO 8601 time in UTC, to the minute; null: never used.'),
  createdBy: z.string().describe('Id of the key that made it, or of the server’s set-up.'),
  createdAt: Timestamp,
})

const statusOf = (row: ApiKeyRow): 'active' | 'expired' | 'revoked' => {
  if (row.revoked_at !== null) return 'revoked'
  return row.expires_at !== null && row.expires_at.getTime() <= Date.now() ? 'expired' : 'active'
}

export const toApiKey = (row: ApiKeyRow) => ({
  id: row.id,
  name: row.name,
  mode: row.mode,
  prefix: row.prefix,
  role: row.role,
  permissions: row.permissions,
  customerIds: row.customer_ids,
  ipAllowlist: row.ip_allowlist,
  ratePerMinute: row.rate_per_minute,
  status: statusOf(row),
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  lastUsedAt: row.last_used_at,
  createdBy: row.created_by,
  createdAt: row.created_at,
})

/** An actor limited to some customers has to do only with keys limited to those. */
export function withinReach(actor: Actor, row: Pick<ApiKeyRow, 'customer_ids'>): boolean {
  if (actor.customerIds === null) return true
  return row.customer_ids?.every((id) => actor.customerIds?.includes(id)) ?? false
}
