import type { Tx } from './database.ts'

/** A secret without its value. */
export interface SecretRow {
  id: string
  name: string
  kind: 'text' | 'json'
  customer_id: string | null
  environment: string | null
  created_at: Date
  updated_at: Date
}

const COLUMNS = 'id, name, kind, customer_id, environment, created_at, updated_at'

/** What names a secret: the same name may have a value per customer, per environment, and both. */
export interface SecretPlace {
  name: string
  customerId: string | null
  environment: string | null
}

/**
 * The id of the secret at this place, made on first use and locked till the transaction ends. Its value is
 * sealed for its id, so the id comes first; {@link storeSecret} must follow in the same transaction.
 */
export const claimSecret = (tx: Tx, secret: SecretPlace & { id: string; organizationId: string }) =>
  tx.row<{ id: string; created: boolean }>(
    `INSERT INTO secrets (id, organization_id, customer_id, environment, name, kind, value) VALUES ($1, $2, $3, $4, $5, 'text', '')
     ON CONFLICT (organization_id, customer_id, environment, name) DO UPDATE SET updated_at = now()
     RETURNING id, id = $1 AS created`,
    [secret.id, secret.organizationId, secret.customerId, secret.environment, secret.name],
  )

export const storeSecret = (tx: Tx, id: string, kind: SecretRow['kind'], sealed: string) =>
  tx.row<SecretRow>(
    `UPDATE secrets SET kind = $2, value = $3, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, kind, sealed],
  )

export const listSecrets = (
  tx: Tx,
  filter: { customerId: string | null; environment: string | null; cursor: string | null; limit: number },
) =>
  tx.rows<SecretRow>(
    `SELECT ${COLUMNS} FROM secrets
     WHERE ($1::text IS NULL OR customer_id = $1) AND ($2::text IS NULL OR environment = $2) AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [filter.customerId, filter.environment, filter.cursor, filter.limit],
  )

/** Deletes the secret at exactly this place; gives its id. */
export const deleteSecret = (tx: Tx, place: SecretPlace) =>
  tx.row<{ id: string }>(
    `DELETE FROM secrets WHERE name = $1 AND customer_id IS NOT DISTINCT FROM $2 AND environment IS NOT DISTINCT FROM $3 RETURNING id`,
    [place.name, place.customerId, place.environment],
  )

/**
 * The secret that counts for a customer in an environment, nearest first: the customer's own for the
 * environment, the customer's, the environment's, the organization's.
 */
export const nearestSecret = (tx: Tx, place: SecretPlace) =>
  tx.row<{ id: string; kind: SecretRow['kind']; value: string }>(
    `SELECT id, kind, value FROM secrets
     WHERE name = $1 AND (customer_id IS NULL OR customer_id = $2) AND (environment IS NULL OR environment = $3)
     ORDER BY customer_id IS NULL, environment IS NULL LIMIT 1`,
    [place.name, place.customerId, place.environment],
  )
