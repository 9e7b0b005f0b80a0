import type { Json, JsonObject } from '../core/json.ts'
import { type Owner, ownerOf } from './cache.ts'
import type { Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** The records of one collection of one owner. */
export interface Collection extends Owner {
  collection: string
}

export interface RecordRow {
  key: string
  value: JsonObject
  created_at: Date
  updated_at: Date
}

const COLUMNS = 'key, value, created_at, updated_at'
const IN = 'organization_id = $1 AND owner = $2 AND collection = $3'
const within = (of: Collection) => [of.organizationId, ownerOf(of), of.collection]

export const getRecord = (tx: Tx, of: Collection, key: string) =>
  tx.row<RecordRow>(`SELECT ${COLUMNS} FROM records WHERE ${IN} AND key = $4`, [...within(of), key])

export const putRecord = (tx: Tx, of: Collection, key: string, value: JsonObject) =>
  tx.run(
    `INSERT INTO records (organization_id, owner, collection, key, customer_id, value) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (organization_id, owner, collection, key) DO UPDATE SET value = excluded.value, updated_at = now()`,
    [...within(of), key, of.customerId, toJsonb(value)],
  )

/** Was there one? */
export const deleteRecord = async (tx: Tx, of: Collection, key: string): Promise<boolean> =>
  (await tx.run(`DELETE FROM records WHERE ${IN} AND key = $4`, [...within(of), key])) > 0

/**
 * Records by key, as many as fit `maxBytes` of JSON (one at least), whose fields have these values.
 * Each row tells in `found` how many there are up to `limit`, whatever their size.
 * @param page.where scalars only: for those, jsonb containment is equality
 */
export const queryRecords = (
  tx: Tx,
  of: Collection,
  page: {
    prefix: string
    after: string | null
    where: Record<string, Json>
    limit: number
    maxBytes: number
  },
) =>
  tx.rows<RecordRow & { found: number }>(
    `SELECT ${COLUMNS}, found FROM (
       SELECT *, sum(octet_length(value::text)) OVER (ORDER BY key) AS total, row_number() OVER (ORDER BY key) AS place,
         count(*) OVER ()::int AS found FROM (
         SELECT ${COLUMNS} FROM records
         WHERE ${IN} AND key >= $4 AND starts_with(key, $4) AND ($5::text IS NULL OR key > $5) AND value @> $6::jsonb
         ORDER BY key LIMIT $7
       ) AS page
     ) AS measured WHERE total <= $8 OR place = 1 ORDER BY key`,
    [...within(of), page.prefix, page.after, toJsonb(page.where), page.limit, page.maxBytes],
  )
