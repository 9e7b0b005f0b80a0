import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { getOrganization, type OrganizationRow } from '../../db/organizations.ts'
import { MaxRunning, StartsPerMinute } from '../customers/customer-limits.ts'
import { Timestamp } from '../params.ts'
import { Branding, brandingOf } from './branding.ts'

export const Organization = z.object({
  id: z.string().describe('org_…'),
  name: z.string(),
  branding: Branding.describe('How pages that customers see look: the connect page.'),
  customerDefaults: z
    .object({ maxRunning: MaxRunning.nullable(), startsPerMinute: StartsPerMinute.nullable() })
    .describe(
      'What each customer without limits of its own may do: executions under way at once, starts in a minute; null: no limit but a fair share.',
    ),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toOrganization = (row: OrganizationRow) => ({
  id: row.id,
  name: row.name,
  branding: brandingOf(row),
  customerDefaults: {
    maxRunning: row.max_running_per_customer,
    startsPerMinute: row.starts_per_minute_per_customer,
  },
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export async function organizationOf(tx: Tx, actor: Actor): Promise<OrganizationRow> {
  const row = await getOrganization(tx, actor.organizationId)
  if (row === undefined) throw notFound('organization', actor.organizationId)
  return row
}
