import type { Tx } from './database.ts'

export interface DataKeyRow {
  id: string
  wrapped_key: string
  master_key_id: string
}

export const latestDataKey = (tx: Tx, organizationId: string) =>
  tx.row<DataKeyRow>(
    'SELECT id, wrapped_key, master_key_id FROM data_keys WHERE organization_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1',
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
