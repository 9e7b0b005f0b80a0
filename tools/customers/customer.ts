import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { type CustomerRow, findCustomer } from '../../db/customers.ts'
import type { Tx } from '../../db/database.ts'
import { Timestamp } from '../params.ts'
import { MaxRunning, StartsPerMinute } from './customer-limits.ts'

export const Metadata = z
  .record(z.string(), z.unknown())
  .describe('Facts of your own about the customer, as JSON.')

export const Customer = z.object({
  id: z.string().describe('cus_…'),
  name: z.string(),
  slug: z.string(),
  status: z.enum(['active', 'inactive']).describe('Workflows do not run for an inactive customer.'),
  metadata: Metadata,
  maxRunning: MaxRunning.nullable().describe(
    'Executions it may have under way at once, over all servers; null: the organization’s default.',
  ),
  startsPerMinute: StartsPerMinute.nullable().describe(
    'Executions that may start for it in a minute; null: the organization’s default.',
  ),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export const toCustomer = (row: CustomerRow) => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  status: row.status,
  metadata: row.metadata,
  maxRunning: row.max_running,
  startsPerMinute: row.starts_per_minute,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** @throws AppError `not_found`, also for customers the actor may not see */
export async function requireCustomer(tx: Tx, ref: string): Promise<CustomerRow> {
  const row = await findCustomer(tx, ref)
  if (row === undefined) throw notFound('customer', ref, 'list_customers shows the ones you may use.')
  return row
}
