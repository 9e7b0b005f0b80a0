import { once } from 'node:events'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { FAIR_PLACES } from '../db/lane-places.ts'
import { createTestDatabase } from './setup/database.ts'
import { deliver } from './setup/flow.ts'
import { type Body, eventually } from './setup/platform.ts'
import { type ServerProcess, startServerProcess } from './setup/server-process.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** Executions a server runs at once. */
const WORKERS = 50

/** Several servers that share a database, as operators run them. */
function promises(environment: () => Record<string, string>): void {
  const cleanUp: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const task of cleanUp.splice(0).reverse()) await task()
  })

  const end = async (server: ServerProcess, signal: NodeJS.Signals): Promise<void> => {
    if (server.child.exitCode !== null || server.child.signalCode !== null) return
    const gone = once(server.child, 'exit')
    server.child.kill(signal)
    await gone
  }

  async function startCluster(count: number, settings: Record<string, string> = {}) {
    const database = await createTestDatabase('postgres')
    cleanUp.push(() => database.drop())
    const upstream = await startUpstream()
    cleanUp.push(() => upstream.close())
    const start = async () => {
      const server = await startServerProcess(database, { ...environment(), ...settings })
      cleanUp.push(() => end(server, 'SIGKILL'))
      return server
    }
    // The first sets the database up; the others find it done.
    const first = await start()
    const others = await Promise.all(Array.from({ length: count - 1 }, start))
    return { servers: [first, ...others], start, upstream }
  }

  async function deploy(server: ServerProcess, slug: string, code: string, settings: object = {}) {
    await server.ok('create_workflow', { name: slug, slug, code, ...settings })
    await server.ok('publish_workflow', { workflow: slug })
    await server.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
    const { trigger } = await server.ok('create_webhook', {
      name: slug,
      verification: { scheme: 'none' },
      routes: [{ workflow: slug, environment: 'dev' }],
    })
    return trigger.id as string
  }

  const visits = (upstream: Upstream) =>
    `export default async (ctx) => (await ctx.fetch('${upstream.url}/' + ctx.input.n, { method: 'POST' })).status`

  const pathsOf = (upstream: Upstream) => upstream.received.map(({ path }) => path)

  const openRuns = async (server: ServerProcess, workflow: string): Promise<number> => {
    let open = 0
    // One after the other, in the order an execution goes through them: none slips by between two looks.
    for (const status of ['queued', 'running', 'queued', 'running'])
      open += (await server.ok('list_executions', { workflow, status, limit: 1 })).executions.length
    return open
  }

  test('what one server deploys or switches off holds at another within a second', async () => {
    const { servers } = await startCluster(2)
    const [one, two] = servers as [ServerProcess, ServerProcess]
    const id = await deploy(one, 'greet', 'export default async () => 1')
    const url = `${two.url}/webhooks/${id}`
    const outputOf = async (): Promise<unknown> => {
      const { body } = await deliver(url, {})
      const execution: Body = await eventually(async () => {
        const found = await two.ok('get_execution', { execution: body.executionIds[0] })
        return found.execution.status === 'completed' && found.execution
      })
      return execution.output
    }
    expect(await outputOf()).toBe(1) // and is remembered by now
    await one.ok('update_workflow', { workflow: 'greet', code: 'export default async () => 2' })
    await one.ok('publish_workflow', { workflow: 'greet' })
    await one.ok('deploy_workflow', { workflow: 'greet', environment: 'dev' })
    await new Promise((next) => setTimeout(next, 900))
    expect(await outputOf()).toBe(2)
    await one.ok('update_trigger', { trigger: id, enabled: false })
    await new Promise((next) => setTimeout(next, 900))
    expect((await deliver(url, {})).status).toBe(404)
  })

  test('what a server took on and does not get to is done by another that has room', async () => {
    const { servers, upstream } = await startCluster(2, { PATCHBAY_WORKER_CONCURRENCY: '1' })
    const [one] = servers as [ServerProcess]
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    upstream.answer = async ({ path }) => {
      if (path === '/0') await held
      return { status: 200, body: {} }
    }
    const id = await deploy(one, 'held', visits(upstream))
    const url = `${one.url}/webhooks/${id}`
    const first = await deliver(url, { n: 0 })
    await eventually(async () => upstream.received.length === 1)
    const second = await deliver(url, { n: 1 })
    const executionOf = async ({ body }: Body): Promise<Body> =>
      (await one.ok('get_execution', { execution: body.executionIds[0] })).execution
    const done = await eventually(async () => {
      const execution = await executionOf(second)
      return execution.status === 'completed' && execution
    })
    expect(done).toMatchObject({ attempt: 1, runs: 2, error: null })
    expect(done.queueMs).toBeGreaterThanOrEqual(200)
    expect(await executionOf(first)).toMatchObject({ status: 'running', runs: 1 })
    release()
    await eventually(async () => (await executionOf(first)).status === 'completed')
    expect(pathsOf(upstream)).toEqual(['/0', '/1'])
  })

  test('a key’s limit and a workflow’s concurrency are those of all servers together', async () => {
    const { servers, upstream } = await startCluster(2)
    const [one] = servers as [ServerProcess, ServerProcess]
    let now = 0
    let most = 0
    upstream.answer = async () => {
      now += 1
      most = Math.max(most, now)
      // The first stay until as many are there as may be.
      do await new Promise((next) => setTimeout(next, 20))
      while (upstream.received.length < 3)
      now -= 1
      return { status: 200, body: {} }
    }
    const id = await deploy(one, 'narrow', visits(upstream), { concurrency: { limit: 3 } })
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => deliver(`${servers[n % 2]?.url}/webhooks/${id}`, { n })),
    )
    await eventually(async () => (await openRuns(one, 'narrow')) === 0, 60_000)
    expect(most).toBe(3)
    expect(new Set(pathsOf(upstream)).size).toBe(60)
    const { executions } = await one.ok('list_executions', { workflow: 'narrow', limit: 100 })
    const runs = executions.map(({ id, attempt, runs }: Body) => ({ id, attempt, runs }))
    expect(upstream.received, JSON.stringify(runs)).toHaveLength(60)

    const { key } = await one.ok('create_api_key', { name: 'small', role: 'viewer', ratePerMinute: 20 })
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const response = await fetch(`${servers[n % 2]?.url}/api/v1/whoami`, {
          headers: { authorization: `Bearer ${key}` },
        })
        await response.arrayBuffer()
        return response.status
      }),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
    expect(statuses.filter((status) => status === 429)).toHaveLength(40)
  })

  test('servers replaced one by one under load lose nothing and do nothing twice', async () => {
    const { servers, start, upstream } = await startCluster(2)
    upstream.answer = async () => {
      await new Promise((next) => setTimeout(next, 10))
      return { status: 200, body: {} }
    }
    const id = await deploy(servers[0] as ServerProcess, 'rolling', visits(upstream))
    const accepted = new Set<number>()
    let sending = true
    let next = 0
    const senders = Array.from({ length: 4 }, async () => {
      while (sending) {
        const n = next++
        // As a sender behind a load balancer: the next server when one does not answer.
        for (let tries = 0; sending && !accepted.has(n); tries += 1) {
          const server = servers[(n + tries) % servers.length]
          const answer = await deliver(`${server?.url}/webhooks/${id}`, { n }, { 'x-n': String(n) }).catch(
            () => undefined,
          )
          if (answer?.status === 202) accepted.add(n)
          else await new Promise((wait) => setTimeout(wait, 50))
        }
      }
    })
    for (let at = 0; at < 2; at += 1) {
      await new Promise((wait) => setTimeout(wait, 500))
      const replacement = await start()
      const [old] = servers.splice(at, 1, replacement)
      if (old !== undefined) await end(old, 'SIGTERM')
    }
    await new Promise((wait) => setTimeout(wait, 500))
    sending = false
    await Promise.all(senders)
    await eventually(async () => (await openRuns(servers[0] as ServerProcess, 'rolling')) === 0, 90_000)
    const done = pathsOf(upstream).map((path) => Number(path.slice(1)))
    expect([...accepted].filter((n) => !done.includes(n))).toEqual([])
    // An answer that got lost with its server makes the sender send again: only such may be there twice.
    const twice = done.filter((n, index) => done.indexOf(n) !== index)
    expect(twice).toEqual([])
    expect(accepted.size).toBeGreaterThan(20)
  })

  test('a customer with thousands waiting does not hold up another’s one run', async () => {
    const { servers, upstream } = await startCluster(1)
    const [one] = servers as [ServerProcess]
    await one.ok('create_customer', { name: 'Flood' })
    await one.ok('create_customer', { name: 'Single' })
    await one.ok('create_workflow', { name: 'work', slug: 'work', code: visits(upstream) })
    await one.ok('publish_workflow', { workflow: 'work' })
    await one.ok('deploy_workflow', { workflow: 'work', environment: 'dev' })
    const hookOf = async (customer: string) => {
      const { trigger } = await one.ok('create_webhook', {
        name: customer,
        customer,
        verification: { scheme: 'none' },
        routes: [{ workflow: 'work', environment: 'dev' }],
      })
      return trigger.webhook.url as string
    }
    const [flood, single] = [await hookOf('flood'), await hookOf('single')]
    // Nothing ends until the flood is in.
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    upstream.answer = async () => {
      await gate
      return { status: 200, body: {} }
    }
    const waiting = 1_500
    for (let sent = 0; sent < waiting; sent += 100)
      await Promise.all(Array.from({ length: 100 }, (_, n) => deliver(flood, { n: `flood-${sent + n}` })))
    await deliver(single, { n: 'single' })
    open()
    await eventually(async () => pathsOf(upstream).includes('/single'), 60_000)
    // Before it was at most the flood's share, and what took the places of its first while this was fetched.
    expect(pathsOf(upstream).indexOf('/single')).toBeLessThanOrEqual(FAIR_PLACES + WORKERS)
    await eventually(async () => (await openRuns(one, 'work')) === 0, 100_000)
    expect(new Set(pathsOf(upstream)).size).toBe(waiting + 1)
  })
}

const hasPostgres = inject('postgresUrl') !== null

describe.skipIf(!hasPostgres)('servers on Postgres (needs a Postgres server)', () => promises(() => ({})))

describe.skipIf(!hasPostgres || inject('redisUrl') === null)(
  'servers on Postgres and Redis (needs both servers)',
  () => promises(() => ({ REDIS_URL: `${inject('redisUrl')}/3` })),
)
