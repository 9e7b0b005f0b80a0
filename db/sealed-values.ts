import type { Tx } from './database.ts'

/** Every column that holds what the vault sealed, but for the answers of idempotency keys, which are kept a day. */
const COLUMNS = {
  connections: 'credentials',
  secrets: 'value',
  triggers: 'secret',
  previous_trigger_secrets: 'secret',
  oauth_apps: 'client_secret',
  oauth_authorizations: 'secret',
  webhook_endpoints: 'secret',
} as const

export type SealedTable = keyof typeof COLUMNS

export interface SealedValue {
  id: string
  sealed: string
}

/**
 * The next values of a table, by id, that do not begin with `prefix`, locked until the transaction ends. Those
 * somebody else is changing are passed over: waiting for them while holding others could end in a deadlock.
 */
export const lockValuesSealedOtherwise = (
  tx: Tx,
  table: SealedTable,
  prefix: string,
  page: { after: string; limit: number },
) =>
  tx.rows<SealedValue>(
    `SELECT id, ${COLUMNS[table]} AS sealed FROM ${table}
     WHERE id > $2 AND NOT starts_with(${COLUMNS[table]}, $1)
     ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED`,
    [prefix, page.after, page.limit],
  )

/** Puts `fresh` in the place of `sealed`, where that is still what is stored; gives the number of rows changed. */
export const replaceSealed = (
  tx: Tx,
  table: SealedTable,
  values: readonly (SealedValue & { fresh: string })[],
) =>
  tx.run(
    `UPDATE ${table} AS t SET ${COLUMNS[table]} = v.fresh
     FROM unnest($1::text[], $2::text[], $3::text[]) AS v (id, sealed, fresh)
     WHERE t.id = v.id AND t.${COLUMNS[table]} = v.sealed`,
    [values.map(({ id }) => id), values.map(({ sealed }) => sealed), values.map(({ fresh }) => fresh)],
  )

export const countValuesSealedOtherwise = async (tx: Tx, prefix: string): Promise<number> => {
  const counts = Object.entries(COLUMNS).map(
    ([table, column]) => `(SELECT count(*) FROM ${table} WHERE NOT starts_with(${column}, $1))`,
  )
  return (
    (await tx.row<{ count: number }>(`SELECT (${counts.join(' + ')})::int AS count`, [prefix]))?.count ?? 0
  )
}

/** Is anything stored, kept answers included, that begins with `prefix`? */
export const isAnythingSealed = async (tx: Tx, prefix: string): Promise<boolean> => {
  const uses = Object.entries(COLUMNS).map(
    ([table, column]) => `EXISTS (SELECT FROM ${table} WHERE starts_with(${column}, $1))`,
  )
  uses.push(`EXISTS (SELECT FROM idempotency_keys WHERE starts_with(response ->> 'sealed', $1))`)
  return (await tx.row<{ used: boolean }>(`SELECT ${uses.join(' OR ')} AS used`, [prefix]))?.used ?? true
}
