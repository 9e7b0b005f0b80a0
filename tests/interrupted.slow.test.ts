import { afterAll, beforeAll, expect, test } from 'vitest'
import { heartbeat, lostExecutions } from '../db/execution-queue.ts'
import { requestCancel } from '../db/executions.ts'
import { finishRuns } from '../db/finished-runs.ts'
import { concludeRun, lostRun } from '../runtime/executions/outcome.ts'
import { deliver, deployWorkflow, installApp, installWebhook } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

let server: TestPlatform
let tenant: Tenant
let upstream: Upstream

beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
  upstream = await startUpstream()
  await installApp(tenant, upstream.url)
})
afterAll(async () => {
  await server.close()
})

const CALL = "export default async (ctx) => ctx.connectors.app.read_thing({ id: '1' })"

const ended = (id: string): Promise<Body> =>
  eventually(async () => {
    const { execution } = await tenant.ok('get_execution', { execution: id })
    return !['queued', 'running'].includes(execution.status) && execution
  })

test('a worker that stops hands its runs back, and what they called runs again with them only', async () => {
  upstream.answer = () => null
  await deployWorkflow(tenant, 'called', CALL)
  const caller = "export default async (ctx) => ctx.workflows.run('called', {})"
  const hook = await installWebhook(tenant, await deployWorkflow(tenant, 'caller', caller))
  const { body } = await deliver(hook.url, {})
  await eventually(async () => upstream.received.length === 1)

  const drained = server.platform.engine.drain(0)
  upstream.answer = () => ({ status: 200, body: { ok: true } })
  await drained
  expect(await ended(body.executionIds[0])).toMatchObject({ status: 'completed', attempt: 1 })
  const { executions } = await tenant.ok('list_executions', { workflow: 'called' })
  expect(executions.map(({ status }: Body) => status)).toEqual(['completed', 'cancelled'])
  expect(upstream.received).toHaveLength(2)
})

test('a run that has lost its execution to another starts no workflow any more', async () => {
  await deployWorkflow(tenant, 'started', 'export default async () => 1')
  const slug = await deployWorkflow(tenant, 'starter', CALL)
  upstream.answer = () => null
  const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
  const scope = { organizationId: tenant.organizationId, customerIds: null }
  const startBy = (run: number) =>
    server.platform.engine.start(scope, {
      workflow: 'started',
      environment: 'dev',
      customerId: null,
      input: null,
      headers: {},
      triggeredBy: 'workflow',
      by: { executionId: execution.id, run },
    })
  await eventually(
    async () =>
      (await tenant.ok('get_execution', { execution: execution.id })).execution.status === 'running',
  )
  await expect(startBy(0)).rejects.toMatchObject({ code: 'cancelled' })
  expect((await tenant.ok('list_executions', { workflow: 'started' })).executions).toEqual([])
  expect(await startBy(1)).toMatchObject({ status: 'queued' })
  await tenant.ok('cancel_execution', { execution: execution.id })
})

test('a worker that is heard of after all keeps what was about to be taken from it', async () => {
  const { db } = server.platform
  upstream.answer = () => null
  const slug = await deployWorkflow(tenant, 'silent', CALL)
  const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
  const seen = async () => {
    const rows = await lostExecutions(db, -60_000, 100)
    return rows.find(({ id }) => id === execution.id)
  }
  const row = await eventually(seen)
  const taken = async (heardAt: Date | null) => {
    const how = { inline: false, handedBack: false, random: 0 }
    const version = { retry: null, escalate_on_timeout: false }
    const concluded = concludeRun(row, version, lostRun('It was silent.'), how)
    return (await finishRuns(db, [{ ...concluded, heard_at: heardAt }])).recorded.size
  }
  await new Promise((next) => setTimeout(next, 1_100))
  expect(await heartbeat(db, row.worker ?? '', [row.id])).toHaveLength(1)
  expect(await taken(row.heartbeat_at)).toBe(0)
  expect(await taken((await seen())?.heartbeat_at ?? null)).toBe(1)
  await tenant.ok('cancel_execution', { execution: execution.id })
})

test('a workflow whose worker died goes on with what it called, though that is not yet known to be dead too', async () => {
  upstream.received.length = 0
  upstream.answer = () => null
  const slug = await deployWorkflow(
    tenant,
    'goes-on',
    "export default async (ctx) => ctx.workflows.run('called', {})",
  )
  const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
  await eventually(async () => upstream.received.length === 1)
  // As the sweeper of another process leaves it between two rounds: the caller is queued again, the called one is not.
  const given = await server.platform.db.system((tx) =>
    tx.rows(
      `UPDATE executions SET worker = 'dead', status = CASE WHEN id = $1 THEN 'queued' ELSE status END, due_at = now(), resume = true
       WHERE (id = $1 OR parent_execution_id = $1) AND status = 'running' RETURNING id`,
      [execution.id],
    ),
  )
  expect(given).toHaveLength(2)
  upstream.answer = () => ({ status: 200, body: { ok: true } })
  expect(await ended(execution.id)).toMatchObject({ status: 'completed', attempt: 1, output: { ok: true } })
  const { executions } = await tenant.ok('list_executions', { workflow: 'called' })
  expect(executions.slice(0, 2).map(({ status }: Body) => status)).toEqual(['completed', 'failed'])
})

test('a workflow that is called again by a retry keeps what it did, and its calls keep their idempotency keys', async () => {
  const operation = (operationId: string) => ({
    post: {
      operationId,
      parameters: [{ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } }],
      responses: { 200: { description: 'ok' } },
    },
  })
  await tenant.ok('import_spec', {
    slug: 'keyed',
    baseUrl: upstream.url,
    spec: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'Keyed', version: '1' },
      paths: { '/first': operation('first'), '/second': operation('second') },
    }),
  })
  const code =
    'export default async (ctx) => { await ctx.connectors.keyed.first(); return ctx.connectors.keyed.second() }'
  await deployWorkflow(tenant, 'keyed', code)
  const retry = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 1, maxIntervalMs: 100 }
  const caller = "export default async (ctx) => ctx.workflows.run('keyed', {})"
  const slug = await deployWorkflow(tenant, 'calls-keyed', caller, { retry })
  upstream.received.length = 0
  const seconds = () => upstream.received.filter(({ path }) => path === '/second')
  // Each run of the called one asks three times, and fails twice.
  upstream.answer = ({ path }) => ({
    status: path === '/second' && seconds().length <= 6 ? 503 : 200,
    body: { ok: true },
  })
  const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
  expect(await ended(execution.id)).toMatchObject({ status: 'completed', attempt: 3 })
  expect(upstream.received.filter(({ path }) => path === '/first')).toHaveLength(1)
  expect(seconds()).toHaveLength(7)
  expect(new Set(seconds().map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
})

test('what is switched off is not replayed either', async () => {
  const slug = await deployWorkflow(tenant, 'off', 'export default async () => 1', { tier: 'instant' })
  const { execution } = await tenant.ok('run_workflow', { workflow: slug })
  const replay = () => tenant.call('replay_execution', { execution: execution.id })
  await tenant.ok('update_workflow', { workflow: slug, status: 'inactive' })
  expect(await replay()).toMatchObject({ status: 409, body: { where: 'workflow' } })
  await tenant.ok('update_workflow', { workflow: slug, status: 'active' })
  expect((await replay()).status).toBe(202)
})

test('a run that fails while another process asks to cancel it is not tried again', async () => {
  upstream.received.length = 0
  const asked = new Promise<void>((resolve) => {
    upstream.answer = () => {
      resolve()
      return null
    }
  })
  const retry = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 1, maxIntervalMs: 100 }
  const hook = await installWebhook(tenant, await deployWorkflow(tenant, 'retried', CALL, { retry }))
  const { body } = await deliver(hook.url, {})
  await asked
  const id: string = body.executionIds[0]
  const scope = { organizationId: tenant.organizationId, customerIds: null }
  await server.platform.db.tenant(scope, (tx) => requestCancel(tx, id))
  await upstream.close() // cuts the connection, which is worth another try
  expect(await ended(id)).toMatchObject({ status: 'cancelled', attempt: 1 })
})
