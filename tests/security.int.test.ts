import { afterAll, beforeAll, expect, test } from 'vitest'
import { deliver, deployWorkflow, installApp, installWebhook } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** Attacks that go through the whole server; those on one part are tested beside it. */
let server: TestPlatform
let tenant: Tenant
let upstream: Upstream
let customer: string

beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
  upstream = await startUpstream()
  await installApp(tenant, upstream.url)
  customer = (await tenant.ok('create_customer', { name: 'Acme' })).customer.id
})
afterAll(async () => {
  await server.close()
  await upstream.close()
})

const ended = (id: string): Promise<Body> =>
  eventually(async () => {
    const { execution } = await tenant.ok('get_execution', { execution: id })
    return !['queued', 'running'].includes(execution.status) && execution
  })

test('the key a webhook is verified by reaches neither the workflow nor the event, under any header name', async () => {
  const slug = await deployWorkflow(tenant, 'headers', 'export default async (ctx) => ctx.headers')
  const secret = 'correct-horse-battery'
  const hook = await tenant.ok('create_webhook', {
    name: 'Hook',
    routes: [{ workflow: slug }],
    verification: { scheme: 'api_key', header: 'x-pass' },
    secret,
  })
  const sent = await fetch(hook.trigger.webhook.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-pass': secret, 'api-key': secret, 'x-kept': 'yes' },
    body: '{}',
  })
  const { eventId, executionIds } = (await sent.json()) as { eventId: string; executionIds: string[] }
  const { output } = await ended(executionIds[0] ?? '')
  expect(output['x-kept']).toBe('yes')
  expect(JSON.stringify(output)).not.toContain(secret)
  const stored = await server.platform.db.read(
    { organizationId: tenant.organizationId, customerIds: null },
    (tx) => tx.row<{ headers: object }>('SELECT headers FROM events WHERE id = $1', [eventId]),
  )
  expect(JSON.stringify(stored)).not.toContain(secret)
})

test('an end user does not reach the organization’s account that a run for its customer has just used', async () => {
  const things = { get: { operationId: 'list', responses: { 200: { description: 'ok' } } } }
  await tenant.ok('import_spec', {
    slug: 'guarded',
    baseUrl: upstream.url,
    spec: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'Guarded', version: '1' },
      paths: { '/things': things },
      security: [{ bearer: [] }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    }),
  })
  await tenant.ok('create_connection', { connector: 'guarded', credentials: { token: 'org-token' } })
  const code = 'export default async (ctx) => ctx.connectors.guarded.list({})'
  const slug = await deployWorkflow(tenant, 'reader', code)
  const endUser = await tenant.key({ role: 'end_user', customerIds: [customer] })
  const call = { connector: 'guarded', action: 'list' }
  expect((await tenant.call('run_action', call, endUser)).status).toBe(404)
  const { execution } = await tenant.ok('run_workflow', { workflow: slug, customer })
  expect((await ended(execution.id)).status).toBe('completed')
  expect((await tenant.call('run_action', call, endUser)).status).toBe(404)
})

test('a key limited to one customer changes nothing that serves the others, whatever its role', async () => {
  const admin = await tenant.key({ role: 'admin', customerIds: [customer] })
  const action = { slug: 'steal', name: 'Steal', method: 'GET', path: '/' }
  const attempts: [string, object][] = [
    ['update_connector', { connector: 'app', baseUrl: 'https://attacker.example' }],
    ['create_connector', { name: 'Mine', slug: 'mine', baseUrl: 'https://attacker.example' }],
    ['create_action', { connector: 'app', ...action }],
    ['update_action', { connector: 'app', action: 'read_thing', path: '/elsewhere' }],
    ['delete_action', { connector: 'app', action: 'read_thing' }],
    ['delete_connector', { connector: 'app', force: true }],
    ['import_spec', { url: `${upstream.url}/openapi.json`, onConflict: 'replace' }],
    ['update_organization', { name: 'Taken over' }],
    ['rotate_keys', {}],
  ]
  for (const [tool, input] of attempts) {
    const { status, body } = await tenant.call(tool, input, admin)
    expect(`${tool}: ${status} ${body.code}`).toBe(`${tool}: 403 forbidden`)
    expect(body.detail).toMatch(/limited to some/)
  }
})

test('a delivery nobody could store is refused, and takes no other delivery with it', async () => {
  const slug = await deployWorkflow(tenant, 'deep', 'export default async () => 1')
  const { url } = await installWebhook(tenant, slug)
  const bombs = [300, 6_000, 20_000].map((levels) => '['.repeat(levels) + ']'.repeat(levels))
  const answers = await Promise.all([...bombs, '{}', '{}'].map((body) => deliver(url, body)))
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 202, 202])
  expect(answers[0]?.body).toMatchObject({ code: 'invalid_input', where: 'body' })
})

test('who may run workflows but not deploy them runs what is deployed, and no other version', async () => {
  const slug = await deployWorkflow(tenant, 'versions', 'export default async () => 1')
  await tenant.ok('publish_workflow', { workflow: slug })
  await tenant.ok('deploy_workflow', { workflow: slug, environment: 'production', version: 1 })
  const run = (environment: string, version?: number) => ({ workflow: slug, environment, version })
  const operator = await tenant.key({ role: 'operator' })
  const endUser = await tenant.key({ role: 'end_user', customerIds: [customer] })
  expect((await tenant.call('run_workflow', run('production'), operator)).status).toBe(200)
  expect((await tenant.call('run_workflow', run('production', 2), operator)).status).toBe(403)
  expect((await tenant.call('run_workflow', run('dev', 2), operator)).status).toBe(200)
  expect((await tenant.call('run_workflow', run('dev'), endUser)).status).toBe(200)
  expect((await tenant.call('run_workflow', run('dev', 2), endUser)).status).toBe(403)
  expect((await tenant.call('run_workflow', run('production', 2))).status).toBe(200)
})

test('a webhook of an inactive customer runs nothing', async () => {
  const slug = await deployWorkflow(tenant, 'paused', 'export default async () => 1')
  const { customer: paused } = await tenant.ok('create_customer', { name: 'Paused' })
  const { url } = await installWebhook(tenant, slug, {
    customer: paused.id,
    verification: { scheme: 'none' },
  })
  expect((await deliver(url, {})).status).toBe(202)
  await tenant.ok('update_customer', { customer: paused.id, status: 'inactive' })
  await eventually(async () => (await deliver(url, {})).status === 404)
  await tenant.ok('update_customer', { customer: paused.id, status: 'active' })
  await eventually(async () => (await deliver(url, {})).status === 202)
})

test('readiness, which anybody may ask for, says nothing of addresses inside', async () => {
  const { queue } = server.platform
  const { ping } = queue
  queue.ping = () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3:6379'))
  try {
    const answer = await fetch(`${server.url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ checks: { database: 'ok', queue: 'does not answer' } })
  } finally {
    queue.ping = ping
  }
})

test('a resource address that cannot be decoded is one there is not', async () => {
  const answer = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tenant.ownerKey}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'resources/read',
      params: { uri: 'patchbay://connectors/%E0%A4%A' },
    }),
  })
  const text = await answer.text()
  expect(text).toContain('Resource not found')
  expect(text).not.toContain('malformed')
})

test('a denied attempt is audited whatever it names', async () => {
  const operator = await tenant.key({ role: 'operator' })
  const attempt = { workflow: 'unseen\0', environment: 'production' }
  expect((await tenant.call('deploy_workflow', attempt, operator)).status).toBe(403)
  const { entries } = await tenant.ok('list_audit_log', { action: 'deploy_workflow', outcome: 'denied' })
  expect(entries[0]).toMatchObject({ resource: 'unseen\ufffd', errorCode: 'forbidden' })
})
