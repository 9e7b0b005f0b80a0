import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

interface GatewayClient {
  tools(): Promise<Body[]>
  names(): Promise<string[]>
  call(name: string, input?: object): Promise<Body>
  read(uri: string): Promise<Body>
  resources(): Promise<string[]>
  /** How often it was told that its tools changed. */
  told(): number
  close(): Promise<void>
}

const INFO = { name: 'gateway-test', version: '1.0.0' }
let server: TestPlatform
let tenant: Tenant
let other: Tenant
let upstream: Upstream
let acme: string
let globex: string
let endUser: string
const open: GatewayClient[] = []

const address = (query: string) => new URL(`${server.url}/mcp${query}`)
const withKey = (key: string) => ({ requestInit: { headers: { authorization: `Bearer ${key}` } } })

function wrap(client: ClientV1 | ClientV2, told: () => number): GatewayClient {
  const any = client as unknown as ClientV2
  const tools = async () => (await any.listTools()).tools as unknown as Body[]
  const wrapped: GatewayClient = {
    tools,
    names: async () => (await tools()).map(({ name }) => name as string),
    call: (name, input = {}) => any.callTool({ name, arguments: { ...input } }) as Promise<Body>,
    read: async (uri) => JSON.parse(((await any.readResource({ uri })).contents[0] as Body).text),
    resources: async () => (await any.listResources()).resources.map(({ uri }) => uri),
    told,
    close: () => any.close(),
  }
  open.push(wrapped)
  return wrapped
}

type Connect = (query: string, key?: string) => Promise<GatewayClient>
const eras: [string, Connect][] = [
  [
    'a 2025-11-25 client',
    async (query, key = tenant.ownerKey) => {
      let count = 0
      const client = new ClientV1(INFO, {
        listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => (count += 1) } },
      })
      await client.connect(new HttpV1(address(query), withKey(key)) as never)
      return wrap(client, () => count)
    },
  ],
  [
    'a 2026-07-28 client',
    async (query, key = tenant.ownerKey) => {
      let count = 0
      const client = new ClientV2(INFO, {
        listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => (count += 1) } },
      })
      await client.connect(new HttpV2(address(query), withKey(key)))
      return wrap(client, () => count)
    },
  ],
]

const spec = (title: string, paths: object) =>
  JSON.stringify({ openapi: '3.0.3', info: { title, version: '1' }, paths })
const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }
const ok = { 200: { description: 'ok' } }
const contactPaths = {
  '/contacts': {
    get: {
      operationId: 'list_contacts',
      summary: 'List contacts',
      parameters: [{ name: 'connection', in: 'query', schema: { type: 'string' } }],
      responses: {
        200: {
          description: 'ok',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['items'],
                properties: { items: { type: 'array', items: {} }, total: { type: 'integer' } },
              },
            },
          },
        },
      },
    },
    post: {
      operationId: 'create_contact',
      summary: 'Create a contact',
      requestBody: {
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Contact' } } },
      },
      responses: ok,
    },
  },
  '/contacts/{id}': {
    get: { operationId: 'get_contact', summary: 'Get a contact', parameters: [idParameter], responses: ok },
    delete: {
      operationId: 'delete_contact',
      summary: 'Delete a contact',
      parameters: [idParameter],
      responses: ok,
    },
  },
}

async function install(
  owner: Tenant,
  slug: string,
  title: string,
  paths: object,
  schemas: object = {},
): Promise<void> {
  const document = { ...JSON.parse(spec(title, paths)), components: { schemas } }
  await owner.ok('import_spec', { slug, baseUrl: upstream.url, spec: JSON.stringify(document) })
}

const connect = async (owner: Tenant, connector: string, customer: string, name: string): Promise<string> =>
  (await owner.ok('create_connection', { connector, customer, name, credentials: {}, verify: false }))
    .connection.id

beforeAll(async () => {
  server = await startTestPlatform()
  upstream = await startUpstream()
  tenant = await server.organization()
  other = await server.organization('Another')
  const contact = {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, manager: { $ref: '#/components/schemas/Contact' } },
  }
  await install(tenant, 'salesHub', 'Sales Hub', contactPaths, { Contact: contact })
  await install(tenant, 'billing', 'Billing', {
    '/invoices': { get: { operationId: 'list_invoices', summary: 'List invoices', responses: ok } },
  })
  await install(other, 'secretApp', 'Secret App', {
    '/secrets': { get: { operationId: 'list_secrets_of_app', summary: 'List secrets', responses: ok } },
  })
  acme = (await tenant.ok('create_customer', { name: 'Acme' })).customer.id
  globex = (await tenant.ok('create_customer', { name: 'Globex' })).customer.id
  const stranger = (await other.ok('create_customer', { name: 'Stranger' })).customer.id
  await connect(tenant, 'salesHub', acme, 'main')
  await connect(tenant, 'billing', globex, 'main')
  await connect(other, 'secretApp', stranger, 'main')
  endUser = await tenant.key({ role: 'end_user', customerIds: [acme] })
})
afterAll(async () => {
  await Promise.all(open.map((client) => client.close()))
  await server.close()
  await upstream.close()
})

const textOf = (result: Body) => result.content.map(({ text }: Body) => text).join('\n')
const dynamic = (names: string[], app: string) => names.filter((name) => name.startsWith(`${app}_`))

describe.each(eras)('the gateway with %s', (_, connectTo) => {
  test('shows the actions of the customer’s active connections only, with plain schemas and hints', async () => {
    const client = await connectTo('?customer=acme')
    const tools = await client.tools()
    const names = tools.map(({ name }) => name)
    expect(names.length).toBeLessThanOrEqual(30)
    expect(dynamic(names, 'sales_hub')).toEqual([
      'sales_hub_list_contacts',
      'sales_hub_create_contact',
      'sales_hub_get_contact',
      'sales_hub_delete_contact',
    ])
    expect(names.filter((name) => name.startsWith('billing_') || name.includes('secret'))).toEqual([])
    const byName = new Map(tools.map((tool) => [tool.name, tool]))
    expect(byName.get('sales_hub_delete_contact')).toMatchObject({
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
      inputSchema: { type: 'object', required: ['id'] },
    })
    const create = byName.get('sales_hub_create_contact')
    expect(create?.inputSchema).toMatchObject({ type: 'object', required: ['name'] })
    expect(JSON.stringify(create?.inputSchema)).not.toContain('#/schemas/')
    expect(byName.get('run_action')?.inputSchema.properties).not.toHaveProperty('customer')
  })

  test('runs them with the customer’s account, through run_action’s checks, audit and trace', async () => {
    const client = await connectTo('?customer=acme')
    upstream.answer = () => ({ status: 200, body: { items: [1], total: 'not a number' } })
    const result = await client.call('sales_hub_list_contacts')
    expect(result.structuredContent).toEqual({ items: [1], total: 'not a number' })
    expect(JSON.parse(result.content[0].text)).toEqual({ items: [1], total: 'not a number' })
    const { trace } = await tenant.ok('get_trace', { trace: result._meta['patchbay/traceId'] })
    expect(trace).toMatchObject({ customerId: acme, connector: 'salesHub', action: 'list_contacts' })
    const wrong = await client.call('sales_hub_get_contact', {})
    expect(wrong.isError).toBe(true)
    expect(textOf(wrong)).toContain('invalid_input')
    upstream.answer = () => ({ status: 200, body: ['a', 'list'] })
    expect((await client.call('sales_hub_list_contacts')).structuredContent).toEqual({
      output: ['a', 'list'],
    })
  })

  test("another customer's or organization's actions neither appear, nor are found, nor run", async () => {
    const client = await connectTo('', endUser)
    const { received } = upstream
    const before = received.length
    for (const name of ['billing_list_invoices', 'secret_app_list_secrets_of_app']) {
      expect((await client.call(name)).isError).toBe(true)
    }
    for (const [connector, action] of [
      ['billing', 'list_invoices'],
      ['secretApp', 'list_secrets_of_app'],
    ]) {
      expect((await client.call('run_action', { connector, action })).isError).toBe(true)
      expect((await client.call('describe_action', { connector, action })).isError).toBe(true)
    }
    for (const customer of [globex, 'globex']) {
      const refused = await client.call('run_action', {
        connector: 'billing',
        action: 'list_invoices',
        customer,
      })
      expect(textOf(refused)).toContain('forbidden')
    }
    const found = await client.call('search_actions', { query: 'list invoices and secrets', limit: 50 })
    expect(found.structuredContent.searched).toEqual(['salesHub'])
    expect(received.length).toBe(before)
  })

  test('tools of the whole platform are not callable in a customer’s session', async () => {
    const client = await connectTo('?customer=acme')
    for (const name of ['list_customers', 'call_tool', 'create_api_key', 'delete_connector']) {
      expect(textOf(await client.call(name, {}))).toContain('not_found')
    }
  })

  test('is told when a connection changes its list, and lists what is newly connected', async () => {
    const client = await connectTo('?customer=acme')
    await client.names()
    const id = await connect(tenant, 'billing', acme, `extra-${Math.random().toString(36).slice(2)}`)
    await eventually(async () => client.told() > 0)
    expect(await client.names()).toContain('billing_list_invoices')
    const told = client.told()
    await tenant.ok('update_connection', { connection: id, status: 'inactive' })
    await eventually(async () => client.told() > told)
    expect(dynamic(await client.names(), 'billing')).toEqual([])
    const refused = await client.call('billing_list_invoices')
    expect(textOf(refused)).toMatch(/Billing is connected but inactive.*\n.*\nNext: get_integration_status/)
    await tenant.ok('delete_connection', { connection: id })
  })

  test('an action made a moment ago runs at once, and is found', async () => {
    const client = await connectTo('?customer=acme')
    await client.call('search_actions', { query: 'anything' })
    const slug = `archive_everything_${Math.random().toString(36).slice(2, 8)}`
    await tenant.ok('create_action', {
      connector: 'salesHub',
      slug,
      name: 'Archive everything',
      path: '/archive',
    })
    upstream.answer = () => ({ status: 200, body: { archived: true } })
    expect((await client.call(`sales_hub_${slug}`)).structuredContent).toEqual({ archived: true })
    const found = await client.call('search_actions', { query: 'archive everything' })
    expect(found.structuredContent.actions[0]).toMatchObject({ connector: 'salesHub' })
    expect(found.structuredContent.actions.map(({ action }: Body) => action)).toContain(slug)
    await tenant.ok('delete_action', { connector: 'salesHub', action: slug })
  })

  test('of several accounts a selector chooses, under a name that is no input of the action', async () => {
    const second = await connect(tenant, 'salesHub', acme, 'second')
    const client = await connectTo('?customer=acme')
    const tools = await client.tools()
    const properties = (name: string) => tools.find((tool) => tool.name === name)?.inputSchema.properties
    expect(properties('sales_hub_get_contact').connection.enum).toEqual(['main', 'second'])
    // list_contacts has an input called `connection` itself
    expect(properties('sales_hub_list_contacts').use_connection.enum).toEqual(['main', 'second'])
    upstream.answer = () => ({ status: 200, body: {} })
    const result = await client.call('sales_hub_list_contacts', {
      connection: 'theirs',
      use_connection: 'second',
    })
    expect(upstream.received.at(-1)?.path).toBe('/contacts?connection=theirs')
    const { trace } = await tenant.ok('get_trace', { trace: result._meta['patchbay/traceId'] })
    expect(trace.connectionId).toBe(second)
    await tenant.ok('delete_connection', { connection: second })
  })

  test('readOnly hides and refuses all that does not read', async () => {
    const client = await connectTo('?customer=acme&readOnly=true')
    const names = await client.names()
    expect(dynamic(names, 'sales_hub')).toEqual(['sales_hub_list_contacts', 'sales_hub_get_contact'])
    expect(names).not.toContain('create_flow')
    const before = upstream.received.length
    expect((await client.call('sales_hub_delete_contact', { id: '1' })).isError).toBe(true)
    const refused = await client.call('run_action', {
      connector: 'salesHub',
      action: 'delete_contact',
      input: { id: '1' },
    })
    expect(textOf(refused)).toContain('This session only reads')
    expect((await client.call('create_flow', { spec: { name: 'x', steps: [] } })).isError).toBe(true)
    const found = await client.call('search_actions', { query: 'delete contact', effect: 'destructive' })
    expect(found.structuredContent.actions.every(({ effect }: Body) => effect === 'read')).toBe(true)
    expect(upstream.received.length).toBe(before)
  })

  test('connectors= shows and runs those only, without renaming any tool', async () => {
    const extra = await connect(tenant, 'billing', acme, 'picked')
    const client = await connectTo('?customer=acme&connectors=billing')
    const names = await client.names()
    expect(dynamic(names, 'billing')).toEqual(['billing_list_invoices'])
    expect(dynamic(names, 'sales_hub')).toEqual([])
    expect((await client.call('sales_hub_list_contacts')).isError).toBe(true)
    const refused = await client.call('run_action', { connector: 'salesHub', action: 'list_contacts' })
    expect(textOf(refused)).toContain('opened without Sales Hub')
    const found = await client.call('search_actions', { query: 'contacts', connectors: ['salesHub'] })
    expect(found.structuredContent).toEqual({ actions: [], searched: [] })
    await tenant.ok('delete_connection', { connection: extra })
  })

  test('the published names with their parameters do what ours do', async () => {
    const client = await connectTo('?customer=acme')
    const ours = await client.call('list_integrations')
    const theirs = await client.call('fastn_list_integrations', { tenant_id: acme })
    expect(theirs.structuredContent).toEqual(ours.structuredContent)
    expect(ours.structuredContent.integrations).toMatchObject([{ integration: 'salesHub', status: 'active' }])
    const status = await client.call('fastn_get_integration_status', {
      tenant_id: 'acme',
      integration_id: 'salesHub',
    })
    expect(status.structuredContent).toMatchObject({ integration: { status: 'active' }, next: null })
    expect(
      (await client.call('fastn_get_usage_summary', { tenant_id: acme })).structuredContent.calls.total,
    ).toBeGreaterThan(0)
    expect(
      (await client.call('fastn_get_event_history', { tenant_id: acme, limit: 5 })).structuredContent.events,
    ).toEqual([])
    expect(textOf(await client.call('fastn_list_integrations', { tenant_id: globex }))).toContain('forbidden')
  })

  test('search_entities asks the apps that have such records, and says which failed', async () => {
    const billing = await connect(tenant, 'billing', acme, 'entities')
    const client = await connectTo('?customer=acme')
    upstream.answer = ({ path }) =>
      path.startsWith('/contacts')
        ? { status: 200, body: { items: [{ name: 'Ada' }, { name: 'Bob' }] } }
        : { status: 500, body: { error: 'down' } }
    const found = await client.call('fastn_search_entities', {
      tenant_id: acme,
      entity_type: 'contact',
      query: 'ada',
    })
    expect(found.structuredContent).toMatchObject({
      results: [{ integration: 'salesHub', action: 'list_contacts', record: { name: 'Ada' } }],
      asked: ['salesHub'],
      failed: [],
      skipped: [{ integration: 'billing' }],
    })
    const failed = await client.call('search_entities', { entityType: 'invoice' })
    expect(failed.structuredContent).toMatchObject({
      results: [],
      failed: [{ integration: 'billing', action: 'list_invoices' }],
    })
    await tenant.ok('delete_connection', { connection: billing })
  })

  test('create_flow makes a draft workflow for who may make workflows', async () => {
    const client = await connectTo('?customer=acme')
    const spec = {
      name: `Welcome ${Math.random().toString(36).slice(2, 8)}`,
      trigger: { type: 'webhook', source: 'salesHub', event: 'contact.created' },
      steps: [
        {
          name: 'find',
          connector: 'salesHub',
          action: 'get_contact',
          mapping: { id: '{{trigger.contact.id}}' },
        },
        {
          name: 'copy',
          connector: 'salesHub',
          action: 'create_contact',
          mapping: { name: 'Copy of {{steps.find.output.name}}' },
        },
      ],
    }
    const made = await client.call('fastn_create_flow', { tenant_id: acme, spec })
    expect(made.structuredContent.workflow).toMatchObject({ name: spec.name, latestVersion: 0 })
    const { workflow } = await tenant.ok('get_workflow', { workflow: made.structuredContent.workflow.slug })
    expect(workflow.code ?? made.structuredContent.code).toContain('ctx.connectors.salesHub.get_contact')
    const wrong = await client.call('create_flow', {
      spec: { ...spec, steps: [{ name: 'x', connector: 'salesHub', action: 'no_such' }] },
    })
    expect(textOf(wrong)).toContain("no action 'no_such'")
    const limited = await connectTo('', endUser)
    expect(await limited.names()).not.toContain('create_flow')
    expect((await limited.call('create_flow', { spec })).isError).toBe(true)
  })

  test('its resources are the customer’s integrations, entities, events and usage', async () => {
    const client = await connectTo('', endUser)
    expect((await client.resources()).sort()).toEqual(
      ['entities', 'events', 'integrations', 'usage'].map((name) => `patchbay://${name}`),
    )
    expect(await client.read('patchbay://integrations')).toMatchObject({
      integrations: [{ integration: 'salesHub' }],
    })
    expect(await client.read('patchbay://entities')).toMatchObject({ entities: [{ entityType: 'contacts' }] })
  })
})

test('names too long for a tool, and names that run into each other, are each a tool that can be called', async () => {
  const customer = (await tenant.ok('create_customer', { name: 'Names' })).customer.id
  const long = `a${'VeryLongConnectorName'.repeat(3)}`.slice(0, 64)
  const operation = (operationId: string) => ({ get: { operationId, summary: operationId, responses: ok } })
  await install(tenant, long, 'Long', { '/long': operation(`read_${'something_'.repeat(6)}`) })
  await install(tenant, 'sales', 'Sales', { '/one': operation('hub_read') })
  await install(tenant, 'salesHubTwo', 'Sales Hub Two', { '/two': operation('read') })
  await install(tenant, 'sales2', 'Sales 2', {
    '/three': operation('hub_two_read'),
    '/four': operation('__proto__'),
  })
  await install(tenant, 'salesHubtwo', 'Twin', { '/five': operation('read') })
  for (const connector of [long, 'sales', 'salesHubTwo', 'sales2', 'salesHubtwo']) {
    await connect(tenant, connector, customer, 'main')
  }
  for (const [, connectTo] of eras) {
    const client = await connectTo('?customer=names')
    const natives = new Set(await (await connectTo('?customer=acme&connectors=billing')).names())
    const names = (await client.names()).filter((name) => !natives.has(name))
    expect(names).toHaveLength(6)
    expect(new Set(names).size).toBe(6)
    upstream.answer = ({ path }) => ({ status: 200, body: { path } })
    const paths: string[] = []
    for (const name of names) {
      expect(name).toMatch(/^[a-z0-9_]{1,64}$/)
      paths.push((await client.call(name)).structuredContent.path)
    }
    expect(paths.sort()).toEqual(['/five', '/four', '/long', '/one', '/three', '/two'])
  }
})

test('what was used of late is listed first', async () => {
  const [, [, connectTo]] = eras as [unknown, [string, Connect]]
  upstream.answer = () => ({ status: 200, body: {} })
  const client = await connectTo('?customer=acme')
  for (let calls = 0; calls < 30; calls += 1) await client.call('sales_hub_delete_contact', { id: '1' })
  expect(dynamic(await client.names(), 'sales_hub')[0]).toBe('sales_hub_delete_contact')
})

test('a customer the key does not reach, and settings that would do nothing, are refused at the door', async () => {
  const status = async (query: string, key: string) =>
    (
      await fetch(address(query), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      })
    ).status
  expect(await status('?customer=globex', endUser)).toBe(404)
  expect(await status('?customer=acme', other.ownerKey)).toBe(404)
  expect(await status('?customer=acme&connectors=nothing', tenant.ownerKey)).toBe(404)
  expect(await status('?readOnly=true', tenant.ownerKey)).toBe(400)
  expect(await status('?customer=acme&toolsets=all', tenant.ownerKey)).toBe(400)
  expect(await status('?customer=acme&readOnly=maybe', tenant.ownerKey)).toBe(400)
})
