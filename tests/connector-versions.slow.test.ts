import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOnBothDatabases } from './setup/database.ts'
import { deployWorkflow } from './setup/flow.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** An API description with these operations. */
const spec = (url: string, operations: Record<string, object>) =>
  JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Shop', version: '1' },
    servers: [{ url }],
    components: { securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Key' } } },
    security: [{ key: [] }],
    paths: Object.fromEntries(
      Object.entries(operations).map(([operationId, operation]) => [
        `/${operationId}`,
        { get: { operationId, responses: { 200: { description: 'OK' } }, ...operation } },
      ]),
    ),
  })
const query = (name: string, required = false) => ({
  parameters: [{ name, in: 'query', required, schema: { type: 'string' } }],
})

describeOnBothDatabases('versions of a connector', (kind) => {
  let platform: TestPlatform
  let tenant: Tenant
  let app: Upstream
  beforeAll(async () => {
    platform = await startTestPlatform(kind)
    tenant = await platform.organization()
    app = await startUpstream()
  })
  afterAll(async () => {
    await platform.close()
    await app.close()
  })

  const importing = (
    slug: string,
    operations: Record<string, object>,
    settings: object = {},
  ): Promise<Body> =>
    tenant.ok('import_spec', { spec: spec(app.url, operations), slug, onConflict: 'replace', ...settings })

  test('a newer import tells what changed, what breaks, and what that reaches', async () => {
    await importing('shop', { listOrders: query('page'), getStock: {}, getOld: {} })
    await tenant.ok('create_connection', {
      connector: 'shop',
      credentials: { apiKey: 'k' },
      verify: false,
    })
    await deployWorkflow(tenant, 'uses-old', 'export default async (ctx) => ctx.connectors.shop.get_old({})')
    const next = { listOrders: query('shop', true), getStock: {}, getNew: {} }
    const preview = await importing('shop', next, { preview: true })
    expect((await tenant.ok('get_connector', { connector: 'shop' })).connector.version).toBe(1)

    const { connector, changes, impact } = await importing('shop', next)
    expect(connector.version).toBe(2)
    expect(changes).toMatchObject({
      added: ['get_new'],
      removed: ['get_old'],
      changed: [{ action: 'list_orders' }],
    })
    expect(changes.breaking.map(({ action, where }: Body) => `${action} ${where}`)).toEqual(
      expect.arrayContaining(['get_old action', 'list_orders input.shop']),
    )
    expect(impact).toMatchObject({
      workflows: [{ workflow: 'uses-old', deployed: true, actions: ['get_old'] }],
      connections: 1,
    })
    expect(preview.changes).toEqual(changes)
    expect((await importing('shop', next)).connector.version).toBe(2)
  })

  test('what was changed by hand stays through a newer import, and is named', async () => {
    await importing('kept', { listOrders: query('page') })
    const pagination = { type: 'page', parameter: 'page', items: 'orders' }
    await tenant.ok('update_action', { connector: 'kept', action: 'list_orders', pagination })
    await tenant.ok('update_connector', {
      connector: 'kept',
      verification: { action: 'list_orders', input: {} },
      errors: [{ when: { ok: false } }],
    })
    const { kept, connector } = await importing('kept', { listOrders: query('page'), getNew: {} })
    expect(kept).toEqual(expect.arrayContaining(['errors', 'list_orders.pagination']))
    expect(connector).toMatchObject({ version: 3, verification: { action: 'list_orders' }, actionCount: 2 })
    const { action } = await tenant.ok('get_action', { connector: 'kept', action: 'list_orders' })
    expect(action.pagination).toEqual(pagination)
    const { versions } = await tenant.ok('list_connector_versions', { connector: 'kept' })
    expect(versions.map(({ version, origin }: Body) => [version, origin])).toEqual([
      [3, 'import'],
      [2, 'edit'],
      [1, 'import'],
    ])
  })

  test('a customer who is held on a version goes on with it while others move', async () => {
    await importing('pinned', { getThing: query('id') })
    const customers: Body[] = []
    for (const name of ['Held', 'Moving']) {
      const { customer } = await tenant.ok('create_customer', { name: `${name} ${kind}` })
      customers.push(customer)
      await tenant.ok('create_connection', {
        connector: 'pinned',
        customer: customer.id,
        credentials: { apiKey: name },
        verify: false,
      })
    }
    const [held, moving] = customers
    expect(
      await tenant.ok('pin_connector_version', { connector: 'pinned', customer: held?.id }),
    ).toMatchObject({ version: 1 })
    await tenant.ok('update_action', { connector: 'pinned', action: 'get_thing', path: '/v2/thing' })
    const called = async (customer: Body | undefined) => {
      await tenant.ok('run_action', {
        connector: 'pinned',
        action: 'get_thing',
        customer: customer?.id,
        input: { id: '7' },
      })
      return app.received.at(-1)?.path
    }
    expect(await called(held)).toBe('/getThing?id=7')
    expect(await called(moving)).toBe('/v2/thing?id=7')

    await importing('pinned', { getOther: {} }, { slug: 'pinned' })
    expect(await called(held)).toBe('/getThing?id=7')
    // What agents are shown is what calls do.
    const shown = async (customer: Body | undefined) =>
      (await tenant.ok('search_actions', { query: 'get', customer: customer?.id })).actions.map(
        ({ action }: Body) => action,
      )
    expect(await shown(held)).toEqual(['get_thing'])
    expect(await shown(moving)).toEqual(['get_other'])
    const describe = { connector: 'pinned', action: 'get_thing' }
    const described = await tenant.ok('describe_action', { ...describe, customer: held?.id })
    expect(described.inputSchema.properties).toHaveProperty('id')
    expect((await tenant.call('describe_action', { ...describe, customer: moving?.id })).status).toBe(404)
    const old = await tenant.ok('get_connector_version', {
      connector: 'pinned',
      version: 1,
      action: 'get_thing',
    })
    expect(old).toMatchObject({ version: { version: 1, pinnedCustomers: 1 }, action: { path: '/getThing' } })
    const { pins } = await tenant.ok('list_connector_pins', { connector: 'pinned' })
    expect(pins).toMatchObject([{ customerId: held?.id, version: 1 }])
    await tenant.ok('unpin_connector_version', { connector: 'pinned', customer: held?.id })
    expect(
      (await tenant.call('unpin_connector_version', { connector: 'pinned', customer: held?.id })).status,
    ).toBe(404)
  })

  test('the account of a customer who is held is verified, and its actions counted, as that version has them', async () => {
    await importing('tried', { getThing: query('id'), getSome: {}, getAll: {} })
    const verification = { action: 'get_thing', input: { id: '1' } }
    await tenant.ok('update_connector', { connector: 'tried', verification })
    const accounts: { customer: string; connection: string }[] = []
    for (const name of ['Stays', 'Goes']) {
      const { customer } = await tenant.ok('create_customer', { name: `${name} ${kind}` })
      const { connection } = await tenant.ok('create_connection', {
        connector: 'tried',
        customer: customer.id,
        credentials: { apiKey: name },
        verify: false,
      })
      accounts.push({ customer: customer.id, connection: connection.id })
    }
    const [stays, goes] = accounts
    await tenant.ok('pin_connector_version', { connector: 'tried', customer: stays?.customer })
    await importing('tried', { getThing: query('id') })
    await tenant.ok('update_action', { connector: 'tried', action: 'get_thing', path: '/v2/thing' })
    const newer = { action: 'get_thing', input: { id: '2' } }
    await tenant.ok('update_connector', { connector: 'tried', verification: newer })

    const asked = async (account: typeof stays) => {
      await tenant.ok('verify_connection', { connection: account?.connection })
      const verified = app.received.at(-1)?.path
      await tenant.ok('create_connection', {
        connector: 'tried',
        customer: account?.customer,
        name: 'Second',
        credentials: { apiKey: 'another' },
      })
      return [verified, app.received.at(-1)?.path]
    }
    expect(await asked(stays)).toEqual(['/getThing?id=1', '/getThing?id=1'])
    expect(await asked(goes)).toEqual(['/v2/thing?id=2', '/v2/thing?id=2'])
    const counted = async (account: typeof stays) =>
      (await tenant.ok('list_integrations', { customer: account?.customer })).integrations.map(
        ({ actionCount }: Body) => actionCount,
      )
    expect([await counted(stays), await counted(goes)]).toEqual([[3], [1]])
  })

  test('an operation that is renamed, or moved, keeps its slug', async () => {
    await importing('renamed', { listOrders: query('page'), getStock: {} })
    const get = (operationId: string) => ({ get: { operationId, responses: { 200: { description: 'OK' } } } })
    const document = JSON.parse(spec(app.url, {}))
    // One is called otherwise where it was; the other is elsewhere, and something new stands in its place.
    document.paths = {
      '/listOrders': get('fetchOrders'),
      '/getStock': get('countStock'),
      '/stock': get('getStock'),
    }
    const { changes } = await tenant.ok('import_spec', {
      spec: JSON.stringify(document),
      slug: 'renamed',
      onConflict: 'replace',
    })
    expect(changes).toMatchObject({
      added: ['count_stock'],
      removed: [],
      renamed: [{ action: 'list_orders', from: 'listOrders', to: 'fetchOrders' }],
    })
    const { action } = await tenant.ok('get_action', { connector: 'renamed', action: 'get_stock' })
    expect(action.path).toBe('/stock')
  })

  test('an auth method in use is not taken away: by hand it is refused, an import keeps it', async () => {
    await importing('guarded', { getThing: {} })
    await tenant.ok('create_connection', {
      connector: 'guarded',
      credentials: { apiKey: 'k' },
      verify: false,
    })
    const refused = await tenant.call('update_connector', {
      connector: 'guarded',
      authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Token' }],
    })
    expect(refused.status).toBe(409)
    expect(JSON.stringify(refused.body)).toContain("'key' (1 connections)")
    const document = JSON.parse(spec(app.url, { getThing: {} }))
    document.components.securitySchemes = { token: { type: 'http', scheme: 'bearer' } }
    document.security = [{ token: [] }]
    const { connector, kept } = await tenant.ok('import_spec', {
      spec: JSON.stringify(document),
      slug: 'guarded',
      onConflict: 'replace',
    })
    expect(connector.authMethods.map(({ slug }: Body) => slug)).toEqual(['token', 'key'])
    expect(kept).toContain('authMethods.key')
  })

  test('an older version is made the current one again, as a new version', async () => {
    await importing('restored', { one: {}, two: {} })
    await importing('restored', { one: {} })
    const { connector, changes } = await tenant.ok('restore_connector_version', {
      connector: 'restored',
      version: 1,
    })
    expect(connector).toMatchObject({ version: 3, actionCount: 2 })
    expect(changes.added).toEqual(['two'])
    const diff = await tenant.ok('diff_connector_versions', { connector: 'restored', from: 1 })
    expect(diff.changes).toMatchObject({ added: [], removed: [], changed: [], breaking: [] })
  })
})
