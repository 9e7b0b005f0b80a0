import { z } from 'zod'
import { conflict, notFound, toAppError } from '../../core/errors.ts'
import { type ConnectionRow, getConnection } from '../../db/connections.ts'
import { brokenUnique, type Tx } from '../../db/database.ts'
import { Timestamp } from '../params.ts'

export const ConnectionRef = z.string().min(1).describe('A connection’s id (cxn_…).')

export const Credentials = z
  .record(z.string(), z.string())
  .describe(
    'The fields the auth method needs, by name (get_connector lists them), e.g. {"apiKey":"…"}. Stored encrypted, never shown again.',
  )

export const AccountUrl = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .describe(
    'The account’s own address, where it differs from the connector’s, e.g. https://acme.example.com/api.',
  )

export const Verify = z
  .boolean()
  .default(true)
  .describe('Try the credentials with the connector’s verification call before they are stored.')

/** A connection as tools show it: never its credentials. */
export const Connection = z.object({
  id: z.string().describe('cxn_…'),
  customerId: z.string().nullable().describe('Null: the organization’s own account.'),
  connector: z.string().describe('The connector’s slug.'),
  name: z.string(),
  authMethod: z.string(),
  baseUrl: z.string().nullable().describe('The account’s own address; null: the connector’s.'),
  status: z
    .enum(['active', 'inactive', 'expired', 'failed'])
    .describe('Actions run through active connections only.'),
  statusReason: z.string().nullable().describe('Why it is expired or failed.'),
  isDefault: z.boolean().describe('The one used when a call names none.'),
  scopes: z.array(z.string()).nullable().describe('OAuth: what the provider granted; null: unknown.'),
  expiresAt: Timestamp.nullable().describe(
    'OAuth: when the access token expires (it is refreshed before); null: it does not, or nobody knows.',
  ),
  refreshedAt: Timestamp.nullable().describe('OAuth: when the token was last got.'),
  verifiedAt: Timestamp.nullable().describe('When its credentials were last accepted; null: never tried.'),
  lastUsedAt: Timestamp.nullable().describe('To the minute; null: never used.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toConnection = (row: ConnectionRow) => ({
  id: row.id,
  customerId: row.customer_id,
  connector: row.connector_slug,
  name: row.name,
  authMethod: row.auth_method,
  baseUrl: row.base_url,
  status: row.status,
  statusReason: row.status_reason,
  isDefault: row.is_default,
  scopes: row.scopes,
  expiresAt: row.expires_at,
  refreshedAt: row.refreshed_at,
  verifiedAt: row.verified_at,
  lastUsedAt: row.last_used_at,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** @throws AppError `not_found`, also for connections the actor may not see */
export async function requireConnection(tx: Tx, id: string): Promise<ConnectionRow> {
  const row = await getConnection(tx, id)
  if (row === undefined) throw noConnection(id)
  return row
}

export const noConnection = (id: string) => notFound('connection', id, 'list_connections shows the ids.')

/** What a broken constraint means to the caller. */
export function asConnectionConflict(error: unknown): Error {
  const constraint = brokenUnique(error)
  if (constraint === undefined) return error instanceof Error ? error : toAppError(error)
  if (constraint === 'connections_default') {
    return conflict('Another call made a connection the default just now.', { hint: 'Try again.' })
  }
  return conflict('There is a connection of this connector and customer with this name already.', {
    where: 'name',
    hint: 'Give another name, or change the existing one (list_connections, update_connection).',
  })
}
