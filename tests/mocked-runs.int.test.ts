import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deployWorkflow, installApp } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

describe('runs that are mocked', () => {
  let server: TestPlatform
  let tenant: Tenant
  let upstream: Upstream

  beforeAll(async () => {
    server = await startTestPlatform()
    tenant = await server.organization()
    upstream = await startUpstream()
    await installApp(tenant, upstream.url)
    // Needs an account, and there is none.
    await tenant.ok('create_connector', {
      name: 'Shop',
      slug: 'shop',
      baseUrl: upstream.url,
      authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Token' }],
    })
    await tenant.ok('create_action', {
      connector: 'shop',
      slug: 'create_order',
      name: 'Create an order',
      method: 'POST',
      path: '/orders',
      inputSchema: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
      body: { contentType: 'application/json' },
      outputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    })
    await tenant.ok('create_action', {
      connector: 'shop',
      slug: 'list_orders',
      name: 'List orders',
      path: '/orders',
      parameters: [{ name: 'cursor', in: 'query' }],
      inputSchema: { type: 'object', properties: { cursor: { type: 'string' } } },
      pagination: { type: 'cursor', parameter: 'cursor', items: 'orders', next: 'next' },
    })
  })
  beforeEach(() => {
    upstream.received.length = 0
  })
  afterAll(async () => {
    await server.close()
    await upstream.close()
  })

  const mock = (action: string, answers: object[], scenario?: string) => {
    const [connector, slug] = action.split('.')
    return tenant.ok('set_action_mock', { connector, action: slug, answers, ...(scenario && { scenario }) })
  }
  const ended = (id: string): Promise<Body> =>
    eventually(async () => {
      const { execution } = await tenant.ok('get_execution', { execution: id })
      return !['queued', 'running'].includes(execution.status) && execution
    })
  const run = async (workflow: string, more: object = {}): Promise<Body> => {
    const given = { workflow, mode: 'full_mock', waitSeconds: 20, ...more }
    return ended((await tenant.ok('run_workflow', given)).execution.id)
  }
  const sent = () => upstream.received.map(({ method, path }) => `${method} ${path}`)

  test('mocks answer like the app, by input; the calls are steps and traces that say so, and nothing is sent', async () => {
    const made = await mock('shop.create_order', [
      { when: { sku: 'b' }, output: { id: 'two' } },
      { status: 201, headers: { 'x-app': 'yes' }, output: { id: 'one' } },
    ])
    expect(made).toMatchObject({ created: true, warnings: [], mock: { scenario: 'default' } })
    await deployWorkflow(
      tenant,
      'orders',
      `export default async (ctx) => {
        const a = await ctx.connectors.shop.create_order({ sku: 'a' })
        const b = await ctx.connectors.shop.create_order({ sku: 'b' })
        return [a, b]
      }`,
    )
    const execution = await run('orders')
    expect(execution).toMatchObject({
      status: 'completed',
      mode: 'full_mock',
      output: [{ id: 'one' }, { id: 'two' }],
    })
    const { steps } = await tenant.ok('list_execution_steps', { execution: execution.id })
    expect(steps.map(({ name, status }: Body) => [name, status])).toEqual([
      ['shop.create_order', 'done'],
      ['shop.create_order', 'done'],
    ])
    const traces = await eventually(async () => {
      const found = await tenant.ok('list_traces', { execution: execution.id })
      return found.traces.length === 2 && found.traces
    })
    expect(traces).toMatchObject([
      { mock: 'default', status: 'success', httpStatus: 200 },
      { mock: 'default', status: 'success', httpStatus: 201 },
    ])
    expect(sent()).toEqual([])
  })

  test('a guarded run calls the apps, and nothing that is destructive, however the code spells it', async () => {
    await tenant.ok('create_connector', {
      ...{ name: 'Depot', slug: 'depot', baseUrl: upstream.url },
      authMethods: [{ slug: 'none', type: 'no_auth', name: 'None' }],
    })
    await tenant.ok('create_action', {
      connector: 'depot',
      slug: 'list_things',
      name: 'List',
      path: '/things',
    })
    await tenant.ok('create_action', {
      ...{ connector: 'depot', slug: 'drop_thing', name: 'Drop', method: 'DELETE', path: '/things/1' },
    })
    await deployWorkflow(
      tenant,
      'dropper',
      `export default async (ctx) => {
        await ctx.connectors.depot.list_things({})
        return ctx.connectors.depot[['drop', 'thing'].join('_')]({})
      }`,
    )
    const execution = await run('dropper', { mode: 'guarded' })
    expect(execution).toMatchObject({
      status: 'failed',
      mode: 'guarded',
      error: { code: 'forbidden', message: expect.stringContaining('depot.drop_thing is') },
    })
    expect(sent()).toEqual(['GET /things'])
    expect(await run('dropper', { mode: 'live' })).toMatchObject({ mode: 'live' })
    expect(sent()).toEqual(['GET /things', 'GET /things', 'DELETE /things/1'])
  })

  test('a guarded run writes only where it may, however the code spells it, and by no request of its own', async () => {
    await deployWorkflow(
      tenant,
      'writer',
      `export default async (ctx) => {
        await ctx.connectors.app.read_thing({ id: '1' })
        const refused = []
        const tried = async (what) => { try { await what() } catch (error) { refused.push(error.message) } }
        await tried(() => ctx.connectors.app[['write', 'thing'].join('_')]({ id: '1', name: 'x' }))
        await tried(() => ctx.fetch('${upstream.url}/own', { method: 'POST' }))
        await tried(() => ctx.fetch('${upstream.url}/own', { headers: { 'x-http-method-override': 'DELETE' } }))
        await ctx.fetch('${upstream.url}/own')
        return refused
      }`,
    )
    const guarded = async (mayWrite?: string[]) => {
      upstream.received.length = 0
      const { output } = await run('writer', { mode: 'guarded', ...(mayWrite && { mayWrite }) })
      return { refused: (output as string[]).length, sent: sent() }
    }
    const reads = ['GET /things/1', 'GET /own']
    expect(await guarded([])).toEqual({ refused: 3, sent: reads })
    expect(await guarded(['ap', 'app.read_thing', 'shop'])).toEqual({ refused: 3, sent: reads })
    const written = { refused: 2, sent: ['GET /things/1', 'PUT /things/1', 'GET /own'] }
    expect(await guarded(['app'])).toEqual(written)
    expect(await guarded(['app.write_thing'])).toEqual(written)
    const all = ['GET /things/1', 'PUT /things/1', 'POST /own', 'GET /own', 'GET /own']
    expect(await guarded(['app', 'ctx.fetch'])).toEqual({ refused: 0, sent: all })
    expect(await guarded()).toEqual({ refused: 0, sent: all })
    const refused = await tenant.call('run_workflow', { workflow: 'writer', mode: 'live', mayWrite: [] })
    expect(refused).toMatchObject({ status: 400, body: { where: 'mayWrite' } })
  })

  test('what a mock answers is checked like any answer: input, status, output schema', async () => {
    const { warnings } = await mock('shop.create_order', [{ output: { id: 7 } }], 'odd answer')
    expect(warnings).toEqual([expect.stringMatching(/answers\[0\]: output\.id must be string/)])
    await mock('shop.create_order', [{ status: 429, headers: { 'retry-after': '9' } }], 'rate limited')
    await deployWorkflow(
      tenant,
      'careful',
      'export default async (ctx) => ctx.connectors.shop.create_order(ctx.input)',
    )
    const answering = (scenario: string, input: object = { sku: 'a' }) =>
      run('careful', { input, mockScenarios: { 'shop.create_order': scenario } })
    expect(await answering('Limited')).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('was answered 429'), retryable: true },
    })
    expect(await answering('odd answer', { sku: 5 })).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('sku') },
    })
    const odd = await answering('odd')
    expect(odd).toMatchObject({ status: 'completed', output: { id: 7 } })
    const [{ id }] = await eventually(async () => {
      const { traces } = await tenant.ok('list_traces', { execution: odd.id })
      return traces.length === 1 && traces
    })
    const { trace } = await tenant.ok('get_trace', { trace: id })
    expect(trace.response.warnings).toEqual([expect.stringContaining('output.id must be string')])
    expect(await answering('unheard of')).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining("no mock of the scenario 'unheard of'") },
    })
    const live = { workflow: 'careful', input: { sku: 'a' }, mockScenarios: { 'shop.create_order': 'odd' } }
    expect((await tenant.call('run_workflow', live)).status).toBe(400)
    expect(sent()).toEqual([])
  })

  test('lists are played page by page, and end where their answers do', async () => {
    await mock('shop.list_orders', [
      { when: { cursor: 'c2' }, output: { orders: [3], next: 'c3' } },
      { output: { orders: [1, 2], next: 'c2' } },
    ])
    await deployWorkflow(
      tenant,
      'lists',
      `export default async (ctx) => {
        const all = await ctx.connectors.shop.list_orders.collect({})
        const read = []
        for await (const order of ctx.connectors.shop.list_orders.items({})) read.push(order)
        return { items: all.items, complete: all.complete, read }
      }`,
    )
    expect(await run('lists')).toMatchObject({
      status: 'completed',
      output: { items: [1, 2, 3], complete: true, read: [1, 2, 3] },
    })
    expect(sent()).toEqual([])
  })

  // Each way out of the sandbox; what they have in common is that the app hears of none.
  test.each([
    ['out-call', `ctx.connectors.app.read_thing({ id: '1' })`, 'set_action_mock'],
    ['out-ctx-fetch', `ctx.fetch('UPSTREAM/things/1')`, 'partial_mock'],
    ['out-global-fetch', `fetch('UPSTREAM/things/1')`, 'partial_mock'],
    ['out-child', `ctx.workflows.run('reads', {})`, 'get_execution'],
  ])('without a mock nothing gets out: %s', async (slug, call, hint) => {
    await deployWorkflow(
      tenant,
      'reads',
      `export default async (ctx) => ctx.connectors.app.read_thing({ id: '1' })`,
    ).catch(() => undefined)
    await deployWorkflow(
      tenant,
      slug,
      `export default async (ctx) => ${call.replace('UPSTREAM', upstream.url)}`,
    )
    const execution = await run(slug)
    expect(execution).toMatchObject({ status: 'failed' })
    expect(execution.error.message).toMatch(/calls no app|is mocked/)
    const { steps } = await tenant.ok('list_execution_steps', { execution: execution.id })
    expect(steps.at(-1).error.hint).toContain(hint)
    expect(sent()).toEqual([])
    // The same run live reaches it: the code was able to.
    await run(slug, { mode: 'live' })
    expect(sent()).toEqual(['GET /things/1'])
  })

  test('a partial mock answers what has one, and calls the rest', async () => {
    await mock('app.write_thing', [{ output: { written: true } }])
    await deployWorkflow(
      tenant,
      'half',
      `export default async (ctx) => [
        await ctx.connectors.app.read_thing({ id: '1' }),
        await ctx.connectors.app.write_thing({ id: '1', name: 'x' }),
      ]`,
    )
    const execution = await run('half', { mode: 'partial_mock' })
    expect(execution).toMatchObject({ mode: 'partial_mock', output: [{ ok: true }, { written: true }] })
    expect(sent()).toEqual(['GET /things/1'])
  })

  test('what a mocked run starts, wakes or leaves to be replayed is mocked too', async () => {
    await deployWorkflow(
      tenant,
      'waits',
      `export default async (ctx) => {
        const got = await ctx.wait.event('go', { timeout: '1h' })
        await ctx.connectors.app.read_thing({ id: 'woken' })
        return got
      }`,
      { tier: 'standard' },
    )
    await deployWorkflow(
      tenant,
      'late',
      `export default async (ctx) => ctx.connectors.app.read_thing({ id: 'late' })`,
      { tier: 'standard' },
    )
    await deployWorkflow(
      tenant,
      'busy',
      `export default async (ctx) => ({
        ...(await ctx.workflows.start('late', {})),
        received: (await ctx.events.send('go', { payload: 1 })).received,
      })`,
    )
    const { execution: waiting } = await tenant.ok('run_workflow', { workflow: 'waits' })
    await eventually(async () => {
      const { execution } = await tenant.ok('get_execution', { execution: waiting.id })
      return execution.status === 'waiting'
    })
    const { output } = await run('busy')
    expect(output.received).toBe(0)
    const started = await ended(output.executionId)
    expect(started).toMatchObject({ status: 'failed', mode: 'full_mock' })
    const replay = await tenant.ok('replay_execution', { execution: started.id })
    expect(await ended(replay.execution.id)).toMatchObject({ status: 'failed', mode: 'full_mock' })
    expect(sent()).toEqual([])
    await tenant.ok('cancel_execution', { execution: waiting.id })
  })

  test('mocks are listed, replaced and deleted; a key of a customer sets none', async () => {
    const of = { connector: 'app', action: 'read_thing' }
    expect((await tenant.ok('set_action_mock', { ...of, answers: [{ output: 1 }] })).created).toBe(true)
    expect((await tenant.ok('set_action_mock', { ...of, answers: [{ output: 2 }] })).created).toBe(false)
    const { mocks } = await tenant.ok('list_action_mocks', of)
    expect(mocks).toMatchObject([{ action: 'read_thing', scenario: 'default', answers: [{ output: 2 }] }])
    await tenant.ok('delete_action_mock', { ...of, scenario: 'default' })
    expect((await tenant.ok('list_action_mocks', of)).mocks).toEqual([])
    expect((await tenant.call('delete_action_mock', { ...of, scenario: 'default' })).status).toBe(404)
    const { customer } = await tenant.ok('create_customer', { name: 'Acme', slug: 'acme' })
    const key = await tenant.key({ role: 'owner', customerIds: [customer.id] })
    expect((await tenant.call('set_action_mock', { ...of, answers: [{ output: 1 }] }, key)).status).toBe(403)
    const other = await server.organization('Other')
    expect((await other.call('list_action_mocks', of)).status).toBe(404)
  })
})
