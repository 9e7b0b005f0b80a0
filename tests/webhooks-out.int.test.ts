import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOnEachDatabase } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { type Received, startUpstream, type Upstream } from './setup/upstream.ts'

describeOnEachDatabase('a product is told of events', (kind) => {
  let platform: TestPlatform
  let tenant: Tenant
  let product: Upstream
  let app: Upstream

  beforeAll(async () => {
    platform = await startTestPlatform(kind)
    tenant = await platform.organization()
    product = await startUpstream()
    app = await startUpstream()
    await tenant.ok('create_connector', {
      name: 'App',
      slug: 'app',
      baseUrl: app.url,
      authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Token' }],
    })
    await tenant.ok('create_action', { connector: 'app', slug: 'me', name: 'Me', method: 'GET', path: '/me' })
    await tenant.ok('update_connector', { connector: 'app', verification: { action: 'me', input: {} } })
  })
  afterAll(async () => {
    await platform.close()
    await product.close()
    await app.close()
  })

  const told = (path: string): Received[] => product.received.filter((request) => request.path === path)
  const bodyOf = (request: Received | undefined): Body => JSON.parse(request?.body ?? 'null') as Body
  const endpoint = (path: string, settings: object = {}) =>
    tenant.ok('create_webhook_endpoint', { url: `${product.url}${path}`, ...settings })
  const connect = (name: string) =>
    tenant.ok('create_connection', { connector: 'app', name, credentials: { token: 'hunter2' } })

  test('by a POST that the standard verifier accepts, and that holds no credential', async () => {
    const { secret } = await endpoint('/signed')
    const { connection } = await connect('Signed')
    const [request] = await eventually(() => {
      const requests = told('/signed')
      return Promise.resolve(requests.length > 0 && requests)
    })
    const verified = new Webhook(secret).verify(
      request?.body ?? '',
      request?.headers as Record<string, string>,
    ) as Body
    expect(verified).toMatchObject({
      type: 'connection.created',
      data: { connectionId: connection.id, connector: 'app', status: 'active' },
    })
    expect(request?.body).not.toContain('hunter2')
    expect(() =>
      new Webhook(secret).verify(`${request?.body} `, request?.headers as Record<string, string>),
    ).toThrow()
  })

  test('of those events only that it asked for', async () => {
    await endpoint('/failed', { eventTypes: ['connection.failed'] })
    const { connection } = await connect('Fails')
    app.answer = () => ({ status: 401, body: { message: 'no' } })
    await tenant.call('verify_connection', { connection: connection.id })
    await tenant.call('verify_connection', { connection: connection.id })
    app.answer = () => ({ status: 200, body: {} })
    await eventually(() => Promise.resolve(told('/failed').length > 0))
    await tenant.ok('delete_connection', { connection: connection.id })
    await eventually(async () => {
      const { webhookDeliveries } = await tenant.ok('list_webhook_deliveries', { status: 'pending' })
      return webhookDeliveries.length === 0
    })
    expect(told('/failed').map((request) => bodyOf(request).type)).toEqual(['connection.failed'])
  })

  test('again when it did not take it, under the same id, and by hand', async () => {
    product.answer = ({ path }) =>
      path === '/flaky' && told('/flaky').length === 1
        ? { status: 500, body: { message: 'asleep' } }
        : { status: 200, body: {} }
    const { webhookEndpoint } = await endpoint('/flaky', { eventTypes: ['connection.created'] })
    await connect('Flaky')
    const pending = await eventually(async () => {
      const { webhookDeliveries } = await tenant.ok('list_webhook_deliveries', {
        webhookEndpoint: webhookEndpoint.id,
      })
      return webhookDeliveries[0]?.lastStatus === 500 && webhookDeliveries[0]
    })
    expect(pending).toMatchObject({
      status: 'pending',
      attempts: 1,
      lastError: expect.stringContaining('asleep'),
    })
    expect(Date.parse(pending.dueAt)).toBeGreaterThan(Date.now())
    await tenant.ok('redeliver_webhook', { delivery: pending.id })
    await eventually(() => Promise.resolve(told('/flaky').length === 2))
    const ids = told('/flaky').map(({ headers }) => headers['webhook-id'])
    expect(ids).toEqual([pending.id, pending.id])
  })

  test('not of what another organization does, nor by a customer’s key', async () => {
    const other = await platform.organization('Other')
    const { webhookEndpoint } = await other.ok('create_webhook_endpoint', { url: `${product.url}/other` })
    await connect('Not theirs')
    expect((await other.ok('list_webhook_deliveries')).webhookDeliveries).toEqual([])
    const { status } = await tenant.call('update_webhook_endpoint', {
      webhookEndpoint: webhookEndpoint.id,
      enabled: false,
    })
    expect(status).toBe(404)
  })
})
