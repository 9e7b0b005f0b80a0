/**
 * `npm run soak`: steady load for a long time, to see whether anything grows that should not.
 *   npm run soak -- --minutes 30 --rate 20 --on postgres --out soak.json
 * A server and a worker as processes of their own, on a Postgres (and Redis) of their own. Prints a line for each
 * period and, at the end, how the last third compares with the second; the first is the warm-up.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startPostgres } from '../../tests/setup/postgres-server.ts'
import { startRedis } from '../../tests/setup/redis-server.ts'
import { startServerProcess, startWorkerProcess } from '../../tests/setup/server-process.ts'
import { startChild } from '../child.ts'
import { figures } from '../measure.ts'
import { type DatabaseSample, type ProcessSample, watchDatabase, watchProcess } from './watch.ts'

const PERIODS = 30
const LEAST_PERIOD_SECONDS = 5
const TRY_MS = 30_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '20' },
    on: { type: 'string', default: 'postgres' },
    out: { type: 'string', default: 'data/soak.json' },
  },
})
const minutes = Number(values.minutes)
const periodSeconds = Math.max(LEAST_PERIOD_SECONDS, (minutes * 60) / PERIODS)
const periods = Math.max(1, Math.round((minutes * 60) / periodSeconds))

/** One in ten sleeps long enough to be put aside, so that waiting and waking are under way all the time. */
const CODE = `export default async (ctx) => {
  const widget = await ctx.connectors.soak.get_widget({ id: String(ctx.input.n) })
  const kept = await ctx.step('price', () => ({ price: Number(widget.price) * 2 }))
  await ctx.state.set('last', { n: ctx.input.n, ...kept })
  if (ctx.input.n % 10 === 0) await ctx.sleep('6s')
  ctx.log.info('priced', kept.price)
  return (await ctx.connectors.soak.get_widget({ id: 'again' })).name
}`
const API = {
  openapi: '3.0.3',
  info: { title: 'soak', version: '1' },
  paths: {
    '/widgets/{id}': {
      get: {
        operationId: 'get_widget',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: { description: 'ok' } },
      },
    },
  },
}

interface Sample extends DatabaseSample {
  seconds: number
  delivered: number
  refused: number
  /** From sent to 202. */
  acceptP50Ms: number
  acceptP99Ms: number
  processes: ProcessSample[]
}

const folder = mkdtempSync(join(tmpdir(), 'patchbay-soak-'))
const probeFile = join(folder, 'probe')
const postgres = await startPostgres({ durable: true })
if (postgres === undefined) throw new Error('a soak needs a Postgres server')
const redis = values.on === 'redis' ? await startRedis() : undefined
const upstream = await startChild('./upstream.ts')
const where = { databaseUrl: postgres.url, dataDir: folder }
const environment = {
  PATCHBAY_RATE_LIMIT_PER_MINUTE: '100000000',
  NODE_OPTIONS: `--import ${new URL('./probe.ts', import.meta.url)}`,
  SOAK_PROBE_FILE: probeFile,
  ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
}
const server = await startServerProcess(where, environment)
const worker = await startWorkerProcess(where, { ...environment, PATCHBAY_LOG_LEVEL: 'info' })
const client = new pg.Client(postgres.url)
await client.connect()

await server.ok('import_spec', { slug: 'soak', baseUrl: upstream.url, spec: JSON.stringify(API) })
await server.ok('create_workflow', { name: 'soak', slug: 'soak', code: CODE })
await server.ok('publish_workflow', { workflow: 'soak' })
await server.ok('deploy_workflow', { workflow: 'soak', environment: 'dev' })
const { trigger } = await server.ok('create_webhook', {
  name: 'soak',
  verification: { scheme: 'none' },
  routes: [{ workflow: 'soak', environment: 'dev' }],
})

let times: number[] = []
let refused = 0
let next = 0
const deliver = async () => {
  const startedAt = performance.now()
  try {
    const response = await fetch(trigger.webhook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ n: next++ }),
      signal: AbortSignal.timeout(TRY_MS),
    })
    await response.arrayBuffer()
    if (response.status !== 202) throw new Error(`answered ${response.status}`)
    times.push(performance.now() - startedAt)
  } catch {
    refused += 1 // counted and printed: a soak goes on
  }
}
const load = setInterval(deliver, 1000 / Number(values.rate))

const cell = (value: number | null, width: number, digits = 0) =>
  (value === null ? '–' : value.toFixed(digits)).padStart(width)
console.log(
  `${minutes} minutes, ${values.rate} webhooks a second, ${redis === undefined ? 'Postgres' : 'Postgres and Redis'}`,
)
console.log(
  '   time  sent  done fail | queued running waiting | 202 p50   p99 | done p50    p99 ms |  db MB | RSS MB server sandbox worker sandbox | heap MB server worker | handles | files',
)
const samples: Sample[] = []
const since = new Map<number, number>()
for (let period = 1; period <= periods; period += 1) {
  await new Promise((elapsed) => setTimeout(elapsed, periodSeconds * 1000))
  const accepted = times
  times = []
  const { p50Ms: acceptP50Ms, p99Ms: acceptP99Ms } = figures(accepted, periodSeconds * 1000)
  const sample: Sample = {
    seconds: period * periodSeconds,
    delivered: accepted.length,
    refused,
    acceptP50Ms,
    acceptP99Ms,
    ...(await watchDatabase(client, periodSeconds)),
    processes: [
      ...watchProcess('server', server.child.pid ?? 0, probeFile, since),
      ...watchProcess('worker', worker.pid ?? 0, probeFile, since),
    ],
  }
  samples.push(sample)
  const { processes } = sample
  const own = processes.filter(({ heapMb }) => heapMb !== null)
  console.log(
    `${cell(sample.seconds, 6)}s ${cell(sample.delivered, 5)} ${cell(sample.completed, 5)} ${cell(sample.failed + refused, 4)} | ` +
      `${cell(sample.queued, 6)} ${cell(sample.running, 7)} ${cell(sample.waiting, 7)} | ` +
      `${cell(acceptP50Ms, 7)} ${cell(acceptP99Ms, 5)} | ${cell(sample.p50Ms, 8)} ${cell(sample.p99Ms, 6)}    | ${cell(sample.databaseMb, 6)} | ` +
      `${processes.map(({ rssMb }) => cell(rssMb, 8)).join('')}     | ${own.map(({ heapMb }) => cell(heapMb, 7)).join('')} | ` +
      `${own.map(({ handles }) => handles).join(' ')} | ${processes.map(({ files }) => files).join(' ')}`,
  )
}
clearInterval(load)

/** The median of a figure over the last third against the one over the second. */
const third = Math.floor(samples.length / 3)
const growth = (pick: (sample: Sample) => number | null) => {
  const middle = (of: readonly Sample[]) =>
    of.map((sample) => pick(sample) ?? Number.NaN).toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ??
    Number.NaN
  return { second: middle(samples.slice(third, 2 * third)), last: middle(samples.slice(2 * third)) }
}
const names = samples.at(-1)?.processes.map(({ name }) => name) ?? []
const summary = Object.fromEntries([
  ...names.map((name) => [
    `RSS MB, ${name}`,
    growth(({ processes }) => processes.find((one) => one.name === name)?.rssMb ?? null),
  ]),
  ...['server', 'worker'].map((name) => [
    `heap MB, ${name}`,
    growth(({ processes }) => processes.find((one) => one.name === name)?.heapMb ?? null),
  ]),
  ...names.map((name) => [
    `open files, ${name}`,
    growth(({ processes }) => processes.find((one) => one.name === name)?.files ?? null),
  ]),
  ['202, p99 ms', growth(({ acceptP99Ms }) => acceptP99Ms)],
  ['completed, p50 ms', growth(({ p50Ms }) => p50Ms)],
  ['completed, p99 ms', growth(({ p99Ms }) => p99Ms)],
  ['queued', growth(({ queued }) => queued)],
]) as Record<string, { second: number; last: number }>
console.log('\nmedian of the second third → of the last')
for (const [name, { second, last }] of Object.entries(summary))
  console.log(`  ${name.padEnd(28)} ${second.toFixed(1).padStart(9)} → ${last.toFixed(1).padStart(9)}`)
const perExecution =
  (((samples.at(-1)?.databaseMb ?? 0) - (samples[0]?.databaseMb ?? 0)) * 1024) /
  Math.max(
    1,
    samples.slice(1).reduce((sum, { completed }) => sum + completed, 0),
  )
console.log(`  database: ${perExecution.toFixed(1)} kB for each execution`)

const out = resolve(values.out)
mkdirSync(dirname(out), { recursive: true })
writeFileSync(
  out,
  JSON.stringify({ minutes, rate: Number(values.rate), on: values.on, summary, samples }, null, 1),
)
console.log(`\nAll samples: ${values.out}`)

await client.end()
server.child.kill('SIGKILL')
worker.kill('SIGKILL')
await upstream.stop()
await redis?.stop()
await postgres.stop()
rmSync(folder, { recursive: true, force: true })
process.exit(0)
