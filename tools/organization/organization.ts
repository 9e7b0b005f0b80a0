import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { getOrganization, type OrganizationRow } from '../../db/organizations.ts'
import { Timestamp } from '../params.ts'
import { Branding, brandingOf } from './branding.ts'

export const Organization = z.object({
  id: z.string().describe('org_…'),
  name: z.string(),
  branding: Branding.describe('How pages that customers see look: the connect page.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toOrganization = (row: OrganizationRow) => ({
  id: row.id,
  name: row.name,
  branding: brandingOf(row),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export async function organizationOf(tx: Tx, actor: Actor): Promise<OrganizationRow> {
  const row = await getOrganization(tx, actor.organizationId)
  if (row === undefined) throw notFound('organization', actor.organizationId)
  return row
}
