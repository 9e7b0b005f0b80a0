/**
 * `npm run bench:peers [-- restate dbos node-red n8n]`: Patchbay beside products that do the same job, on the same
 * machine and database server in one run, printed as ratios. The peers are installed once in a folder of their own
 * (PATCHBAY_PEERS_DIR, else below the system's temporary folder); n8n takes some 3 GB and several minutes.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { Pool } from 'undici'
import { startPostgres } from '../../tests/setup/postgres-server.ts'
import { startChild } from '../child.ts'
import { closedLoop, compare, type Figures } from '../measure.ts'
import { webhookToCompleted } from '../queue.ts'
import { installPeer, type PeerName, startPeer } from './peers.ts'

const ROUNDS = 3
const OWNER_KEY = `pk_live_${'b'.repeat(43)}`
const names: PeerName[] = ['restate', 'dbos', 'node-red', 'n8n']
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(names as string[]).includes(name))
if (unknown.length > 0) throw new Error(`No peer '${unknown.join(', ')}'; there are ${names.join(', ')}.`)
const wanted = names.filter((name) => asked.length === 0 || asked.includes(name))

/** What each is measured at: how many clients at once, and how many jobs in a round. */
const jobs: Record<PeerName, { job: 'three' | 'stored'; clients: number; total: number }> = {
  restate: { job: 'three', clients: 50, total: 1_500 },
  dbos: { job: 'three', clients: 50, total: 800 },
  'node-red': { job: 'stored', clients: 10, total: 2_000 },
  n8n: { job: 'stored', clients: 10, total: 200 },
}
const CODE = {
  three: `export default async (ctx) => {
    const a = await ctx.step('one', () => ({ n: ctx.input.n + 1 }))
    const b = await ctx.step('two', () => ({ n: a.n + 1 }))
    return ctx.step('three', () => ({ n: b.n + 1 }))
  }`,
  stored: 'export default async (ctx) => ({ id: ctx.input.id })',
}

const postgres = await startPostgres()
if (postgres === undefined)
  throw new Error('No Postgres server binaries here; install the package postgresql.')
const folder = process.env.PATCHBAY_PEERS_DIR ?? join(tmpdir(), 'patchbay-peers')
mkdirSync(folder, { recursive: true })
const dataDir = mkdtempSync(join(tmpdir(), 'patchbay-bench-'))

const database = async (name: string): Promise<string> => {
  const client = new pg.Client(postgres.url)
  await client.connect()
  await client.query(`CREATE DATABASE "${name}"`)
  await client.end()
  return postgres.url.replace(/\/postgres$/, `/${name}`)
}

async function startOurs() {
  const server = await startChild('../server/main.ts', {
    PATCHBAY_PORT: '0',
    PATCHBAY_DATA_DIR: dataDir,
    PATCHBAY_LOG_LEVEL: 'error',
    PATCHBAY_API_KEY: OWNER_KEY,
    PATCHBAY_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
    PATCHBAY_RATE_LIMIT_PER_MINUTE: '100000000',
    DATABASE_URL: await database('ours'),
  })
  const pool = new Pool(server.url, { connections: 64 })
  // biome-ignore lint/suspicious/noExplicitAny: answers of tools
  const post = async (path: string, body: object): Promise<any> => {
    const { statusCode, body: answer } = await pool.request({
      path,
      method: 'POST',
      headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (statusCode >= 300) throw new Error(`${path}: ${text}`)
    return JSON.parse(text)
  }
  for (const [slug, tier] of [
    ['three', 'standard'],
    ['stored', 'instant'],
  ] as const) {
    await post('/api/v1/tools/create_workflow', { name: slug, slug, tier, code: CODE[slug] })
    await post('/api/v1/tools/publish_workflow', { workflow: slug })
    await post('/api/v1/tools/deploy_workflow', { workflow: slug, environment: 'production' })
  }
  const once = (slug: string) => async (n: number) => {
    const input = { environment: 'production', input: { n, id: String(n) }, waitSeconds: 60 }
    const { execution } = await post(`/api/v1/workflows/${slug}/run`, input)
    if (execution?.status !== 'completed') throw new Error(`ended as ${execution?.status}`)
  }
  const tool = (_url: string, name: string, input: object) => post(`/api/v1/tools/${name}`, input)
  return { server, once, tool }
}

const row = (name: string, { perSecond, p50Ms, p99Ms }: Figures) =>
  console.log(
    `  ${name.padEnd(40)} ${perSecond.toFixed(0).padStart(6)}/s   p50 ${p50Ms.toFixed(1).padStart(7)} ms   p99 ${p99Ms.toFixed(1).padStart(7)} ms`,
  )

console.log(`Node ${process.version}, ${cpus().length} cores`)
const ours = await startOurs()
try {
  for (const name of wanted) {
    const { job, clients, total } = jobs[name]
    const peer = await startPeer(installPeer(folder, name), name, await database(name.replace('-', '_')))
    const what = job === 'three' ? 'three durable steps' : 'request → value set → response'
    console.log(`\n${name}: ${what}, ${clients} clients`)
    const result = await compare(
      ROUNDS,
      () => closedLoop(total, clients, ours.once(job)),
      () => closedLoop(total, clients, (n) => peer.once(n)),
    )
    row(
      job === 'three' ? 'Patchbay, standard, on Postgres' : 'Patchbay, instant, stored on Postgres',
      result.ours,
    )
    row(name === 'node-red' ? 'node-red (stores nothing)' : name, result.limit)
    console.log(`  ratio ${result.ratio.toFixed(2)}`)
    if (name === 'n8n') {
      const taken = await compare(
        ROUNDS,
        () => webhookToCompleted(ours.tool, ours.server, 1_500),
        () => closedLoop(total, clients, (n) => peer.once(n)),
      )
      row('Patchbay, webhook → completed, stored', taken.ours)
      row(name, taken.limit)
      console.log(
        `  ratio ${taken.ratio.toFixed(2)} (ours answers a webhook once it is stored, and runs it then)`,
      )
    }
    await peer.stop()
  }
} finally {
  await ours.server.stop()
  await postgres.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
