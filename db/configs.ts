import type { Json } from '../core/json.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface ConfigRow {
  environment: string
  key: string
  value: Json
  created_at: Date
  updated_at: Date
}

export interface ConfigPlace {
  environment: string
  key: string
}

const COLUMNS = 'environment, key, value, created_at, updated_at'

export const getConfig = (tx: Tx, { environment, key }: ConfigPlace) =>
  tx.row<ConfigRow>(`SELECT ${COLUMNS} FROM configs WHERE environment = $1 AND key = $2`, [environment, key])

export const setConfig = (tx: Tx, organizationId: string, config: ConfigPlace & { value: Json }) =>
  tx.row<ConfigRow & { created: boolean }>(
    `INSERT INTO configs (organization_id, environment, key, value) VALUES ($1, $2, $3, $4)
     ON CONFLICT (organization_id, environment, key) DO UPDATE SET value = excluded.value, updated_at = now()
     RETURNING ${COLUMNS}, xmax = 0 AS created`,
    [organizationId, config.environment, config.key, toJsonb(config.value)],
  )

/** By environment, then key. The cursor is the last row's, both in one JSON text. */
export const listConfigs = (
  tx: Tx,
  page: { environment: string | null; after: ConfigPlace | null; limit: number },
) =>
  tx.rows<ConfigRow>(
    `SELECT ${COLUMNS} FROM configs
     WHERE ($1::text IS NULL OR environment = $1) AND ($2::text IS NULL OR (environment, key) > ($2, $3::text COLLATE "C"))
     ORDER BY environment, key LIMIT $4`,
    [page.environment, page.after?.environment ?? null, page.after?.key ?? null, page.limit],
  )

/** Was there one? */
export const deleteConfig = async (tx: Tx, { environment, key }: ConfigPlace): Promise<boolean> =>
  (await tx.run('DELETE FROM configs WHERE environment = $1 AND key = $2', [environment, key])) > 0
