import { readdirSync, readFileSync } from 'node:fs'
import type { ClientBase } from 'pg'
import { AppError } from '../core/errors.ts'

const folder = new URL('./migrations/', import.meta.url)
/** Any constant: serializes processes that start together on one database. */
const LOCK_KEY = 7_241_935

/**
 * Applies the migrations not yet applied, all in one transaction, in the order of their names. Forward only.
 * Safe when several processes start at once: the second waits and finds nothing to do.
 * @returns the names applied by this call
 * @throws AppError `misconfigured` when the database knows a migration this version does not have
 */
export async function migrate(client: ClientBase): Promise<string[]> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  await client.query('BEGIN')
  try {
    // On the embedded database every connection shares one session whose role may be set; migrations run as its owner.
    await client.query('SET LOCAL ROLE NONE')
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY])
    await client.query('CREATE SCHEMA IF NOT EXISTS patchbay')
    await client.query('SET LOCAL search_path = patchbay')
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    )
    const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations')
    const applied = new Set(rows.map((row) => row.name))
    const unknown = [...applied].filter((name) => !files.includes(name))
    if (unknown.length > 0) {
      throw new AppError(
        'misconfigured',
        `The database is newer than this Patchbay: it has ${unknown.join(', ')}.`,
        {
          hint: 'Run the version that made it, or a newer one.',
        },
      )
    }
    const pending = files.filter((name) => !applied.has(name))
    for (const name of pending) {
      await client.query(readFileSync(new URL(name, folder), 'utf8'))
      await client.query('INSERT INTO migrations (name) VALUES ($1)', [name])
    }
    await client.query('COMMIT')
    return pending
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
