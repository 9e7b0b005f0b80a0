import type { Json } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface StateKey {
  organizationId: string
  customerId: string | null
  scope: 'organization' | 'customer' | 'execution'
  /** '' for the organization, the customer's id, or the execution's. */
  scopeId: string
  key: string
}

export const getState = async (tx: Tx, at: StateKey): Promise<Json> =>
  (
    await tx.row<{ value: Json }>(
      'SELECT value FROM state_entries WHERE organization_id = $1 AND scope = $2 AND scope_id = $3 AND key = $4',
      [at.organizationId, at.scope, at.scopeId, at.key],
    )
  )?.value ?? null

export const setState = (tx: Tx, at: StateKey, value: Json) =>
  tx.run(
    `INSERT INTO state_entries (organization_id, customer_id, scope, scope_id, key, value) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (organization_id, scope, scope_id, key) DO UPDATE SET value = excluded.value, updated_at = now()`,
    [at.organizationId, at.customerId, at.scope, at.scopeId, at.key, toJsonb(value)],
  )

export const deleteState = (tx: Tx, at: StateKey) =>
  tx.run(
    'DELETE FROM state_entries WHERE organization_id = $1 AND scope = $2 AND scope_id = $3 AND key = $4',
    [at.organizationId, at.scope, at.scopeId, at.key],
  )
