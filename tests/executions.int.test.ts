import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { describeOnEachDatabase, embeddedRun } from './setup/database.ts'
import { deliver, deployWorkflow, installApp, installWebhook } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** Retries soon enough for a test. */
const quickly = { maxAttempts: 3, initialIntervalMs: 100, backoffCoefficient: 1, maxIntervalMs: 100 }

function promises(start: () => Promise<TestPlatform>): void {
  let server: TestPlatform
  let tenant: Tenant
  let upstream: Upstream

  beforeAll(async () => {
    server = await start()
    tenant = await server.organization()
    upstream = await startUpstream()
    await installApp(tenant, upstream.url)
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

  test.each(['instant', 'standard'])(
    'who waits for a run of tier %s is told what get_execution tells',
    async (tier) => {
      const code = `export default async (ctx) => {
        ctx.log.info('at it', { n: ctx.input.n })
        const twice = await ctx.step('double', () => ctx.input.n * 2)
        if (ctx.input.fail) throw new Error('no good')
        return { twice }
      }`
      const workflow = await deployWorkflow(tenant, `told-${tier}`, code, { tier })
      for (const input of [{ n: 21 }, { n: 1, fail: true }]) {
        const call = { workflow, input, waitSeconds: 20, headers: { 'X-Given': 'a' } }
        const { execution } = await tenant.ok('run_workflow', call)
        expect(execution).toMatchObject({ status: input.fail ? 'failed' : 'completed', attempt: 1, runs: 1 })
        expect(execution.logs[0].lines[0].message).toContain('at it')
        expect(execution).toEqual((await tenant.ok('get_execution', { execution: execution.id })).execution)
      }
    },
  )

  test('a webhook runs its workflow, and the execution shows result, logs and traces', async () => {
    const code = `export default async (ctx) => {
      const thing = await ctx.connectors.app.read_thing({ id: ctx.input.id })
      ctx.log.info('read ' + ctx.input.id)
      return { thing, trigger: ctx.headers['x-fastn-trigger-id'] }
    }`
    const hook = await installWebhook(tenant, await deployWorkflow(tenant, 'reader', code))
    const { status, body } = await deliver(hook.url, { id: '42' })
    expect(status).toBe(202)
    const execution = await ended(body.executionIds[0])
    expect(execution).toMatchObject({
      status: 'completed',
      attempt: 1,
      output: { thing: { ok: true }, trigger: hook.id },
      triggeredBy: 'webhook',
    })
    expect(execution.logs.flatMap((log: Body) => log.lines).map((line: Body) => line.message)).toEqual([
      'read 42',
    ])
    const trace = await eventually(
      async () => (await tenant.ok('get_execution', { execution: execution.id })).execution.traces[0],
    )
    expect(trace).toMatchObject({
      connector: 'app',
      action: 'read_thing',
      status: 'success',
      httpStatus: 200,
    })
    const { event } = await tenant.ok('get_event', { event: body.eventId })
    expect(event).toMatchObject({ source: 'webhook', status: 'delivered', payload: { id: '42' } })
  })

  test('a webhook may say how often its executions are tried, whatever the workflow says', async () => {
    const slug = await deployWorkflow(
      tenant,
      'insistent',
      `export default async (ctx) => ctx.connectors.app.read_thing({ id: 'insistent' })`,
    )
    const hook = await installWebhook(tenant, slug, {
      verification: { scheme: 'none' },
      attempts: { maxAttempts: 2, backoff: 'fixed', intervalMs: 20 },
    })
    // A call is made three times before it fails, so the second attempt meets the first answer that is right.
    let asked = 0
    const before = upstream.answer
    upstream.answer = (request) => {
      if (request.path !== '/things/insistent') return before(request)
      asked += 1
      return asked <= 3 ? { status: 503, body: {} } : { status: 200, body: { asked } }
    }
    const execution = await ended((await deliver(hook.url, {})).body.executionIds[0])
    upstream.answer = before
    expect(execution).toMatchObject({ status: 'completed', output: { asked: 4 }, attempt: 2, maxAttempts: 2 })
    const replay = await tenant.ok('replay_execution', { execution: execution.id })
    expect(replay.execution).toMatchObject({ maxAttempts: 2 })
  })

  test('a sender that asks whether the URL is right is answered, and nothing runs', async () => {
    const slug = await deployWorkflow(tenant, 'asked', 'export default async () => null')
    const hook = await installWebhook(tenant, slug, {
      verification: { scheme: 'none' },
      challenge: { field: 'type', value: 'url_verification', answerField: 'challenge' },
    })
    const { status, body } = await deliver(hook.url, { type: 'url_verification', challenge: 'abc' })
    expect([status, body]).toEqual([200, { challenge: 'abc' }])
    expect((await tenant.ok('list_executions', { workflow: slug })).executions).toEqual([])
  })

  test('the same delivery twice runs once', async () => {
    const slug = await deployWorkflow(tenant, 'once', 'export default async (ctx) => ctx.input.n')
    const hook = await installWebhook(tenant, slug, {
      verification: { scheme: 'none' },
      deduplication: { header: 'x-delivery' },
    })
    const send = () => deliver(hook.url, { n: 1 }, { 'x-delivery': 'd-1' })
    const [first, second] = [await send(), await send()]
    const third = await Promise.all(Array.from({ length: 10 }, send))
    expect(first.body).toMatchObject({ duplicate: false })
    expect(second.body).toEqual({ eventId: first.body.eventId, duplicate: true, executionIds: [] })
    expect(third.every(({ body }) => body.duplicate && body.eventId === first.body.eventId)).toBe(true)
    await ended(first.body.executionIds[0])
    expect((await tenant.ok('list_executions', { workflow: slug })).executions).toHaveLength(1)
  })

  test('a route takes only what its filter lets through', async () => {
    const slug = await deployWorkflow(tenant, 'filtered', 'export default async () => null')
    const { trigger } = await tenant.ok('create_webhook', {
      name: 'filtered',
      verification: { scheme: 'none' },
      routes: [{ workflow: slug, environment: 'dev', filter: { 'payload.kind': 'order' } }],
    })
    expect((await deliver(trigger.webhook.url, { kind: 'order' })).body.executionIds).toHaveLength(1)
    const other = await deliver(trigger.webhook.url, { kind: 'refund' })
    expect(other.body.executionIds).toEqual([])
    expect((await tenant.ok('get_event', { event: other.body.eventId })).event.status).toBe('unmatched')
  })

  test('a failing upstream is tried again, then the execution is set aside with its payload, and a replay completes it', async () => {
    const code =
      "export default async (ctx) => ctx.connectors.app.write_thing({ id: ctx.input.id, name: 'x' })"
    const hook = await installWebhook(
      tenant,
      await deployWorkflow(tenant, 'writer', code, { retry: quickly }),
    )
    upstream.answer = ({ path }) =>
      path === '/things/9' ? { status: 503, body: { message: 'down' } } : { status: 200, body: { ok: true } }
    const { body } = await deliver(hook.url, { id: '9' })
    const failed = await ended(body.executionIds[0])
    expect(failed).toMatchObject({
      status: 'failed',
      attempt: 3,
      maxAttempts: 3,
      error: { kind: 'upstream_error', retryable: true },
    })
    // An idempotent PUT is sent three times by each attempt.
    expect(upstream.received.filter(({ path }) => path === '/things/9')).toHaveLength(9)
    const { deadLetters } = await tenant.ok('list_dead_letters', { status: 'pending' })
    const letter = deadLetters.find((row: Body) => row.executionId === failed.id)
    expect(letter).toMatchObject({ retries: 2 })

    upstream.answer = () => ({ status: 200, body: { ok: true } })
    const { execution: replay } = await tenant.ok('replay_execution', {
      execution: failed.id,
      version: 'same',
    })
    expect(await ended(replay.id)).toMatchObject({
      status: 'completed',
      output: { ok: true },
      replayOf: failed.id,
    })
    const after = await tenant.ok('get_dead_letter', { deadLetter: letter.id })
    expect(after.deadLetter).toMatchObject({
      status: 'replayed',
      replayExecutionId: replay.id,
      payload: { id: '9' },
    })
  })

  test('of several replays of one dead letter at once, one runs', async () => {
    const slug = await deployWorkflow(
      tenant,
      'once-more',
      "export default async () => { throw new Error('no') }",
    )
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    await ended(execution.id)
    const { deadLetters } = await tenant.ok('list_dead_letters', { workflow: slug })
    const calls = Array.from({ length: 5 }, () =>
      tenant.call('replay_dead_letter', { deadLetter: deadLetters[0].id }),
    )
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(statuses.sort()).toEqual([202, 409, 409, 409, 409])
  })

  test('a mistake in the code is not tried again', async () => {
    const slug = await deployWorkflow(tenant, 'mistake', 'export default async (ctx) => ctx.nothing.here', {
      retry: quickly,
    })
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    expect(await ended(execution.id)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { kind: 'code_error' },
    })
  })

  test('a replay with the newest version runs the mended code on the old input', async () => {
    const slug = await deployWorkflow(
      tenant,
      'mended',
      "export default async () => { throw new Error('broken') }",
    )
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: { n: 20 } })
    await ended(execution.id)
    await tenant.ok('update_workflow', {
      workflow: slug,
      code: 'export default async (ctx) => ctx.input.n + 1',
    })
    await tenant.ok('publish_workflow', { workflow: slug })
    await tenant.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
    const { execution: replay } = await tenant.ok('replay_execution', {
      execution: execution.id,
      version: 'newest',
    })
    expect(await ended(replay.id)).toMatchObject({ status: 'completed', output: 21 })
  })

  test('cancelling stops a running execution, and it is not set aside', async () => {
    upstream.answer = () => null
    const slug = await deployWorkflow(
      tenant,
      'hanging',
      "export default async (ctx) => ctx.connectors.app.read_thing({ id: '1' })",
    )
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    await eventually(
      async () =>
        (await tenant.ok('get_execution', { execution: execution.id })).execution.status === 'running',
    )
    await tenant.ok('cancel_execution', { execution: execution.id })
    expect(await ended(execution.id)).toMatchObject({ status: 'cancelled' })
    upstream.answer = () => ({ status: 200, body: { ok: true } })
    const { deadLetters } = await tenant.ok('list_dead_letters', {})
    expect(deadLetters.some((row: Body) => row.executionId === execution.id)).toBe(false)
    expect((await tenant.call('cancel_execution', { execution: execution.id })).status).toBe(409)
  })

  test('instant workflows answer inline, also through other workflows, and keep state between runs', async () => {
    await deployWorkflow(
      tenant,
      'counter',
      "export default async (ctx) => { const n = (await ctx.state.get('n') ?? 0) + 1; await ctx.state.set('n', n); return n }",
      { tier: 'instant' },
    )
    const slug = await deployWorkflow(
      tenant,
      'caller',
      "export default async (ctx) => [await ctx.workflows.run('counter', {}), await ctx.workflows.run('counter', {})]",
      { tier: 'instant' },
    )
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    expect(execution).toMatchObject({ status: 'completed', output: [1, 2] })
  })

  test('secrets reach the workflow and appear nowhere else', async () => {
    await tenant.ok('set_secret', { name: 'SHOP_KEY', value: 'hunter2-hunter2' })
    const slug = await deployWorkflow(
      tenant,
      'keeper',
      "export default async (ctx) => (await ctx.secrets.get('SHOP_KEY')).length",
      { tier: 'instant' },
    )
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    expect(execution.output).toBe(15)
    expect(JSON.stringify(await tenant.ok('list_secrets', {}))).not.toContain('hunter2')
    expect(JSON.stringify(await tenant.ok('list_audit_log', {}))).not.toContain('hunter2')
  })

  test('a reach keeps code to what it says, however the code spells it, until somebody lifts it', async () => {
    await tenant.ok('set_secret', { name: 'REACHED', value: 'reached-secret' })
    const before = upstream.received.length
    const code = `export default async (ctx) => {
      const said = []
      const tries = [
        () => ctx.connectors.app.read_thing({ id: '1' }),
        () => ctx.connectors.app['write' + '_thing']({ id: '1', name: 'x' }),
        () => ctx['fe' + 'tch']('${upstream.url}/loot'),
        () => fastn.fetch('${upstream.url}/loot'),
        () => 'x'['con' + 'structor']['con' + 'structor']("return fetch('${upstream.url}/loot')")(),
        () => ctx.secrets.get('REACHED'),
        () => ctx.workflows.run('keeper', {}),
        () => ctx.workflows.start('keeper', {}),
        () => ctx.config.set('stop', false),
        () => ctx.state.set('own', 1),
      ]
      for (const one of tries) said.push(await one().then(() => 'done', (error) => error.message))
      return said
    }`
    const reach = { actions: ['app.read_thing'] }
    const slug = await deployWorkflow(tenant, 'kept-in', code, { tier: 'instant', reach })
    const { execution } = await tenant.ok('run_workflow', { workflow: slug })
    const may = (what: string) => `This version of the workflow may not use ${what}.`
    expect(execution.output).toEqual([
      'done',
      may('ctx.connectors.app.write_thing'),
      ...[may('ctx.fetch'), may('ctx.fetch'), may('ctx.fetch')],
      may('ctx.secrets'),
      may('ctx.workflows.run'),
      may('ctx.workflows.start'),
      may('ctx.config.set'),
      'done',
    ])
    expect(upstream.received.slice(before).map(({ path }) => path)).toEqual(['/things/1'])
    await tenant.ok('update_workflow', { workflow: slug, reach: null })
    // What is deployed keeps to what it was published with.
    expect((await tenant.ok('run_workflow', { workflow: slug })).execution.output).toContain(may('ctx.fetch'))
    await tenant.ok('publish_workflow', { workflow: slug })
    await tenant.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
    expect((await tenant.ok('run_workflow', { workflow: slug })).execution.output).not.toContain(
      may('ctx.fetch'),
    )
  })
}

describeOnEachDatabase('executions', (kind) => promises(() => startTestPlatform(kind)))

describe.skipIf(!embeddedRun || inject('postgresUrl') === null || inject('redisUrl') === null)(
  'executions with the queue on Redis (needs Postgres and Redis servers)',
  () => promises(() => startTestPlatform('postgres', { REDIS_URL: `${inject('redisUrl')}/1` })),
)
