import type { Database, Tx } from './database.ts'

export interface DataKeyRow {
  id: string
  wrapped_key: string
  master_key_id: string
}

/** The key that seals what is stored now. */
export const latestDataKey = (tx: Tx, organizationId: string) =>
  tx.row<DataKeyRow>(
    `SELECT id, wrapped_key, master_key_id FROM data_keys WHERE organization_id = $1 AND retired_at IS NULL
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    [organizationId],
  )

export const getDataKey = (tx: Tx, id: string) =>
  tx.row<DataKeyRow>('SELECT id, wrapped_key, master_key_id FROM data_keys WHERE id = $1', [id])

export const insertDataKey = (
  tx: Tx,
  key: { id: string; organizationId: string; wrappedKey: string; masterKeyId: string },
) =>
  tx.run('INSERT INTO data_keys (id, organization_id, wrapped_key, master_key_id) VALUES ($1, $2, $3, $4)', [
    key.id,
    key.organizationId,
    key.wrappedKey,
    key.masterKeyId,
  ])

/** Data keys another master key wrapped. */
export const dataKeysToRewrap = (tx: Tx, organizationId: string, masterKeyId: string) =>
  tx.rows<DataKeyRow>(
    'SELECT id, wrapped_key, master_key_id FROM data_keys WHERE organization_id = $1 AND master_key_id <> $2 FOR UPDATE',
    [organizationId, masterKeyId],
  )

export const rewrapDataKey = (tx: Tx, id: string, wrappedKey: string, masterKeyId: string) =>
  tx.run('UPDATE data_keys SET wrapped_key = $2, master_key_id = $3 WHERE id = $1', [
    id,
    wrappedKey,
    masterKeyId,
  ])

/** From now on only the key `current` seals. */
export const retireOtherDataKeys = (tx: Tx, organizationId: string, current: string) =>
  tx.run(
    'UPDATE data_keys SET retired_at = now() WHERE organization_id = $1 AND id <> $2 AND retired_at IS NULL',
    [organizationId, current],
  )

export const countRetiredDataKeys = async (tx: Tx, organizationId: string): Promise<number> =>
  (
    await tx.row<{ count: number }>(
      'SELECT count(*)::int AS count FROM data_keys WHERE organization_id = $1 AND retired_at IS NOT NULL',
      [organizationId],
    )
  )?.count ?? 0

/** Keys retired so long ago that no transaction, cache or kept answer can hold what they sealed. */
export const dataKeysRetiredBefore = (tx: Tx, organizationId: string, hours: number) =>
  tx.rows<{ id: string }>(
    `SELECT id FROM data_keys WHERE organization_id = $1 AND retired_at < now() - $2 * interval '1 hour' ORDER BY id`,
    [organizationId, hours],
  )

export const deleteDataKey = (tx: Tx, id: string) => tx.run('DELETE FROM data_keys WHERE id = $1', [id])

/** Organizations that have retired keys left. */
export const organizationsWithRetiredDataKeys = async (db: Database): Promise<string[]> =>
  (
    await db.system((tx) =>
      tx.rows<{ organization_id: string }>(
        'SELECT DISTINCT organization_id FROM data_keys WHERE retired_at IS NOT NULL',
      ),
    )
  ).map((row) => row.organization_id)

/** How many organizations have data keys that each master key wraps. */
export const dataKeysByMasterKey = (db: Database) =>
  db.system((tx) =>
    tx.rows<{ master_key_id: string; organizations: number }>(
      'SELECT master_key_id, count(DISTINCT organization_id)::int AS organizations FROM data_keys GROUP BY master_key_id',
    ),
  )
