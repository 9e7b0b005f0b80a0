import { Pool } from 'undici'
import { startPostgres, type TestServer } from '../tests/setup/postgres-server.ts'
import { startRedis } from '../tests/setup/redis-server.ts'
import { type Child, startChild } from './child.ts'
import { closedLoop, compare, type Figures } from './measure.ts'

const ROUNDS = 3
/** How often is asked whether all have ended; each answer costs what a few executions cost. */
const LOOK_EVERY_MS = 100

/** So many webhooks by 32 senders, until the last execution has ended; p50 and p99 are times to acknowledge. */
export async function webhookToCompleted(
  tool: QueueBench['tool'],
  server: Child,
  total: number,
): Promise<Figures> {
  const slug = `bench-${Math.random().toString(36).slice(2, 8)}`
  await tool(server.url, 'create_workflow', {
    name: slug,
    slug,
    code: 'export default async (ctx) => ({ id: ctx.input.id })',
  })
  await tool(server.url, 'publish_workflow', { workflow: slug })
  await tool(server.url, 'deploy_workflow', { workflow: slug, environment: 'production' })
  const hook = await tool(server.url, 'create_webhook', {
    name: slug,
    verification: { scheme: 'none' },
    routes: [{ workflow: slug, environment: 'production' }],
  })
  const { pathname } = new URL(hook.trigger.webhook.url)
  const post = poster(server.url, pathname)
  const startedAt = performance.now()
  const accepted = await closedLoop(total, 32, (id) => post({ id }))
  for (;;) {
    const open = await Promise.all(
      ['queued', 'running'].map((status) =>
        tool(server.url, 'list_executions', { workflow: slug, status, limit: 1 }),
      ),
    )
    if (open.every(({ executions }) => executions.length === 0)) break
    await new Promise((next) => setTimeout(next, LOOK_EVERY_MS))
  }
  const elapsed = performance.now() - startedAt
  return { ...accepted, perSecond: (total / elapsed) * 1000 }
}

function poster(url: string, path: string) {
  const pool = new Pool(url, { connections: 32 })
  return async (body: object) => {
    const { statusCode, body: answer } = await pool.request({
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await answer.dump()
    if (statusCode !== 202) throw new Error(`webhook answered ${statusCode}`)
  }
}

async function bareToDone(bare: Child, total: number): Promise<Figures> {
  const done = async () => Number(await (await fetch(bare.url)).text())
  const before = await done()
  const startedAt = performance.now()
  const added = await closedLoop(
    total,
    32,
    (() => {
      const post = poster(bare.url, '/')
      return (id: number) => post({ id })
    })(),
  )
  while ((await done()) - before < total) await new Promise((next) => setTimeout(next, 20))
  return { ...added, perSecond: (total / (performance.now() - startedAt)) * 1000 }
}

export interface QueueBench {
  row: (name: string, figures: Figures) => void
  startServer: (env: Record<string, string>) => Promise<Child>
  newFolder: () => string
  // biome-ignore lint/suspicious/noExplicitAny: answers of tools
  tool: (url: string, name: string, input: object) => Promise<any>
  /** Of embedded, postgres, redis; none named: all. */
  backends: readonly string[]
}

/** Webhook to completed, on each backend, beside bare BullMQ on the same. */
export async function benchQueue({
  row,
  startServer,
  newFolder,
  tool,
  backends: named,
}: QueueBench): Promise<void> {
  console.log(
    '\nWebhook to completed execution, 32 senders, against bare BullMQ on the same backend (p50, p99: time to acknowledge)',
  )
  const postgres = await startPostgres()
  const redis = await startRedis()
  const onPostgres = (server: TestServer, name: string) => ({
    DATABASE_URL: server.url.replace(/\/postgres$/, `/${name}`),
  })
  if (postgres !== undefined) await createDatabases(postgres)
  const backends: [string, Record<string, string>, Record<string, string>, number][] = [
    ['embedded', {}, {}, 1000],
  ]
  if (postgres !== undefined)
    backends.push(['Postgres', onPostgres(postgres, 'ours'), onPostgres(postgres, 'bare'), 3000])
  if (postgres !== undefined && redis !== undefined) {
    backends.push([
      'Redis + Postgres',
      { ...onPostgres(postgres, 'ours_redis'), REDIS_URL: `${redis.url}/1` },
      { ...onPostgres(postgres, 'bare_redis'), REDIS_URL: `${redis.url}/2` },
      3000,
    ])
  }
  const asked = backends.filter(([name]) => named.some((one) => name.toLowerCase().startsWith(one)))
  for (const [name, ourEnv, bareEnv, total] of asked.length > 0 ? asked : backends) {
    const [server, bare] = await Promise.all([
      startServer(ourEnv),
      startChild('./bare-queue.ts', { DATA_DIR: newFolder(), ...bareEnv }),
    ])
    const result = await compare(
      ROUNDS,
      () => webhookToCompleted(tool, server, total),
      () => bareToDone(bare, total),
    )
    row(`Patchbay on ${name}`, result.ours)
    row(`bare BullMQ on ${name}`, result.limit)
    console.log(`  ratio ${result.ratio.toFixed(2)}   (aim ≥ 0.7)`)
    await Promise.all([server.stop(), bare.stop()])
  }
  if (postgres === undefined) console.log('  skipped: Postgres (no server binaries here)')
  if (redis === undefined) console.log('  skipped: Redis (redis-server is not installed)')
  await postgres?.stop()
  await redis?.stop()
}

/** Databases for each side of a comparison. */
export async function createDatabases(server: TestServer): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(server.url)
  await client.connect()
  for (const name of ['ours', 'bare', 'ours_redis', 'bare_redis'])
    await client.query(`CREATE DATABASE ${name}`)
  await client.end()
}
