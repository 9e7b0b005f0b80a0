/**
 * What growth costs: the memory of idle triggers, and the cost of an event with one customer and workflow against many.
 * Rows are multiplied in the database, since making ten thousand of each by tools would take longer than measuring.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { Pool } from 'undici'
import { closedLoop, type Figures } from './measure.ts'

const CUSTOMERS = 10_000
const WORKFLOWS = 1_000
const IDLE_TRIGGERS = 1_000
const EVENTS = 2_000
const SENDERS = 32

// biome-ignore lint/suspicious/noExplicitAny: answers of tools
type Call = (name: string, input: object) => Promise<any>

/** @param pid of the server, whose memory is read */
export async function benchScale(url: string, databaseUrl: string, pid: number, call: Call): Promise<void> {
  const db = new pg.Client(databaseUrl)
  await db.connect()
  await db.query('SET search_path TO patchbay')
  const { customer } = await call('create_customer', { name: 'First' })
  await call('create_workflow', {
    name: 'scale',
    slug: 'scale',
    code: 'export default async (ctx) => ({ id: ctx.input.id })',
  })
  await call('publish_workflow', { workflow: 'scale' })
  await call('deploy_workflow', { workflow: 'scale', environment: 'production' })
  const { trigger } = await call('create_webhook', {
    name: 'scale',
    customer: customer.id,
    verification: { scheme: 'none' },
    routes: [{ workflow: 'scale', environment: 'production' }],
  })
  const pool = new Pool(url, { connections: SENDERS })
  const paths = (ids: readonly string[]) => ids.map((id) => `/webhooks/${id}`)

  /** Posts events spread over the webhooks and waits until all are run; the rate is that of runs. */
  const run = async (webhooks: readonly string[]): Promise<Figures> => {
    const startedAt = performance.now()
    const accepted = await closedLoop(EVENTS, SENDERS, async (n) => {
      const path = webhooks[(n * 7919) % webhooks.length] ?? ''
      const { statusCode, body } = await pool.request({
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id: n }),
      })
      await body.dump()
      if (statusCode !== 202) throw new Error(`webhook answered ${statusCode}`)
    })
    for (;;) {
      const { rows } = await db.query(
        `SELECT count(*)::int AS open FROM executions WHERE status IN ('queued', 'running')`,
      )
      if (rows[0].open === 0) break
      await new Promise((next) => setTimeout(next, 20))
    }
    return { ...accepted, perSecond: (EVENTS / (performance.now() - startedAt)) * 1000 }
  }
  const print = (name: string, figures: Figures, one?: Figures) =>
    console.log(
      `  ${name.padEnd(52)} ${figures.perSecond.toFixed(0).padStart(6)}/s   accepted p50 ${figures.p50Ms.toFixed(1)} ms, p99 ${figures.p99Ms.toFixed(1)} ms${one === undefined ? '' : `   cost of an event × ${(one.perSecond / figures.perSecond).toFixed(2)}`}`,
    )

  await run(paths([trigger.id]))
  const one = await run(paths([trigger.id]))
  print('1 customer, 1 workflow', one)

  /** Copies of a row with other values in some columns; `$n` in a value is the number of the copy. */
  const copies = async (table: string, id: string, count: number, patch: Record<string, string>) => {
    const pairs = Object.entries(patch).map(
      ([column, value]) => `'${column}', replace('${value}', '$n', n::text)`,
    )
    await db.query(
      `INSERT INTO ${table} SELECT (jsonb_populate_record(t, jsonb_build_object(${pairs.join(', ')}))).*
       FROM ${table} t, generate_series(1, ${count}) n WHERE t.id = $1`,
      [id],
    )
  }
  const idOf = async (table: string, where: string, value: string): Promise<string> =>
    (await db.query(`SELECT id FROM ${table} WHERE ${where} = $1 LIMIT 1`, [value])).rows[0].id
  const route = await idOf('routes', 'trigger_id', trigger.id)

  await copies('customers', customer.id, CUSTOMERS - 1, { id: 'cus_b$n', slug: 'b$n' })
  await copies('triggers', trigger.id, CUSTOMERS - 1, { id: 'trg_b$n', customer_id: 'cus_b$n' })
  await copies('routes', route, CUSTOMERS - 1, { id: 'rt_b$n', trigger_id: 'trg_b$n' })
  await db.query('ANALYZE')
  const all = Array.from({ length: CUSTOMERS - 1 }, (_unused, n) => `trg_b${n + 1}`)
  print(`the same customer, ${CUSTOMERS} exist`, await run(paths([trigger.id])), one)
  print('events of 50 of them', await run(paths(all.slice(0, 50))), one)
  print('events of all of them, each a cold isolate', await run(paths(all)), one)

  // What came before may have slowed all down.
  const again = await run(paths([trigger.id]))
  const workflow = await idOf('workflows', 'slug', 'scale')
  const version = await idOf('workflow_versions', 'workflow_id', workflow)
  const deployment = await idOf('deployments', 'workflow_id', workflow)
  await copies('workflows', workflow, WORKFLOWS - 1, { id: 'wf_b$n', slug: 'scale-$n' })
  await copies('workflow_versions', version, WORKFLOWS - 1, { id: 'wv_b$n', workflow_id: 'wf_b$n' })
  await copies('deployments', deployment, WORKFLOWS - 1, {
    id: 'dep_b$n',
    workflow_id: 'wf_b$n',
    workflow_version_id: 'wv_b$n',
  })
  await db.query('ANALYZE')
  print(`1 customer, 1 workflow, ${WORKFLOWS} workflows exist`, await run(paths([trigger.id])), again)

  const before = residentMb(pid)
  for (let n = 0; n < IDLE_TRIGGERS; n += 1) {
    await call('create_scheduler', {
      name: `idle ${n}`,
      timetable: { type: 'custom', cron: '0 3 1 1 *' },
      timeZone: 'Europe/Warsaw',
      routes: [{ workflow: 'scale', environment: 'production' }],
    })
  }
  await new Promise((next) => setTimeout(next, 3_000))
  console.log(
    `  memory of ${IDLE_TRIGGERS} idle schedulers and ${CUSTOMERS} idle webhooks: ${(residentMb(pid) - before).toFixed(1)} MB (the server: ${residentMb(pid).toFixed(0)} MB)`,
  )
  await pool.close()
  await db.end()
}

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
