import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { conflict, notFound } from '../../core/errors.ts'
import { completeConnectLink, getConnectLink, type NamedConnectLinkRow } from '../../db/connect-links.ts'
import type { Tx } from '../../db/database.ts'
import { isExpired } from '../../runtime/connect-links/connect-links.ts'
import { Timestamp } from '../params.ts'

export const ConnectLinkRef = z.string().min(1).describe('A connect link’s id (cl_…).')

export const LinkStatus = z
  .enum(['pending', 'completed', 'cancelled', 'expired'])
  .describe('Only a pending one can be used.')

/** A connect link as tools show it: never its address, which holds the token. */
export const ConnectLink = z.object({
  id: z.string().describe('cl_…'),
  status: LinkStatus,
  customerId: z.string().nullable().describe('Whose account it connects; null: the organization’s own.'),
  connector: z.string().nullable().describe('The connector’s slug; null: the person chooses.'),
  authMethod: z.string().nullable().describe('Null: the person chooses.'),
  reconnects: z.string().nullable().describe('The connection that gets new credentials.'),
  connectionId: z.string().nullable().describe('Once completed: the connection (cxn_…).'),
  returnUrl: z.string().nullable(),
  openerOrigin: z.string().nullable().describe('The origin that may embed the page.'),
  headless: z.boolean().describe('Only /connect/api takes it.'),
  createdBy: z.string(),
  createdAt: Timestamp,
  expiresAt: Timestamp,
  completedAt: Timestamp.nullable(),
})

export const toConnectLink = (row: NamedConnectLinkRow) => ({
  id: row.id,
  status: isExpired(row) ? ('expired' as const) : row.status,
  customerId: row.customer_id,
  connector: row.connector_slug,
  authMethod: row.auth_method,
  reconnects: row.reconnects,
  connectionId: row.connection_id,
  returnUrl: row.return_url,
  openerOrigin: row.opener_origin,
  headless: row.headless,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  completedAt: row.completed_at,
})

/** @throws AppError `not_found`, also for links the actor may not see */
export async function requireConnectLink(tx: Tx, id: string): Promise<NamedConnectLinkRow> {
  const row = await getConnectLink(tx, id)
  if (row === undefined) throw notFound('connect link', id, 'list_connect_links shows the ids.')
  return row
}

/**
 * Uses up the link an actor acts for, in the transaction that stores its connection: one link, one connection.
 * Actors that are no link pass.
 * @throws AppError `conflict` when it was used already
 */
export async function useConnectLink(tx: Tx, actor: Actor, connectionId: string): Promise<void> {
  if (actor.kind !== 'connect_link' || (await completeConnectLink(tx, actor.id, connectionId))) return
  throw conflict('This connect link was used already.', {
    where: 'link',
    hint: 'Ask for a new link (create_connect_link).',
    data: { connectLink: actor.id },
  })
}
