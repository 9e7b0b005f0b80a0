import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../core/ids.ts'
import { describeOnBothDatabases, openTestDatabase } from '../tests/setup/database.ts'
import { workflowRow } from '../tests/setup/workflow-row.ts'
import { insertEvents, type NewEvent } from './accepted-events.ts'
import { deleteCustomer, insertCustomer } from './customers.ts'
import type { Database, Tx } from './database.ts'
import { type ExecutionStatus, listExecutions } from './executions.ts'
import { maintainHistory } from './history.ts'
import { insertExecutions } from './new-executions.ts'
import { insertOrganization } from './organizations.ts'
import { insertTraces } from './traces.ts'
import { deleteWorkflow, insertWorkflow, insertWorkflowVersion } from './workflows.ts'

const DAY_MS = 86_400_000
const DAYS = 90
const PARTS = ['executions', 'execution_logs', 'execution_steps', 'events', 'traces'] as const
const BELONGINGS = [
  'execution_logs',
  'execution_steps',
  'execution_signals',
  'approvals',
  'traces',
  'dead_letters',
  'files',
] as const

describeOnBothDatabases('history', (kind) => {
  let db: Database
  let organizationId: string
  let customerId: string
  let workflow: { id: string; versionId: string }
  /** Further on for each test: what one dropped is not there for the next. */
  let now = Date.now()

  beforeAll(async () => {
    db = await openTestDatabase(kind)
  })
  afterAll(() => db.close())
  beforeEach(async () => {
    organizationId = newId('organization')
    customerId = newId('customer')
    const workflowId = newId('workflow')
    await db.system((tx) => insertOrganization(tx, { id: organizationId, name: 'o' }))
    await tenant(async (tx) => {
      await insertCustomer(tx, { id: customerId, organizationId, name: 'c', slug: 'c', metadata: {} })
      await insertWorkflow(tx, workflowRow(workflowId, organizationId, 'w'))
      const version = await insertWorkflowVersion(tx, {
        id: newId('workflowVersion'),
        workflowId,
        code: 'x',
        connectors: [],
        publishedBy: 'test',
      })
      workflow = { id: workflowId, versionId: version?.id ?? '' }
    })
    now += 1_000 * DAY_MS
    await maintainHistory(db, { days: DAYS, now: new Date(now) })
  })

  const tenant = <T>(fn: (tx: Tx) => Promise<T>) => db.tenant({ organizationId, customerIds: null }, fn)
  const later = (days: number) => maintainHistory(db, { days: DAYS, now: new Date(now + days * DAY_MS) })

  /** An execution begun `now`, with one row of everything that can belong to it. */
  async function execution(
    status: ExecutionStatus,
    options: { at?: number; letter?: 'pending' | 'replayed'; customer?: string | null } = {},
  ): Promise<string> {
    const { at = now, letter, customer = null } = options
    const id = newId('execution', at)
    await db.system(async (tx) => {
      await insertExecutions(tx, [
        {
          id,
          organization_id: organizationId,
          customer_id: customer,
          workflow_id: workflow.id,
          workflow_version_id: workflow.versionId,
          environment: 'dev',
          tier: 'standard',
          status: 'queued',
          triggered_by: 'api',
          event_id: null,
          trigger_id: null,
          parent_execution_id: null,
          replay_of: null,
          depth: 0,
          input: { at },
          headers: {},
          max_attempts: 1,
          dead_letter: true,
          worker: null,
        },
      ])
      await tx.run('UPDATE executions SET status = $2 WHERE id = $1', [id, status])
      const own = [id, organizationId, customer]
      await tx.run(
        "INSERT INTO execution_logs (execution_id, organization_id, customer_id, run, attempt, lines) VALUES ($1, $2, $3, 1, 1, '[]')",
        own,
      )
      await tx.run(
        `INSERT INTO execution_steps (execution_id, organization_id, customer_id, seq, kind, name, fingerprint, status, attempt, run, started_at)
         VALUES ($1, $2, $3, 0, 'step', 's', 'f', 'done', 1, 1, now())`,
        own,
      )
      await tx.run(
        "INSERT INTO approvals (id, execution_id, organization_id, customer_id, title) VALUES ($4, $1, $2, $3, 'a')",
        [...own, newId('approval', at)],
      )
      if (letter !== undefined)
        await tx.run(
          `INSERT INTO dead_letters (id, execution_id, organization_id, customer_id, workflow_id, workflow_version_id, error_message, error_context, retry_count, status)
           VALUES ($4, $1, $2, $3, $5, $6, 'e', '{}', 0, $7)`,
          [...own, newId('deadLetter', at), workflow.id, workflow.versionId, letter],
        )
    })
    await tenant(async (tx) => {
      await insertTraces(tx, organizationId, [trace(id, at)])
      await tx.run(
        "INSERT INTO execution_signals (id, execution_id, organization_id, customer_id, name) VALUES ($1, $2, $3, $4, 's')",
        [newId('signal', at), id, organizationId, customer],
      )
      await tx.run(
        `INSERT INTO files (id, execution_id, organization_id, customer_id, name, content_type, bytes, sha256, expires_at)
         VALUES ($1, $2, $3, $4, 'f', 'text/plain', 0, 'x', now())`,
        [newId('file', at), id, organizationId, customer],
      )
      await tx.run(
        `INSERT INTO state_entries (organization_id, customer_id, scope, scope_id, key, value) VALUES ($1, $2, 'execution', $3, 'k', '1')`,
        [organizationId, customer, id],
      )
    })
    return id
  }

  const trace = (executionId: string | null, at: number) => ({
    id: newId('trace', at),
    customer_id: null,
    execution_id: executionId,
    attempt: 1,
    connection_id: null,
    connector: 'c',
    action: 'a',
    status: 'success' as const,
    http_status: 200,
    duration_ms: 1,
    request: {},
    response: null,
    error: null,
    created_at: new Date(at).toISOString(),
  })

  const event = (at: number, dedupeKey: string | null = null): NewEvent => ({
    id: newId('event', at),
    organization_id: organizationId,
    customer_id: null,
    source: 'webhook',
    trigger_id: `trg_${organizationId}`,
    dedupe_key: dedupeKey,
    headers: {},
    payload: {},
    status: 'unmatched',
  })
  const accept = async (...events: NewEvent[]) =>
    (
      await db.system((tx) =>
        insertEvents(
          tx,
          events.map((one) => ({ event: one, executions: [] })),
        ),
      )
    ).ids

  /** How many rows of each table belong to an execution, where there are any. */
  const belongings = (id: string) =>
    tenant(async (tx) => {
      const found: Record<string, number> = {}
      for (const table of BELONGINGS) {
        const row = await tx.row<{ n: number }>(
          `SELECT count(*)::int AS n FROM ${table} WHERE execution_id = $1`,
          [id],
        )
        if (row !== undefined && row.n > 0) found[table] = row.n
      }
      const state = await tx.rows(
        "SELECT key FROM state_entries WHERE scope = 'execution' AND scope_id = $1",
        [id],
      )
      return state.length === 0 ? found : { ...found, state_entries: state.length }
    })
  const there = async (...ids: string[]) =>
    (await tenant((tx) => tx.rows<{ id: string }>('SELECT id FROM executions WHERE id = ANY($1)', [ids])))
      .map(({ id }) => id)
      .sort()
  const partitionsOf = (table: string) =>
    db.system(async (tx) =>
      (
        await tx.rows<{ name: string }>(
          `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass`,
          [table],
        )
      )
        .map(({ name }) => name.replace('patchbay.', '').replace(`${table}_`, ''))
        .sort(),
    )
  const homeOf = async (table: string, id: string) =>
    (
      await tenant((tx) =>
        tx.row<{ home: string }>(`SELECT tableoid::regclass::text AS home FROM ${table} WHERE id = $1`, [id]),
      )
    )?.home

  test('what happens now, and for weeks to come, has a partition; no partition is the default one’s', async () => {
    for (const at of [now, now + 22 * DAY_MS]) {
      const id = await execution('completed', { at })
      expect(await homeOf('executions', id)).toMatch(/executions_\d{8}$/)
    }
  })

  test('every table of history has the same partitions, and no role has a right to one', async () => {
    const spans = await partitionsOf('executions')
    expect(spans.length).toBeGreaterThan(2)
    for (const table of PARTS) expect(await partitionsOf(table)).toEqual(spans)
    const open = await db.system((tx) =>
      tx.rows(
        `SELECT c.relname, r.rolname FROM pg_class c, pg_roles r
         WHERE c.relispartition AND c.relkind = 'r' AND c.relnamespace = 'patchbay'::regnamespace AND r.rolname IN ('patchbay_app', 'patchbay_system')
           AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR NOT c.relrowsecurity)`,
      ),
    )
    expect(open).toEqual([])
    await expect(tenant((tx) => tx.rows('SELECT id FROM executions_default'))).rejects.toThrow(
      /permission denied/,
    )
  })

  test('another organization sees nothing through the tables', async () => {
    const id = await execution('completed')
    const stranger = { organizationId: newId('organization'), customerIds: null }
    for (const table of PARTS)
      expect(await db.read(stranger, (tx) => tx.rows(`SELECT 1 FROM ${table}`))).toEqual([])
    expect(await there(id)).toEqual([id])
  })

  test('a look-up by id, and a list since a time, read only the partitions of that time', async () => {
    const scanned = async (sql: string, params: unknown[]) => {
      const plan = await tenant((tx) => tx.rows<Record<string, string>>(`EXPLAIN ${sql}`, params))
      const lines = plan.flatMap((row) => Object.values(row)).join('\n')
      return new Set(lines.match(/executions_(\d{8}|default)(?!\w)/g))
    }
    const id = await execution('completed')
    expect(await scanned('SELECT * FROM executions WHERE id = $1', [id])).toEqual(
      new Set([(await homeOf('executions', id))?.replace('patchbay.', '')]),
    )
    const all = await scanned('SELECT * FROM executions', [])
    const since = await scanned('SELECT * FROM executions WHERE id >= $1', [
      newId('execution', now + 23 * DAY_MS),
    ])
    expect(since.size).toBeLessThan(all.size)
  })

  test('a list since a time has what began then or later, to the millisecond', async () => {
    const [, second, third] = [
      await execution('completed', { at: now - 1 }),
      await execution('completed', { at: now }),
      await execution('completed', { at: now + 1 }),
    ]
    const rows = await tenant((tx) =>
      listExecutions(tx, {
        workflowId: workflow.id,
        customerId: null,
        status: null,
        environment: null,
        eventId: null,
        triggerId: null,
        since: new Date(now),
        cursor: null,
        limit: 10,
      }),
    )
    expect(rows.map(({ id }) => id)).toEqual([third, second])
  })

  test('what is over its time goes from all tables at once; what is not stays', async () => {
    const old = await execution('completed', { letter: 'replayed' })
    const failed = await execution('failed')
    const [oldEvent, oldTrace] = [event(now), trace(null, now)]
    await accept(oldEvent)
    await tenant((tx) => insertTraces(tx, organizationId, [oldTrace]))
    const young = await execution('completed', { at: now + 40 * DAY_MS })

    await later(DAYS - 1)
    expect(await there(old, failed, young)).toHaveLength(3)
    const round = await later(DAYS + 23)
    expect(round.dropped.length).toBeGreaterThan(0)
    expect(round.kept).toBe(0)
    expect(await there(old, failed, young)).toEqual([young])
    // Files go by a time of their own.
    expect(await belongings(old)).toEqual({ files: 1 })
    expect(await homeOf('events', oldEvent.id)).toBeUndefined()
    expect(await homeOf('traces', oldTrace.id)).toBeUndefined()
    expect(Object.keys(await belongings(young))).toHaveLength(BELONGINGS.length)
  })

  test('executions that have not ended, and those with a dead letter nobody replayed, stay with their record', async () => {
    const open = await Promise.all(
      (['queued', 'running', 'waiting'] as const).map((status) => execution(status)),
    )
    const letter = await execution('failed', { letter: 'pending' })
    const ended = await execution('timeout')
    const round = await later(DAYS + 23)
    expect(round.kept).toBe(4)
    expect(await there(...open, letter, ended)).toEqual([...open, letter].sort())
    for (const id of [...open, letter])
      expect(await belongings(id)).toMatchObject({
        execution_logs: 1,
        execution_steps: 1,
        execution_signals: 1,
        approvals: 1,
        state_entries: 1,
      })
    expect(await belongings(ended)).toEqual({ files: 1 })

    // They go when they end, or their letter is replayed.
    await db.system(async (tx) => {
      await tx.run("UPDATE executions SET status = 'completed' WHERE id = ANY($1)", [open.slice(0, 2)])
      await tx.run("UPDATE dead_letters SET status = 'replayed' WHERE execution_id = $1", [letter])
    })
    await later(DAYS + 23)
    expect(await there(...open, letter)).toEqual(open.slice(2))
    expect(await belongings(letter)).toEqual({ files: 1 })
    await db.system((tx) => tx.run("UPDATE executions SET status = 'completed' WHERE id = ANY($1)", [open]))
    await later(DAYS + 23)
  })

  test('rows that came before their partition are moved into it', async () => {
    const id = await execution('waiting', { at: now + 60 * DAY_MS })
    expect(await homeOf('executions', id)).toMatch(/executions_default$/)
    await later(40)
    expect(await homeOf('executions', id)).toMatch(/executions_\d{8}$/)
    expect(await belongings(id)).toMatchObject({ execution_logs: 1, execution_steps: 1, traces: 1 })
    await db.system((tx) => tx.run("UPDATE executions SET status = 'completed' WHERE id = $1", [id]))
  })

  test('many processes at once make and drop each span once', async () => {
    const id = await execution('completed')
    const rounds = await Promise.all(Array.from({ length: 5 }, () => later(DAYS + 23)))
    const made = rounds.flatMap((round) => round.made)
    expect(new Set(made).size).toBe(made.length)
    const dropped = rounds.flatMap((round) => round.dropped)
    expect(new Set(dropped).size).toBe(dropped.length)
    expect(await there(id)).toEqual([])
  })

  test('a delivery that comes again is known for a month, whatever became of its event, and then forgotten', async () => {
    const first = event(now, 'k')
    expect(await accept(first)).toEqual([first.id])
    await maintainHistory(db, { days: 1, now: new Date(now + 29 * DAY_MS) })
    expect(await homeOf('events', first.id)).toBeUndefined()
    expect(await accept(event(now, 'k'))).toEqual([first.id])
    await maintainHistory(db, { days: 1, now: new Date(now + 31 * DAY_MS) })
    const again = event(now, 'k')
    expect(await accept(again)).toEqual([again.id])
  })

  test('of deliveries with one key in one batch or in many at once, one is taken', async () => {
    const batch = [event(now, 'a'), event(now, 'b'), event(now, 'a')]
    const ids = await accept(...batch)
    expect(ids[0]).toBe(ids[2])
    const keys = ['c', 'd', 'e', 'f']
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        accept(...(n % 2 === 0 ? keys : keys.toReversed()).map((key) => event(now, key))),
      ),
    )
    expect(new Set(taken.flat()).size).toBe(keys.length)
    const stored = await tenant((tx) => tx.rows('SELECT id FROM events'))
    expect(stored).toHaveLength(2 + keys.length)
  })

  test('what belongs to executions goes with their workflow, or their customer', async () => {
    const theirs = await execution('completed', { customer: customerId, letter: 'pending' })
    const ours = await execution('completed')
    // Limited to that customer: what an end user does reaches no further, and is not stopped short either.
    await db.tenant({ organizationId, customerIds: [customerId] }, (tx) => deleteCustomer(tx, customerId))
    expect(await there(theirs, ours)).toEqual([ours])
    expect(await belongings(theirs)).toEqual({})
    expect(Object.keys(await belongings(ours))).toHaveLength(BELONGINGS.length)
    await tenant((tx) => deleteWorkflow(tx, workflow.id))
    expect(await there(ours)).toEqual([])
    expect(await belongings(ours)).toEqual({})
  })

  test.runIf(kind === 'postgres')(
    'whoever reads history is not kept waiting: the drop gives up and comes again',
    async () => {
      const id = await execution('completed')
      await tenant(async (tx) => {
        await tx.rows('SELECT id FROM executions WHERE id = $1', [id])
        await expect(later(DAYS + 23)).rejects.toThrow(/lock timeout/)
        expect(await there(id)).toEqual([id])
      })
      expect((await later(DAYS + 23)).dropped.length).toBeGreaterThan(0)
      expect(await there(id)).toEqual([])
    },
  )
})
