import type { Tx } from './database.ts'
import { syncCustomerLanes } from './lane-upkeep.ts'

export interface CustomerRow {
  id: string
  name: string
  slug: string
  status: 'active' | 'inactive'
  metadata: Record<string, unknown>
  /** Executions it may have under way at once; null: the organization's default. */
  max_running: number | null
  /** Null: the organization's default. */
  starts_per_minute: number | null
  created_at: Date
  updated_at: Date
}

const COLUMNS = 'id, name, slug, status, metadata, max_running, starts_per_minute, created_at, updated_at'

export const insertCustomer = (
  tx: Tx,
  customer: { id: string; organizationId: string; name: string; slug: string; metadata: object },
) =>
  tx.row<CustomerRow>(
    `INSERT INTO customers (id, organization_id, name, slug, metadata) VALUES ($1, $2, $3, $4, $5) RETURNING ${COLUMNS}`,
    [customer.id, customer.organizationId, customer.name, customer.slug, JSON.stringify(customer.metadata)],
  )

/** By id or slug. */
export const findCustomer = (tx: Tx, ref: string) =>
  tx.row<CustomerRow>(`SELECT ${COLUMNS} FROM customers WHERE id = $1 OR slug = $1 LIMIT 1`, [ref])

export const listCustomers = (tx: Tx, page: { query: string | null; cursor: string | null; limit: number }) =>
  tx.rows<CustomerRow>(
    `SELECT ${COLUMNS} FROM customers
     WHERE ($1::text IS NULL OR name ILIKE '%' || $1 || '%' OR slug ILIKE '%' || $1 || '%') AND ($2::text IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [page.query, page.cursor, page.limit],
  )

export const updateCustomer = (
  tx: Tx,
  id: string,
  change: { name: string | undefined; status: string | undefined; metadata: object | undefined },
) =>
  tx.row<CustomerRow>(
    `UPDATE customers SET name = coalesce($2, name), status = coalesce($3, status), metadata = coalesce($4, metadata), updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [
      id,
      change.name,
      change.status,
      change.metadata === undefined ? undefined : JSON.stringify(change.metadata),
    ],
  )

/** With everything of theirs. Their triggers are locked before what hangs on them, as by whoever changes one. */
export async function deleteCustomer(tx: Tx, id: string): Promise<number> {
  await tx.run('SELECT FROM triggers WHERE customer_id = $1 ORDER BY id FOR UPDATE', [id])
  return tx.run('DELETE FROM customers WHERE id = $1', [id])
}

/** Sets what is given; null: the organization's default. Takes effect at once, also for what waits. */
export async function setCustomerLimits(
  tx: Tx,
  id: string,
  limits: { maxRunning?: number | null | undefined; startsPerMinute?: number | null | undefined },
): Promise<void> {
  await tx.run(
    `UPDATE customers SET max_running = CASE WHEN $2 THEN $3::int ELSE max_running END,
       starts_per_minute = CASE WHEN $4 THEN $5::int ELSE starts_per_minute END WHERE id = $1`,
    [
      id,
      limits.maxRunning !== undefined,
      limits.maxRunning ?? null,
      limits.startsPerMinute !== undefined,
      limits.startsPerMinute ?? null,
    ],
  )
  await syncCustomerLanes(tx, id)
}
