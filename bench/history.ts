import pg from 'pg'
import { newId } from '../core/ids.ts'
import { buildLogger } from '../core/log.ts'
import { insertCustomer } from '../db/customers.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { getExecution, listExecutions } from '../db/executions.ts'
import { insertExecutions, type NewExecution } from '../db/new-executions.ts'
import { insertOrganization } from '../db/organizations.ts'
import { insertWorkflow, insertWorkflowVersion } from '../db/workflows.ts'
import { workflowRow } from '../tests/setup/workflow-row.ts'
import { closedLoop, compare } from './measure.ts'

const SMALL = 10_000
const CHUNK = 200_000
const DAY_MS = 86_400_000
/** As long as history is kept by default. It lies in the time to come: what is past has no partitions any more. */
const DAYS = 90
const WORKFLOWS = 100
const CUSTOMERS = 1_000
const TRIGGERS = 200
const ROUNDS = 3
const PAGE = 50

interface Filled {
  db: Database
  scope: { organizationId: string; customerIds: null }
  customerIds: string[]
  workflowIds: string[]
  template: Omit<NewExecution, 'id'>
  /** Some of its executions, from all of the time. */
  sample: { id: string; event_id: string; trigger_id: string }[]
}

/** Lists and look-ups of executions among `rows`, against the same among ten thousand, one at a time. */
export async function benchHistory(serverUrl: string, rows: number): Promise<void> {
  const small = await filled(serverUrl, 'history_small', SMALL)
  const large = await filled(serverUrl, 'history_large', rows)
  const nothing = {
    workflowId: null,
    customerId: null,
    status: null,
    environment: null,
    eventId: null,
    triggerId: null,
    since: null,
    cursor: null,
    limit: PAGE,
  }
  type Filter = Partial<Parameters<typeof listExecutions>[1]>
  const pick = <T>(values: readonly T[], n: number) => values[(n * 7919) % values.length] as T
  const filters: [name: string, (of: Filled, n: number) => Filter][] = [
    ['all', () => ({})],
    ['of a workflow', (of, n) => ({ workflowId: pick(of.workflowIds, n) })],
    ['of a customer', (of, n) => ({ customerId: pick(of.customerIds, n) })],
    ['failed (1 in 200)', () => ({ status: 'failed' })],
    ['completed', () => ({ status: 'completed' })],
    ['running (none)', () => ({ status: 'running' })],
    ['of a workflow, failed', (of, n) => ({ workflowId: pick(of.workflowIds, n), status: 'failed' })],
    ['of a customer, failed', (of, n) => ({ customerId: pick(of.customerIds, n), status: 'failed' })],
    ['in staging (1 in 100)', () => ({ environment: 'staging' })],
    ['of a trigger', (of, n) => ({ triggerId: pick(of.sample, n).trigger_id })],
    ['of an event', (of, n) => ({ eventId: pick(of.sample, n).event_id })],
    ['of the last day', () => ({ since: new Date(Date.now() + (DAYS - 1) * DAY_MS) })],
    ['a page from the middle', (of, n) => ({ cursor: pick(of.sample, n).id })],
    [
      'of a workflow, a page from the middle',
      (of, n) => ({ workflowId: pick(of.workflowIds, n), cursor: pick(of.sample, n).id }),
    ],
  ]
  const measures: [name: string, (of: Filled, n: number) => Promise<unknown>][] = [
    ...filters.map(([name, filter]): [string, (of: Filled, n: number) => Promise<unknown>] => [
      `list: ${name}`,
      (of, n) => of.db.read(of.scope, (tx) => listExecutions(tx, { ...nothing, ...filter(of, n) })),
    ]),
    ['get by id', (of, n) => of.db.read(of.scope, (tx) => getExecution(tx, pick(of.sample, n).id))],
    [
      'insert 50',
      (of) =>
        of.db.system((tx) =>
          insertExecutions(
            tx,
            Array.from({ length: 50 }, () => ({ ...of.template, id: newId('execution') })),
          ),
        ),
    ],
  ]
  console.log(
    `  ${''.padEnd(42)} ${rows.toLocaleString('en')} rows: p50, p99      10,000 rows: p50, p99   times as long at p50`,
  )
  for (const [name, work] of measures) {
    const { ours, limit } = await compare(
      ROUNDS,
      () => closedLoop(100, 1, (n) => work(large, n)),
      () => closedLoop(100, 1, (n) => work(small, n)),
    )
    const ms = (value: number) => `${value.toFixed(2).padStart(8)} ms`
    console.log(
      `  ${name.padEnd(42)} ${ms(ours.p50Ms)} ${ms(ours.p99Ms)}      ${ms(limit.p50Ms)} ${ms(limit.p99Ms)}   ${(ours.p50Ms / limit.p50Ms).toFixed(2)}`,
    )
  }
  await Promise.all([small.db.close(), large.db.close()])
}

/** A database with so many ended executions of the last 90 days, written as fast as Postgres takes them. */
async function filled(serverUrl: string, name: string, rows: number): Promise<Filled> {
  const databaseUrl = serverUrl.replace(/\/postgres$/, `/${name}`)
  const admin = new pg.Client(serverUrl)
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.query("ALTER SYSTEM SET max_wal_size = '8GB'")
  await admin.query('SELECT pg_reload_conf()')
  await admin.end()
  const db = await openDatabase({ databaseUrl, dataDir: '', log: buildLogger('error') })
  const made = await owners(db)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const { sample, seconds, size } = await fill(client, made, rows)
    console.log(`  ${rows.toLocaleString('en')} executions written in ${seconds.toFixed(0)} s, ${size}`)
    return { db, ...made, sample }
  } catch (error) {
    await db.close()
    throw error
  } finally {
    await client.end()
  }
}

/** Foreign keys are left out and indexes made afterwards: ten times as fast. */
async function fill(client: pg.Client, made: Awaited<ReturnType<typeof owners>>, rows: number) {
  const startedAt = performance.now()
  await client.query('SET search_path = patchbay')
  await client.query('SET session_replication_role = replica')
  await client.query("SET maintenance_work_mem = '256MB'")
  for (let day = 0; day < DAYS; day += 20)
    await client.query('SELECT make_history($1, $2)', [new Date(Date.now() + day * DAY_MS), DAYS])
  const indexes = await client.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
     FROM pg_index WHERE indrelid = 'executions'::regclass AND NOT indisprimary`,
  )
  for (const index of indexes.rows) await client.query(`DROP INDEX ${index.name}`)
  const triggers = Array.from({ length: TRIGGERS }, () => newId('trigger'))
  for (let from = 0; from < rows; from += CHUNK) {
    await client.query(
      `INSERT INTO executions (id, organization_id, customer_id, workflow_id, workflow_version_id, environment, tier, status, triggered_by,
         event_id, trigger_id, input, output, attempt, run, created_at, started_at, finished_at)
       SELECT 'exec_' || lpad(to_hex(ms), 12, '0') || substr(md5(i::text), 1, 16), $1, ($2::text[])[1 + i % ${CUSTOMERS}],
         ($3::text[])[1 + i / 7 % ${WORKFLOWS}], ($4::text[])[1 + i / 7 % ${WORKFLOWS}],
         CASE WHEN i % 101 = 0 THEN 'staging' ELSE 'production' END, 'standard', CASE WHEN i % 199 = 0 THEN 'failed' ELSE 'completed' END,
         'webhook', 'evt_' || lpad(to_hex(ms), 12, '0') || substr(md5(i::text), 1, 16), ($5::text[])[1 + i / 3 % ${TRIGGERS}],
         '{"order": 1}', '{"ok": true}', 1, 1, at, at, at
       FROM (SELECT i, $6::bigint + (i * ($7::double precision / $8))::bigint AS ms FROM generate_series($9::int, $10::int) i) g,
         LATERAL (SELECT to_timestamp(ms / 1000.0) AS at) t`,
      [
        made.scope.organizationId,
        made.customerIds,
        made.workflowIds,
        made.versionIds,
        triggers,
        Date.now(),
        DAYS * DAY_MS,
        rows,
        from,
        Math.min(from + CHUNK, rows) - 1,
      ],
    )
  }
  // Of a partitioned table's index it says that it is on that table only.
  for (const { definition } of indexes.rows) await client.query(definition.replace(' ON ONLY ', ' ON '))
  await client.query('VACUUM ANALYZE executions')
  const size = await client.query<{ size: string }>(
    `SELECT pg_size_pretty(sum(pg_total_relation_size(inhrelid))) AS size FROM pg_inherits WHERE inhparent = 'executions'::regclass`,
  )
  const sample = await client.query<Filled['sample'][number]>(
    `SELECT id, event_id, trigger_id FROM executions TABLESAMPLE BERNOULLI (${Math.min(100, 100_000 / rows)}) LIMIT 2000`,
  )
  return { sample: sample.rows, size: size.rows[0]?.size, seconds: (performance.now() - startedAt) / 1000 }
}

async function owners(db: Database) {
  const organizationId = newId('organization')
  const scope = { organizationId, customerIds: null }
  await db.system((tx) => insertOrganization(tx, { id: organizationId, name: 'Bench' }))
  const customerIds = Array.from({ length: CUSTOMERS }, () => newId('customer'))
  const workflowIds = Array.from({ length: WORKFLOWS }, () => newId('workflow'))
  const versionIds = Array.from({ length: WORKFLOWS }, () => newId('workflowVersion'))
  await db.tenant(scope, async (tx) => {
    for (const id of customerIds)
      await insertCustomer(tx, { id, organizationId, name: id, slug: id.replace('_', '-'), metadata: {} })
    for (const [n, id] of workflowIds.entries()) {
      await insertWorkflow(tx, workflowRow(id, organizationId, `w-${n}`))
      await insertWorkflowVersion(tx, {
        id: versionIds[n] ?? '',
        workflowId: id,
        code: 'x',
        connectors: [],
        publishedBy: 'bench',
      })
    }
  })
  const template: Omit<NewExecution, 'id'> = {
    organization_id: organizationId,
    customer_id: customerIds[0] ?? null,
    workflow_id: workflowIds[0] ?? '',
    workflow_version_id: versionIds[0] ?? '',
    environment: 'production',
    tier: 'standard',
    status: 'queued',
    triggered_by: 'api',
    event_id: null,
    trigger_id: null,
    parent_execution_id: null,
    replay_of: null,
    depth: 0,
    input: { order: 1 },
    headers: {},
    max_attempts: 1,
    dead_letter: true,
    worker: null,
  }
  return { scope, customerIds, workflowIds, versionIds, template }
}
