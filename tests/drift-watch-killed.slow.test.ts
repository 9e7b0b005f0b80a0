import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createTestDatabase } from './setup/database.ts'
import { type AgentServer, startAgentServer } from './setup/kill-at-every-node.ts'
import { type Body, eventually } from './setup/platform.ts'

const specOf = (paths: string[]) => ({
  ...{ openapi: '3.1.0', info: { title: 'Shop', version: '1' }, servers: [{ url: 'https://shop.example' }] },
  paths: Object.fromEntries(
    paths.map((path) => [
      path,
      { get: { operationId: path.slice(1), responses: { 200: { description: 'ok' } } } },
    ]),
  ),
})

const RUN_MS = 120_000

describe.skipIf(inject('postgresUrl') === null)('a look at an API (needs a Postgres server)', () => {
  let upstream: Server
  let published: object
  /** What happens when the description is asked for, before it is given. */
  let asked: () => Promise<void>
  beforeAll(async () => {
    upstream = createServer((_request, response) => {
      void asked().then(() =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(published)),
      )
    })
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
  })
  afterAll(() => void upstream.close())

  interface World {
    start(): Promise<void>
    server(): AgentServer
    /** kill -9, and away it is. */
    kill(): Promise<void>
    sql: pg.Client
    repairs(): Promise<Body[]>
    looked(): Promise<Body>
  }

  /** A server that looks often, at an API that has lost an operation since it was imported. */
  async function watching(): Promise<World> {
    const database = await createTestDatabase('postgres')
    onTestFinished(() => database.drop())
    const sql = new pg.Client({ connectionString: database.databaseUrl })
    await sql.connect()
    onTestFinished(() => sql.end())
    let server: AgentServer | undefined
    onTestFinished(async () => void (await server?.stop()))
    const environment = { DATABASE_URL: database.databaseUrl ?? '', DRIFT_EVERY_MS: '100' }
    const world: World = {
      sql,
      start: async () => {
        server = await startAgentServer(database.dataDir, environment)
      },
      server: () => {
        if (server === undefined) throw new Error('no server was started')
        return server
      },
      kill: async () => {
        const { child } = world.server()
        child.kill('SIGKILL')
        if (child.signalCode === null) await once(child, 'exit')
      },
      repairs: async () =>
        (await world.server().ok('list_agent_runs', { agent: 'connector_repairer' })).runs as Body[],
      looked: () =>
        eventually(async () => {
          const [watch] = (await world.server().ok('list_drift_watches')).watches
          return watch.lastLookAt !== null && (watch as Body)
        }, RUN_MS),
    }
    await world.start()
    asked = async () => {}
    published = specOf(['/orders', '/refunds'])
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/openapi.json`
    await world.server().ok('import_spec', { url, slug: 'shop' })
    await world.server().ok('create_webhook_endpoint', {
      url: 'https://product.example/hooks',
      eventTypes: ['connector.drifted', 'connector.drift_check_failed'],
    })
    published = specOf(['/orders'])
    return world
  }

  const watch = (world: World) =>
    world.server().ok('watch_connector_drift', { connector: 'shop', everyHours: 24 })

  /** Its lease is over. */
  const due = (world: World) => world.sql.query('UPDATE patchbay.drift_watches SET due_at = now()')

  /** What has to be there in the end, whatever was killed: one proposal that waits for a person, told once. */
  async function outcome(world: World): Promise<Body> {
    const { run, problem } = await world.looked()
    const question = await eventually(
      async () =>
        (await world.server().ok('get_agent_run', { run })).run.question ?? (undefined as Body | undefined),
      RUN_MS,
    )
    const { webhookDeliveries } = await world.server().ok('list_webhook_deliveries')
    return {
      problem,
      runs: (await world.repairs()).map(({ id, status }) => [id === run, status]),
      question: question.point,
      told: webhookDeliveries.map(({ type }: Body) => type),
      actions: (await world.server().ok('list_actions', { connector: 'shop' })).actions.length,
    }
  }
  const EXPECTED = {
    ...{ problem: null, runs: [[true, 'waiting']], question: 'after_discovery' },
    ...{ told: ['connector.drifted'], actions: 2 },
  }

  test(
    'undisturbed, proposes what has changed once',
    async () => {
      const world = await watching()
      await watch(world)
      expect(await outcome(world)).toEqual(EXPECTED)
    },
    RUN_MS * 2,
  )

  test(
    'killed while the description is read, is made again',
    async () => {
      const world = await watching()
      const reading = Promise.withResolvers<void>()
      asked = async () => {
        reading.resolve()
        await world.kill()
      }
      await watch(world).catch(() => undefined)
      await reading.promise
      await world.kill()
      asked = async () => {}
      await world.start()
      expect(await world.repairs()).toEqual([])
      await due(world)
      expect(await outcome(world)).toEqual(EXPECTED)
    },
    RUN_MS * 2,
  )

  test(
    'killed between the start of the proposal and its note, proposes it no second time',
    async () => {
      const world = await watching()
      let isHeld = false
      asked = async () => {
        if (isHeld) return
        isHeld = true
        // The look is taken; its note has to wait for this lock.
        await world.sql.query('BEGIN')
        await world.sql.query('SELECT FROM patchbay.drift_watches FOR UPDATE')
      }
      await watch(world)
      const [first] = await eventually(async () => {
        const runs = await world.repairs()
        return runs.length > 0 && runs
      }, RUN_MS)
      await world.kill()
      await world.sql.query('ROLLBACK')
      await world.start()
      const [noted] = (await world.server().ok('list_drift_watches')).watches
      expect(noted).toMatchObject({ lastLookAt: null, run: null })
      await due(world)
      expect(await outcome(world)).toEqual(EXPECTED)
      expect((await world.repairs())[0]?.id).toBe(first?.id)
    },
    RUN_MS * 2,
  )
})
