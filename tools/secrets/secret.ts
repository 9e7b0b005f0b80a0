import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { getEnvironment } from '../../db/organizations.ts'
import type { SecretRow } from '../../db/secrets.ts'
import { CustomerRef, EnvironmentSlug, Timestamp } from '../params.ts'

export const SecretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, 'must be upper-case letters, digits and underscores, starting with a letter')
  .max(128)
  .describe('Name in UPPER_SNAKE case, as workflows ask for it: `ctx.secrets.get("STRIPE_KEY")`.')

export const SecretCustomer = CustomerRef.nullable()
  .default(null)
  .describe('Customer (id or slug) the secret belongs to; left out, the organization’s own.')

export const SecretEnvironment = EnvironmentSlug.nullable()
  .default(null)
  .describe('Environment the secret is for; left out, all of them.')

/** A secret as tools show it: never its value. */
export const SecretSummary = z.object({
  id: z.string().describe('sec_…'),
  name: z.string(),
  kind: z.enum(['text', 'json']),
  customerId: z.string().nullable().describe('Null: the organization’s own.'),
  environment: z.string().nullable().describe('Null: every environment.'),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toSecretSummary = (row: SecretRow) => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  customerId: row.customer_id,
  environment: row.environment,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** @throws AppError `not_found` for an environment the organization does not have */
export async function requireEnvironment(tx: Tx, slug: string | null): Promise<void> {
  if (slug === null || (await getEnvironment(tx, slug)) !== undefined) return
  throw notFound('environment', slug, 'list_environments shows the ones there are.')
}
