import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../core/ids.ts'
import { buildLogger } from '../core/log.ts'
import { createTestDatabase, describeOnEachDatabase, openTestDatabase } from '../tests/setup/database.ts'
import { insertCustomer } from './customers.ts'
import { type Database, openDatabase, type Tx } from './database.ts'
import { insertOrganization } from './organizations.ts'

describeOnEachDatabase('row-level security', (kind) => {
  let db: Database
  const [ours, theirs] = [newId('organization'), newId('organization')]
  const [first, second] = [newId('customer'), newId('customer')]
  const all = { organizationId: ours, customerIds: null }

  beforeAll(async () => {
    db = await openTestDatabase(kind)
    await db.system(async (tx) => {
      for (const id of [ours, theirs]) await insertOrganization(tx, { id, name: id })
    })
    await db.tenant(all, async (tx) => {
      for (const id of [first, second])
        await insertCustomer(tx, {
          id,
          organizationId: ours,
          name: id,
          slug: id.replace('_', '-'),
          metadata: {},
        })
      await tx.run(
        "INSERT INTO state_entries (organization_id, scope, scope_id, key, value) VALUES ($1, 'organization', '', 'k', '1')",
        [ours],
      )
    })
  })
  afterAll(() => db.close())

  const customers = (scope: Parameters<Database['read']>[0]) =>
    db.read(scope, async (tx) =>
      (await tx.rows<{ id: string }>('SELECT id FROM customers ORDER BY id')).map((row) => row.id),
    )

  test('an organization sees its own rows and no others', async () => {
    expect(await customers(all)).toEqual([first, second].sort())
    expect(await customers({ organizationId: theirs, customerIds: null })).toEqual([])
  })

  test('a customer-scoped transaction sees its customers only, and none when it has none', async () => {
    expect(await customers({ organizationId: ours, customerIds: [second] })).toEqual([second])
    expect(await customers({ organizationId: ours, customerIds: [] })).toEqual([])
  })

  test('the organization’s own rows are hidden from a customer unless they are shared', async () => {
    const states = (shared: boolean) =>
      db.read({ organizationId: ours, customerIds: [first], shared }, (tx) =>
        tx.rows('SELECT key FROM state_entries'),
      )
    expect(await states(false)).toEqual([])
    expect(await states(true)).toHaveLength(1)
  })

  test('a row of another organization cannot be written', async () => {
    const write = db.tenant(all, (tx) =>
      insertCustomer(tx, {
        id: newId('customer'),
        organizationId: theirs,
        name: 'x',
        slug: 'x',
        metadata: {},
      }),
    )
    await expect(write).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('a character Postgres cannot store is bad input, not a fault of ours', async () => {
    const write = db.tenant(all, (tx) =>
      insertCustomer(tx, {
        id: newId('customer'),
        organizationId: ours,
        name: 'a\u0000b',
        slug: 'nul',
        metadata: {},
      }),
    )
    await expect(write).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('every tenant table has row-level security forced and a policy', async () => {
    const bare = await db.system((tx) =>
      tx.rows<{ relname: string }>(
        `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'patchbay' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migrations'
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))`,
      ),
    )
    expect(bare).toEqual([])
  })

  test('neither role can bypass row-level security', async () => {
    const roles = await db.system((tx) =>
      tx.rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'patchbay_%' AND (rolbypassrls OR rolsuper)"),
    )
    expect(roles).toEqual([])
  })

  test('the audit log refuses changes, whoever makes them', async () => {
    await db.tenant(all, (tx) =>
      tx.run(
        "INSERT INTO audit_log (id, organization_id, actor_type, actor_id, actor_name, door, action, outcome) VALUES ($1, $2, 'a', 'a', 'a', 'http', 'x', 'success')",
        [newId('audit'), ours],
      ),
    )
    for (const sql of ["UPDATE audit_log SET action = 'y'", 'DELETE FROM audit_log']) {
      await expect(db.tenant(all, (tx) => tx.run(sql))).rejects.toThrow(/permission denied|append-only/)
    }
  })

  test.runIf(kind === 'postgres')(
    'a connection the server ends in the middle of a transaction fails that transaction only',
    async () => {
      const cut = db.tenant(all, async (tx) => {
        const own = await tx.row<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        const admin = new pg.Client(db.connection)
        await admin.connect()
        await admin.query('SELECT pg_terminate_backend($1)', [own?.pid])
        await admin.end()
        await new Promise((next) => setTimeout(next, 50))
        await tx.rows('SELECT 1')
      })
      await expect(cut).rejects.toMatchObject({ code: 'unavailable', retryable: true })
      expect(await db.read(all, (tx) => tx.rows('SELECT 1'))).toHaveLength(1)
    },
  )

  test.runIf(kind === 'postgres')(
    'a connection lost while a process starts fails its start, and does not end it unheard',
    async () => {
      const fresh = await createTestDatabase('postgres')
      const opening = openDatabase({
        ...fresh,
        log: buildLogger('silent'),
        prepare: async (client) => {
          const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
          const admin = new pg.Client(fresh.databaseUrl)
          await admin.connect()
          await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
          await admin.end()
          // Told between two statements, when nobody waits for an answer.
          await new Promise((next) => setTimeout(next, 50))
          await client.query('SELECT 1')
        },
      })
      await expect(opening).rejects.toMatchObject({ code: 'unavailable', retryable: true })
      await fresh.drop()
    },
  )

  test.runIf(kind === 'postgres')(
    'a column whose type changed under a running server fails a statement once, not for good',
    async () => {
      const admin = new pg.Client(db.connection)
      await admin.connect()
      await admin.query(
        "RESET ROLE; CREATE TABLE patchbay.changing (value jsonb); INSERT INTO patchbay.changing VALUES ('1'); GRANT SELECT ON patchbay.changing TO PUBLIC",
      )
      const look = () =>
        db.read(all, (tx) => tx.row('SELECT value FROM changing WHERE value IS NOT NULL AND $1', [true]))
      for (let n = 0; n < 10; n += 1) expect(await look()).toEqual({ value: 1 })
      await admin.query('ALTER TABLE patchbay.changing ALTER COLUMN value TYPE json USING value::json')
      // Once for each connection that knew the statement: 20 at most.
      const looks: unknown[] = []
      for (let n = 0; n < 60; n += 1) looks.push(await look().catch((error: unknown) => error))
      const failures = looks.filter((one) => one instanceof Error)
      expect(failures.length).toBeGreaterThan(0)
      for (const failure of failures) expect(failure).toMatchObject({ code: 'unavailable', retryable: true })
      expect(looks.slice(-30)).toEqual(Array.from({ length: 30 }, () => ({ value: 1 })))
      await admin.query('DROP TABLE patchbay.changing')
      await admin.end()
    },
  )

  test('Postgres compiles no query, whoever asks', async () => {
    const jit = (tx: Tx) => tx.row("SELECT current_setting('jit') AS jit")
    const off = { jit: 'off' }
    expect(await db.read(all, jit)).toEqual(off)
    expect(await db.tenant(all, jit)).toEqual(off)
    expect(await db.system(jit)).toEqual(off)
  })

  test('a failed transaction leaves nothing and the connection usable', async () => {
    const failing = db.tenant(all, async (tx) => {
      await tx.run("UPDATE customers SET name = 'changed'")
      throw new Error('stop')
    })
    await expect(failing).rejects.toThrow('stop')
    const names = await db.read(all, (tx) => tx.rows<{ name: string }>('SELECT name FROM customers'))
    expect(names.map(({ name }) => name)).not.toContain('changed')
  })
})

test('a database that is closed does not answer, as one that is away', async () => {
  const db = await openTestDatabase()
  await db.close()
  const scope = { organizationId: newId('organization'), customerIds: null }
  await expect(db.read(scope, (tx) => tx.rows('SELECT 1'))).rejects.toMatchObject({ code: 'unavailable' })
})
