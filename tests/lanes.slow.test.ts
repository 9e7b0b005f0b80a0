import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { repairLanes } from '../db/lane-upkeep.ts'
import { MAX_LIVE } from '../db/lanes.ts'
import { describeOnBothDatabases } from './setup/database.ts'
import { deliver, deployWorkflow, installApp, installWebhook } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

const ROUNDS = 8

function promises(start: () => Promise<TestPlatform>): void {
  let server: TestPlatform
  let tenant: Tenant
  let upstream: Upstream
  /** Runs under way at the upstream, by the name they gave; and the most there ever were. */
  const together = new Map([
    ['narrow', 3],
    ['small', 2],
  ])
  const under = new Map<string, { now: number; most: number; order: number[] }>()

  beforeAll(async () => {
    server = await start()
    tenant = await server.organization()
    upstream = await startUpstream()
    // Counts what is under way for as long as it takes to answer.
    upstream.answer = async ({ path }) => {
      const [, name = '', n = ''] = /([\w-]+)[/.](\d+)$/.exec(path) ?? []
      const of = under.get(name) ?? { now: 0, most: 0, order: [] }
      under.set(name, of)
      of.now += 1
      of.most = Math.max(of.most, of.now)
      of.order.push(Number(n))
      // The first stay until as many are there as may be.
      do await new Promise((next) => setTimeout(next, 15))
      while (of.order.length < (together.get(name) ?? 0))
      of.now -= 1
      const fails = /(in-line|known)\.1$/.test(path) && of.order.filter((seen) => seen === 1).length === 1
      return { status: fails ? 503 : 200, body: {} }
    }
    await installApp(tenant, upstream.url)
  })
  afterAll(async () => {
    await server.close()
    await upstream.close()
  })

  const visits = (name: string) =>
    `export default async (ctx) => { await ctx.fetch('${upstream.url}/${name}/' + ctx.input.n) }`
  const allEnded = (workflow: string, count: number): Promise<Body[]> =>
    eventually(async () => {
      const { executions } = await tenant.ok('list_executions', { workflow, limit: 100 })
      const open = executions.filter(({ status }: Body) => ['queued', 'running', 'waiting'].includes(status))
      return executions.length === count && open.length === 0 && executions
    })
  const sendMany = (url: string, input: (n: number) => object = (n) => ({ n })) =>
    Promise.all(Array.from({ length: ROUNDS }, (_, n) => deliver(url, input(n))))

  test('no more of a workflow run at once than its concurrency says', async () => {
    const slug = await deployWorkflow(tenant, 'narrow', visits('narrow'), { concurrency: { limit: 3 } })
    await sendMany((await installWebhook(tenant, slug)).url)
    expect((await allEnded(slug, ROUNDS)).every(({ status }) => status === 'completed')).toBe(true)
    expect(under.get('narrow')).toMatchObject({ most: 3, now: 0 })
  })

  test('a concurrency key lets only runs with the same value wait for one another', async () => {
    const slug = await deployWorkflow(
      tenant,
      'keyed',
      `export default async (ctx) => { await ctx.fetch('${upstream.url}/keyed-' + ctx.input.order.id + '/0') }`,
      { concurrency: { limit: 1, key: 'input.order.id' } },
    )
    await sendMany((await installWebhook(tenant, slug)).url, (n) => ({ order: { id: n % 2 } }))
    await allEnded(slug, ROUNDS)
    expect([under.get('keyed-0')?.most, under.get('keyed-1')?.most]).toEqual([1, 1])
  })

  test('counts that a deletion left wrong are put right, and what they held back runs', async () => {
    const slug = await deployWorkflow(tenant, 'mended', visits('mended'), { concurrency: { limit: 1 } })
    const { url } = await installWebhook(tenant, slug)
    await deliver(url, { n: 0 })
    await allEnded(slug, 1)
    const { id } = (await tenant.ok('get_workflow', { workflow: slug })).workflow
    const lane = `w:${id}:dev`
    await server.platform.db.system((tx) =>
      tx.run('UPDATE lanes SET taken = 1, waiting = 7 WHERE id = $1', [lane]),
    )
    await deliver(url, { n: 1 })
    const held = async () =>
      (await tenant.ok('list_executions', { workflow: slug, status: 'queued' })).executions.length
    await eventually(async () => (await held()) === 1)
    expect(await repairLanes(server.platform.db)).toEqual([lane])
    await allEnded(slug, 2)
  })

  test('a customer with too much that has not ended is refused more, and is taken again when it has', async () => {
    const slug = await deployWorkflow(tenant, 'flooded', visits('flooded'))
    const { url } = await installWebhook(tenant, slug)
    const lane = `c:${tenant.organizationId}`
    const live = (change: number) =>
      server.platform.db.system((tx) =>
        tx.run('UPDATE lanes SET live = live + $2 WHERE id = $1', [lane, change]),
      )
    await deliver(url, { n: 0 })
    await allEnded(slug, 1)
    await live(MAX_LIVE)
    try {
      // Looked at now and then, so perhaps not at once.
      const refused = await eventually(async () => {
        const answer = await deliver(url, { n: 1 })
        return answer.status === 429 && answer
      })
      expect(refused.body).toMatchObject({ code: 'limit_exceeded' })
      expect((await tenant.call('run_workflow', { workflow: slug, environment: 'dev' })).status).toBe(429)
    } finally {
      await live(-MAX_LIVE)
    }
    await eventually(async () => (await deliver(url, { n: 2 })).status === 202)
  })

  test('a sequential webhook runs one after the other in the order of arrival, retries included', async () => {
    const slug = await deployWorkflow(
      tenant,
      'in-line',
      `export default async (ctx) => { await ctx.connectors.app.write_thing({ id: 'in-line.' + ctx.input.n }) }`,
      { retry: { maxAttempts: 2, initialIntervalMs: 50, maxIntervalMs: 50 } },
    )
    const { url } = await installWebhook(tenant, slug, {
      verification: { scheme: 'none' },
      mode: 'sequential',
    })
    for (let n = 0; n < 5; n += 1) await deliver(url, { n })
    await allEnded(slug, 5)
    expect(under.get('in-line')).toMatchObject({ most: 1, order: [0, 1, 1, 2, 3, 4] })
  })

  test('a key held until a run has ended guards what is looked up before it is made, retries and waits included', async () => {
    const looks = (name: string) => `export default async (ctx) => {
      if (await ctx.db.get('made', '${name}')) return { skipped: true }
      await ctx.wait.event('nothing', { timeout: 300 })
      await ctx.connectors.app.write_thing({ id: '${name}.' + ctx.input.n })
      await ctx.db.put('made', '${name}', { n: ctx.input.n })
    }`
    const sent = async (name: string, hold: string) => {
      const slug = await deployWorkflow(tenant, name, looks(name), {
        retry: { maxAttempts: 2, initialIntervalMs: 300, maxIntervalMs: 300 },
        concurrency: { limit: 1, key: 'input.n', hold },
      })
      await sendMany((await installWebhook(tenant, slug)).url, () => ({ n: 1 }))
      const ended = await allEnded(slug, ROUNDS)
      expect(ended.every(({ status }) => status === 'completed')).toBe(true)
      return under.get(name)
    }
    // The first time the app is down; then it is made once.
    expect(await sent('known', 'until_ended')).toMatchObject({ most: 1, order: [1, 1] })
    // One that makes way meanwhile goes on with what it saw before, which is no longer so.
    expect((await sent('forgot', 'while_running'))?.order.length).toBeGreaterThan(1)
  })

  test('what one customer’s run holds until it has ended holds up no other customer’s', async () => {
    const slug = await deployWorkflow(
      tenant,
      'held-apart',
      "export default async (ctx) => ctx.wait.event('never')",
      {
        concurrency: { limit: 1, hold: 'until_ended' },
      },
    )
    const runs: [customer: string, status: string][] = []
    for (const name of ['One', 'Two']) {
      const { customer } = await tenant.ok('create_customer', { name: `Holds ${name}` })
      for (let n = 0; n < 2; n += 1)
        await tenant.ok('run_workflow', { workflow: slug, environment: 'dev', customer: customer.id })
      runs.push([customer.id, 'waiting'], [customer.id, 'queued'])
    }
    await eventually(async () => {
      const { executions } = await tenant.ok('list_executions', { workflow: slug })
      const seen = executions.map(({ customerId, status }: Body) => `${customerId} ${status}`)
      return runs.every((run) => seen.includes(run.join(' ')))
    })
    const { executions } = await tenant.ok('list_executions', { workflow: slug })
    for (const { id } of executions) await tenant.ok('cancel_execution', { execution: id })
  })

  test('no more runs of a customer than it may have at once; a new limit counts at once', async () => {
    const { customer } = await tenant.ok('create_customer', { name: 'Small' })
    await tenant.ok('update_customer', { customer: customer.id, maxRunning: 2 })
    const slug = await deployWorkflow(tenant, 'small', visits('small'))
    const hook = await installWebhook(tenant, slug, {
      verification: { scheme: 'none' },
      customer: customer.id,
    })
    await sendMany(hook.url)
    await allEnded(slug, ROUNDS)
    expect(under.get('small')).toMatchObject({ most: 2, now: 0 })
  })

  test('what starts more often than a workflow may starts in a later window, and is not lost', async () => {
    const slug = await deployWorkflow(tenant, 'slowly', visits('slowly'), {
      rateLimit: { limit: 4, seconds: 1 },
    })
    await sendMany((await installWebhook(tenant, slug)).url)
    const executions = await allEnded(slug, ROUNDS)
    const starts = executions.map(({ startedAt }) => Date.parse(startedAt)).sort((a, b) => a - b)
    // Eight at four a second take two windows: the fifth starts a second after the first was asked for.
    const asked = Math.min(...executions.map(({ createdAt }) => Date.parse(createdAt)))
    expect((starts[4] ?? 0) - asked).toBeGreaterThanOrEqual(950)
  })

  test('an instant run that may not start now is refused with 429 and when to come back', async () => {
    const slug = await deployWorkflow(tenant, 'rarely', 'export default async () => 1', {
      tier: 'instant',
      rateLimit: { limit: 1, seconds: 3600 },
    })
    await tenant.ok('run_workflow', { workflow: slug })
    const { status, body } = await tenant.call('run_workflow', { workflow: slug })
    expect({ status, code: body.code }).toEqual({ status: 429, code: 'limit_exceeded' })
    expect(body.retryAfterSeconds).toBeGreaterThan(3000)
  })

  test('one that waits for a place and is cancelled makes way, and its place is not lost', async () => {
    const held = await deployWorkflow(tenant, 'held', visits('held'), { concurrency: { limit: 1 } })
    const { url } = await installWebhook(tenant, held)
    const all = await Promise.all(Array.from({ length: 6 }, (_, n) => deliver(url, { n })))
    const last = all.at(-1)?.body.executionIds[0]
    await tenant.call('cancel_execution', { execution: last })
    await allEnded(held, 6)
    const rows = await server.platform.db.system((tx) =>
      tx.rows<{ id: string; taken: number; waiting: number; live: number }>(
        'SELECT id, taken, waiting, live FROM lanes WHERE organization_id = $1 AND (taken > 0 OR waiting > 0 OR live > 0)',
        [tenant.organizationId],
      ),
    )
    expect(rows).toEqual([])
  })
}

describeOnBothDatabases('limits of what runs at once', (kind) => promises(() => startTestPlatform(kind)))

describe.skipIf(inject('postgresUrl') === null || inject('redisUrl') === null)(
  'limits of what runs at once, with the queue on Redis (needs Postgres and Redis servers)',
  () => promises(() => startTestPlatform('postgres', { REDIS_URL: `${inject('redisUrl')}/2` })),
)
