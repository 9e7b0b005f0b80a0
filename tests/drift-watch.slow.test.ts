import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

const CUSTOMER = { type: 'object', properties: { id: { type: 'string' } } }
const operation = (name: string, parameters: object[] = []) => ({
  get: {
    ...{ operationId: name, summary: name, parameters },
    responses: { 200: { description: 'ok', content: { 'application/json': { schema: CUSTOMER } } } },
  },
})
const query = (name: string) => ({ name, in: 'query', required: true, schema: { type: 'string' } })
const specOf = (paths: object) => ({
  ...{ openapi: '3.1.0', info: { title: 'Shop', version: '1' }, paths },
  servers: [{ url: 'https://shop.example' }],
})
const before = specOf({ '/orders': operation('list_orders') })
const changed = specOf({ '/orders': operation('list_orders', [query('status')]) })

let published: object | undefined
let upstream: Server
let server: TestPlatform
let tenant: Tenant
let url: string
beforeAll(async () => {
  upstream = createServer((_req, res) => {
    if (published === undefined) res.writeHead(503).end()
    else res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(published))
  })
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/openapi.json`
  server = await startTestPlatform('embedded', {}, { driftEveryMs: 100 })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

/** A connector that is watched and has been looked at once. */
async function watched(): Promise<void> {
  tenant = await server.organization()
  published = before
  await tenant.ok('import_spec', { url, slug: 'shop' })
  await tenant.ok('create_webhook_endpoint', {
    url: 'https://product.example/hooks',
    eventTypes: ['connector.drifted', 'connector.drift_check_failed'],
  })
  const { watch } = await tenant.ok('watch_connector_drift', { connector: 'shop', everyHours: 24 })
  expect(watch).toMatchObject({ connector: 'shop', everyHours: 24, lastLookAt: null, run: null })
  await nextLook()
}

const theWatch = async (): Promise<Body> => (await tenant.ok('list_drift_watches')).watches[0]

/** Has it be due, and waits until it was looked. */
async function nextLook(): Promise<Body> {
  const { lastLookAt } = await theWatch()
  const scope = { organizationId: tenant.organizationId, customerIds: null }
  await server.platform.db.tenant(scope, (tx) => tx.run('UPDATE drift_watches SET due_at = now()'))
  return eventually(async () => {
    const watch = await theWatch()
    return watch.lastLookAt !== lastLookAt && watch
  })
}

const runs = async (): Promise<Body[]> =>
  (await tenant.ok('list_agent_runs', { agent: 'connector_repairer' })).runs
const question = (run: string) =>
  eventually(
    async () => (await tenant.ok('get_agent_run', { run })).run.question ?? (undefined as Body | undefined),
  )
const told = async (): Promise<Body[]> =>
  (await tenant.ok('list_webhook_deliveries')).webhookDeliveries.map(({ type, payload }: Body) => ({
    ...{ type, data: payload?.data },
  }))

describe('an API that is watched', () => {
  test('is proposed to a person once it has changed, with what that hits; approved, the changes are taken over', async () => {
    await watched()
    expect(await runs()).toEqual([])
    published = changed
    const { run } = await nextLook()
    const asked = await question(run)
    expect(asked).toMatchObject({
      point: 'after_discovery',
      details: { changes: { breaking: [expect.anything()] }, impact: { workflows: [], connections: 0 } },
    })
    expect((await told()).map(({ type }) => type)).toEqual(['connector.drifted'])
    // It is not proposed again while it waits, nor by a process that does not know that it was.
    expect((await nextLook()).run).toBe(run)
    const scope = { organizationId: tenant.organizationId, customerIds: null }
    await server.platform.db.tenant(scope, (tx) =>
      tx.run('UPDATE drift_watches SET proposed = NULL, run_id = NULL'),
    )
    expect((await nextLook()).run).toBe(run)
    expect(await runs()).toHaveLength(1)
    await tenant.ok('answer_agent_run', { run, question: asked.id, answer: { proceed: true } })
    await eventually(async () => {
      const { definition } = await tenant.ok('export_connector', { connector: 'shop' })
      return definition.actions[0].parameters.some(({ name }: Body) => name === 'status')
    })
    expect((await nextLook()).problem).toBeNull()
    expect(await runs()).toHaveLength(1)
  }, 120_000)

  test('changes that were refused are not proposed again; others are', async () => {
    await watched()
    published = changed
    const { run } = await nextLook()
    const { id } = await question(run)
    await tenant.ok('answer_agent_run', { run, question: id, answer: { proceed: false } })
    await eventually(async () => (await tenant.ok('get_agent_run', { run })).run.status === 'completed')
    await nextLook()
    expect(await runs()).toHaveLength(1)
    published = specOf({ '/orders': operation('list_orders', [query('colour')]) })
    expect((await nextLook()).run).not.toBe(run)
    expect(await runs()).toHaveLength(2)
  }, 120_000)

  test('a proposal whose run failed before anybody was asked is made again', async () => {
    await watched()
    published = changed
    const { run } = await nextLook()
    await question(run)
    const scope = { organizationId: tenant.organizationId, customerIds: null }
    await server.platform.db.tenant(scope, (tx) =>
      tx.run("UPDATE agent_runs SET status = 'failed', ended_at = now() WHERE id = $1", [run]),
    )
    expect((await nextLook()).run).not.toBe(run)
    expect(await told()).toMatchObject([
      { type: 'connector.drifted', data: { connector: 'shop', breaking: 1, workflows: 0 } },
      { type: 'connector.drifted', data: { run } },
    ])
  }, 120_000)

  test('a description that is away is tried again sooner and told at the third time; back, all is forgotten', async () => {
    await watched()
    published = undefined
    const first = await nextLook()
    expect(first).toMatchObject({ failures: 1, problem: expect.stringContaining('503') })
    expect(Date.parse(first.nextLookAt) - Date.now()).toBeLessThan(20 * 60_000)
    await nextLook()
    expect(await told()).toEqual([])
    await nextLook()
    expect(await told()).toMatchObject([{ type: 'connector.drift_check_failed' }])
    published = before
    const back = await nextLook()
    expect(back).toMatchObject({ failures: 0, problem: null })
    expect(Date.parse(back.nextLookAt) - Date.now()).toBeGreaterThan(23 * 3_600_000)
  }, 120_000)

  test('it is looked as the key may that watches: revoked, nothing is read and the reason stands there', async () => {
    await watched()
    const { apiKey, key } = await tenant.ok('create_api_key', {
      name: 'watcher',
      role: 'developer',
      mode: 'live',
    })
    await tenant.ok('watch_connector_drift', { connector: 'shop', everyHours: 1 }, key)
    expect((await nextLook()).key).toBe(apiKey.id)
    await tenant.ok('revoke_api_key', { key: apiKey.id })
    published = changed
    expect(await nextLook()).toMatchObject({ failures: 1, problem: expect.stringContaining('revoked') })
    expect(await runs()).toEqual([])
  }, 120_000)

  test('what cannot be read again is refused, watching ends, and a watch ends with its connector', async () => {
    await watched()
    await tenant.ok('create_connector', { name: 'By hand', slug: 'byHand', baseUrl: 'https://x.example' })
    const refused = await tenant.call('watch_connector_drift', { connector: 'byHand' })
    expect([refused.status, refused.body.where]).toEqual([400, 'connector'])
    await tenant.ok('unwatch_connector_drift', { connector: 'shop' })
    expect((await tenant.call('unwatch_connector_drift', { connector: 'shop' })).status).toBe(404)
    await tenant.ok('watch_connector_drift', { connector: 'shop' })
    await tenant.ok('delete_connector', { connector: 'shop' })
    expect((await tenant.ok('list_drift_watches')).watches).toEqual([])
  }, 120_000)
})
