import type { Json } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

/** Whose a cache entry or a record is: the organization's own, or a customer's. */
export interface Owner {
  organizationId: string
  customerId: string | null
}

/** `owner` stands in the key, where null cannot. */
export const ownerOf = ({ customerId }: Owner): string => customerId ?? ''

const AT = 'organization_id = $1 AND owner = $2 AND key = $3'
const at = (owner: Owner, key: string) => [owner.organizationId, ownerOf(owner), key]

/** Undefined when there is none, or its time is over. */
export const getCached = (tx: Tx, owner: Owner, key: string) =>
  tx.row<{ value: Json }>(
    `SELECT value FROM cache_entries WHERE ${AT} AND expires_at > now()`,
    at(owner, key),
  )

export const setCached = (tx: Tx, owner: Owner, key: string, value: Json, ttlSeconds: number) =>
  tx.run(
    `INSERT INTO cache_entries (organization_id, owner, key, customer_id, value, expires_at)
     VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
     ON CONFLICT (organization_id, owner, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
    [...at(owner, key), owner.customerId, toJsonb(value), ttlSeconds],
  )

export const deleteCached = (tx: Tx, owner: Owner, key: string) =>
  tx.run(`DELETE FROM cache_entries WHERE ${AT}`, at(owner, key))

/** Deletes entries past their time in every organization, so many at once; gives their number. */
export const deleteExpiredCache = (db: Database): Promise<number> =>
  db.system((tx) =>
    tx.run(
      'DELETE FROM cache_entries WHERE ctid IN (SELECT ctid FROM cache_entries WHERE expires_at <= now() LIMIT 10000)',
    ),
  )
