import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, inject } from 'vitest'
import { buildLogger } from '../../core/log.ts'
import { type Database, openDatabase } from '../../db/database.ts'
import { prepareQueueSchema } from '../../runtime/queue/execution-queue.ts'
import { TEMPLATE_DATABASE } from './global.ts'

export type DatabaseKind = Database['kind']

/** Where a test's database is: what `core/config.ts` would read from the environment. */
export interface TestDatabase {
  databaseUrl: string | undefined
  dataDir: string
  drop(): Promise<void>
}

async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Is this the run of the integration tests on the embedded database? On Redis they run with it, too. */
export const embeddedRun = process.env.TEST_DATABASE === 'embedded'

/** What a suite runs on that does not say: a Postgres server, which takes half the time, where there is one. */
export const usualKind = (): DatabaseKind =>
  embeddedRun || inject('postgresUrl') === null ? 'embedded' : 'postgres'

/** A fresh migrated database, copied from the template of its kind. */
export async function createTestDatabase(kind: DatabaseKind = usualKind()): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-test-'))
  if (kind === 'embedded') {
    const dataDir = join(folder, 'data')
    cpSync(inject('embeddedTemplate'), dataDir, { recursive: true })
    return {
      databaseUrl: undefined,
      dataDir,
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    }
  }
  const server = inject('postgresUrl')
  if (server === null) throw new Error('this suite needs a Postgres server and should have been skipped')
  const name = `test_${randomBytes(6).toString('hex')}`
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`)
  return {
    databaseUrl: server.replace(/\/postgres$/, `/${name}`),
    dataDir: folder,
    drop: async () => {
      await administer(server, `DROP DATABASE ${name} WITH (FORCE)`)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The same, opened; `close` drops it too. */
export async function openTestDatabase(kind: DatabaseKind = usualKind()): Promise<Database> {
  const { drop, ...where } = await createTestDatabase(kind)
  const db = await openDatabase({ ...where, log: buildLogger('warn'), prepare: prepareQueueSchema })
  return {
    ...db,
    close: async () => {
      await db.close()
      await drop()
    },
  }
}

const onEmbedded = (name: string, suite: (kind: DatabaseKind) => void) =>
  describe(`${name} (embedded database)`, () => suite('embedded'))
const onPostgres = (name: string, suite: (kind: DatabaseKind) => void) =>
  describe.skipIf(inject('postgresUrl') === null)(`${name} (needs a Postgres server)`, () =>
    suite('postgres'),
  )

/** Runs a suite on a Postgres server with `npm test`, and on the embedded database with `npm run test:embedded`. */
export function describeOnEachDatabase(name: string, suite: (kind: DatabaseKind) => void): void {
  if (usualKind() === 'postgres') onPostgres(name, suite)
  else onEmbedded(name, suite)
}

/** Runs a suite of slow tests on both. */
export function describeOnBothDatabases(name: string, suite: (kind: DatabaseKind) => void): void {
  onEmbedded(name, suite)
  onPostgres(name, suite)
}
