import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'
import { syncCustomerLanes } from './lane-upkeep.ts'

export interface OrganizationRow {
  id: string
  name: string
  /** How its customers' pages look; see Branding of tools/organization. */
  branding: JsonObject
  /** For customers without their own; null: none. */
  max_running_per_customer: number | null
  starts_per_minute_per_customer: number | null
  created_at: Date
  updated_at: Date
}

const COLUMNS =
  'id, name, branding, max_running_per_customer, starts_per_minute_per_customer, created_at, updated_at'

export const getOrganization = (tx: Tx, id: string) =>
  tx.row<OrganizationRow>(`SELECT ${COLUMNS} FROM organizations WHERE id = $1`, [id])

/** Changes what is given; of the branding, only the parts given. */
export const updateOrganization = (
  tx: Tx,
  id: string,
  change: { name?: string | undefined; branding?: object | undefined },
) =>
  tx.row<OrganizationRow>(
    `UPDATE organizations SET name = coalesce($2, name), branding = branding || coalesce($3, '{}'::jsonb), updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, change.name, change.branding === undefined ? undefined : toJsonb(change.branding)],
  )

/** What customers without limits of their own may do; sets what is given, at once. */
export async function setCustomerDefaults(
  tx: Tx,
  id: string,
  limits: { maxRunning?: number | null | undefined; startsPerMinute?: number | null | undefined },
): Promise<OrganizationRow | undefined> {
  const row = await tx.row<OrganizationRow>(
    `UPDATE organizations SET max_running_per_customer = CASE WHEN $2 THEN $3::int ELSE max_running_per_customer END,
       starts_per_minute_per_customer = CASE WHEN $4 THEN $5::int ELSE starts_per_minute_per_customer END WHERE id = $1 RETURNING ${COLUMNS}`,
    [
      id,
      limits.maxRunning !== undefined,
      limits.maxRunning ?? null,
      limits.startsPerMinute !== undefined,
      limits.startsPerMinute ?? null,
    ],
  )
  await syncCustomerLanes(tx, null)
  return row
}

export interface EnvironmentRow {
  slug: string
  name: string
  production: boolean
}

export const listEnvironments = (tx: Tx) =>
  tx.rows<EnvironmentRow>(
    'SELECT slug, name, production FROM environments ORDER BY created_at, production, slug',
  )

export const getEnvironment = (tx: Tx, slug: string) =>
  tx.row<EnvironmentRow>('SELECT slug, name, production FROM environments WHERE slug = $1', [slug])

const builtInEnvironments: readonly EnvironmentRow[] = [
  { slug: 'dev', name: 'Development', production: false },
  { slug: 'staging', name: 'Staging', production: false },
  { slug: 'production', name: 'Production', production: true },
]

/** A new organization with its built-in environments; set-up of a server, or of a test's tenant. */
export const insertOrganization = async (tx: Tx, organization: { id: string; name: string }) => {
  await tx.run('INSERT INTO organizations (id, name) VALUES ($1, $2)', [organization.id, organization.name])
  for (const environment of builtInEnvironments) {
    await tx.run(
      'INSERT INTO environments (organization_id, slug, name, production) VALUES ($1, $2, $3, $4)',
      [organization.id, environment.slug, environment.name, environment.production],
    )
  }
}

export const firstOrganizationId = async (tx: Tx): Promise<string | undefined> =>
  (await tx.row<{ id: string }>('SELECT id FROM organizations ORDER BY id LIMIT 1'))?.id

/** Any constant: processes that start together on a new database set it up one after the other. */
const BOOTSTRAP_LOCK_KEY = 7_241_936

export const lockBootstrap = (tx: Tx) => tx.run('SELECT pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK_KEY])
