import { PGlite } from '@electric-sql/pglite'
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../core/ids.ts'
import { claimAgentRuns, insertAgentRun, type RunActor } from '../../db/agent-runs.ts'
import type { Database } from '../../db/database.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import { openTestDatabase } from '../../tests/setup/database.ts'
import { buildCheckpointer } from './checkpointer.ts'
import { ClaimLost } from './claim.ts'

const COLUMNS = `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
  WHERE table_schema = $1 ORDER BY 1, 2`
const actor: RunActor = {
  kind: 'system',
  id: 'test',
  name: 'Test',
  role: 'owner',
  permissions: [],
  customerIds: null,
  mode: 'live',
  ratePerMinute: null,
}

describe('checkpoints', () => {
  let db: Database
  let organizationId: string
  beforeAll(async () => {
    db = await openTestDatabase()
    ;({ organizationId } = await db.system((tx) => createOrganization(tx, { name: 'Ours' })))
  })
  afterAll(() => db.close())
  const scope = () => ({ organizationId, customerIds: null })
  const addRun = () =>
    db.tenant(scope(), (tx) =>
      insertAgentRun(tx, {
        id: newId('agentRun'),
        organizationId,
        customerId: null,
        agent: 'any',
        actor,
        input: {},
        approval: 'auto',
        model: 'server',
        budget: {},
      }),
    )

  test('our tables are those the library would make itself', async () => {
    const lite = new PGlite()
    const pool = {
      connect: async () => ({
        query: (sql: string, params?: unknown[]) => lite.query(sql, params),
        release: () => undefined,
      }),
    }
    await new PostgresSaver(pool as never, undefined, { schema: 'theirs' }).setup()
    const theirs = (await lite.query(COLUMNS, ['theirs'])).rows.filter(
      (row) => (row as { table_name: string }).table_name !== 'checkpoint_migrations',
    )
    const { rows } = await lite.query('SELECT v FROM theirs.checkpoint_migrations ORDER BY v')
    expect(rows).toEqual([0, 1, 2, 3, 4].map((v) => ({ v })))
    expect(theirs.length).toBeGreaterThan(15)
    expect(await db.read(scope(), (tx) => tx.rows(COLUMNS, ['agent_checkpoints']))).toEqual(theirs)
    await lite.close()
  })

  test('two processes never hold one run, and an organization holds no more than its share', async () => {
    await Promise.all([addRun(), addRun(), addRun(), addRun()])
    const options = { limit: 2, perOrganization: 3, silentMs: 15_000 }
    const claimed = await Promise.all([
      claimAgentRuns(db, { ...options, worker: 'one' }),
      claimAgentRuns(db, { ...options, worker: 'two' }),
    ])
    const ids = claimed.flat().map(({ id }) => id)
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(3)
  })

  test('a process whose run was taken over writes no checkpoint any more', async () => {
    const [late] = await claimAgentRuns(db, { worker: 'late', limit: 1, perOrganization: 99, silentMs: 0 })
    if (late === undefined) throw new Error('nothing was claimed')
    const config = { configurable: { thread_id: late.id, checkpoint_ns: '', checkpoint_id: 'c' } }
    const saver = await buildCheckpointer(db, scope(), late)
    await saver.putWrites(config, [['channel', 1]], 'before')
    await claimAgentRuns(db, { worker: 'next', limit: 9, perOrganization: 99, silentMs: 0 })
    await expect(saver.putWrites(config, [['channel', 2]], 'after')).rejects.toThrow(ClaimLost)
    const writes = await db.read(scope(), (tx) =>
      tx.rows('SELECT task_id FROM agent_checkpoints.checkpoint_writes'),
    )
    expect(writes).toEqual([{ task_id: 'before' }])
  })

  test('checkpoints of another organization are not there', async () => {
    const { organizationId: other } = await db.system((tx) => createOrganization(tx, { name: 'Other' }))
    const seen = await db.read({ organizationId: other, customerIds: null }, (tx) =>
      tx.rows('SELECT 1 FROM agent_checkpoints.checkpoint_writes'),
    )
    expect(seen).toEqual([])
  })
})
