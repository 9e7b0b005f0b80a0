import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeOnBothDatabases } from './setup/database.ts'
import { deployWorkflow, executionsOf, installApp } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** Retries soon enough for a test. */
const quickly = { maxAttempts: 3, initialIntervalMs: 50, backoffCoefficient: 1, maxIntervalMs: 50 }

describeOnBothDatabases('durable executions', (kind) => {
  let server: TestPlatform
  let tenant: Tenant
  let upstream: Upstream

  beforeAll(async () => {
    server = await startTestPlatform(kind)
    tenant = await server.organization()
    upstream = await startUpstream()
    await installApp(tenant, upstream.url)
    // Answers 503 as often as the path says, then 200 with the number of times it was asked.
    const asked = new Map<string, number>()
    upstream.answer = ({ path }) => {
      const times = (asked.get(path) ?? 0) + 1
      asked.set(path, times)
      const failures = Number(/fail-(\d+)/.exec(path)?.[1] ?? 0)
      return times <= failures ? { status: 503, body: {} } : { status: 200, body: { times } }
    }
  })
  afterAll(async () => {
    await server.close()
    await upstream.close()
  })

  const { start, get, ended, inStatus } = executionsOf(() => tenant)
  const timesAsked = (path: string) => upstream.received.filter((request) => request.path === path).length
  const lines = (execution: Body): string[] =>
    execution.logs.flatMap((log: Body) => log.lines).map((line: Body) => line.message)

  describe.concurrent('a run goes on', () => {
    test('a retry does again what failed, and not what was done', async () => {
      const slug = await deployWorkflow(
        tenant,
        'retried',
        `export default async (ctx) => {
          const made = await ctx.fetch('${upstream.url}/retried', { method: 'POST' })
          const stepped = await ctx.step('compute', () => ({ n: Math.random() }))
          await ctx.connectors.app.write_thing({ id: 'fail-3-retried', name: 'x' })
          return { times: (await made.json()).times, n: stepped.n, again: Math.random() }
        }`,
        { retry: quickly },
      )
      const execution = await ended(await start(slug))
      expect(execution).toMatchObject({ status: 'completed', output: { times: 1 } })
      expect(execution.attempt).toBeGreaterThan(1)
      expect(timesAsked('/retried')).toBe(1)
      const { steps } = await tenant.ok('list_execution_steps', { execution: execution.id })
      expect(
        steps.map(({ kind, name, status }: Body) => [kind, name.replace(upstream.url, ''), status]),
      ).toEqual([
        ['fetch', '/retried', 'done'],
        ['step', 'compute', 'done'],
        ['connectors.call', 'app.write_thing', 'done'],
      ])
      expect(execution.output.n).toBe(steps[1].output.n)
    })

    test('one that waits holds no worker, and goes on with the same past, time and luck', async () => {
      const slug = await deployWorkflow(
        tenant,
        'waits',
        `export default async (ctx) => {
          const before = [Date.now(), Math.random(), crypto.randomUUID(), new Date().toISOString()]
          ctx.log.info('before')
          const made = await ctx.fetch('${upstream.url}/waits?' + before.join(), { method: 'POST' })
          const event = await ctx.wait.event('paid', { key: ctx.input.invoice })
          ctx.log.info('after ' + event.amount)
          return { before, event, asked: (await made.json()).times, passed: Date.now() > before[0] }
        }`,
      )
      const id = await start(slug, { invoice: 'i-1' })
      const waiting = await inStatus(id, 'waiting')
      expect(waiting).toMatchObject({ finishedAt: null, dueAt: null, runs: 1 })
      expect((await tenant.ok('send_event', { name: 'paid', key: 'another' })).received).toEqual([])
      const { received } = await tenant.ok('send_event', { name: 'paid', key: 'i-1', payload: { amount: 5 } })
      expect(received).toEqual([id])
      const execution = await ended(id)
      expect(execution).toMatchObject({
        status: 'completed',
        attempt: 1,
        runs: 2,
        output: { event: { amount: 5 }, asked: 1, passed: true },
      })
      expect(lines(execution)).toEqual(['before', 'after 5'])
      expect(upstream.received.filter(({ path }) => path.startsWith('/waits'))).toHaveLength(1)
    })

    test('an event that comes before it is waited for is kept for the execution it is addressed to', async () => {
      const slug = await deployWorkflow(
        tenant,
        'early',
        `export default async (ctx) => {
          const first = await ctx.wait.event('go')
          return [first, await ctx.wait.event('later')]
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      await tenant.ok('send_event', { name: 'later', execution: id, payload: 2 })
      await tenant.ok('send_event', { name: 'go', execution: id, payload: 1 })
      expect(await ended(id)).toMatchObject({ status: 'completed', output: [1, 2] })
      const late = await tenant.call('send_event', { name: 'go', execution: id })
      expect(late).toMatchObject({ status: 409, body: { code: 'conflict' } })
    })

    test('a person decides, and the workflow learns who and how', async () => {
      const slug = await deployWorkflow(
        tenant,
        'asks',
        `export default async (ctx) => ctx.wait.approval({ title: 'Refund?', data: { amount: ctx.input } })`,
      )
      const id = await start(slug, 12)
      await inStatus(id, 'waiting')
      const { approvals } = await tenant.ok('list_approvals', { execution: id })
      expect(approvals).toMatchObject([{ title: 'Refund?', data: { amount: 12 }, status: 'pending' }])
      await tenant.ok('decide_approval', { approval: approvals[0].id, approved: false, comment: 'too much' })
      expect(await ended(id)).toMatchObject({
        status: 'completed',
        output: { approved: false, comment: 'too much', by: expect.stringMatching(/^key_/) },
      })
      const again = await tenant.call('decide_approval', { approval: approvals[0].id, approved: true })
      expect(again.status).toBe(409)
    })

    test('a wait ends by itself when its time is up', async () => {
      const slug = await deployWorkflow(
        tenant,
        'gives-up',
        `export default async (ctx) => [
          await ctx.wait.event('never', { timeout: '300ms' }),
          (await ctx.wait.approval({ title: 'Anyone?', timeout: 300 })).approved,
        ]`,
      )
      expect(await ended(await start(slug))).toMatchObject({ status: 'completed', output: [null, false] })
    })

    test('a long sleep holds no worker, and ends on time', async () => {
      const slug = await deployWorkflow(
        tenant,
        'sleeps',
        `export default async (ctx) => {
          const at = Date.now()
          await ctx.sleep('5.5s')
          return Date.now() - at
        }`,
      )
      const id = await start(slug)
      expect((await inStatus(id, 'waiting')).dueAt).not.toBeNull()
      const execution = await ended(id)
      expect(execution).toMatchObject({ status: 'completed', runs: 2 })
      expect(execution.output).toBeGreaterThanOrEqual(5_500)
      expect(execution.runMs).toBeLessThan(2_000)
    })

    test('a failure it caught is the same failure when it goes on', async () => {
      const slug = await deployWorkflow(
        tenant,
        'caught',
        `export default async (ctx) => {
          let how = 'worked'
          try {
            await ctx.connectors.app.read_thing({ id: 'fail-3-caught' })
          } catch (error) {
            how = error.code
          }
          await ctx.wait.event('on')
          return how
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      const before = timesAsked('/things/fail-3-caught')
      await tenant.ok('send_event', { name: 'on', execution: id })
      expect(await ended(id)).toMatchObject({ status: 'completed', output: 'upstream_error' })
      expect(timesAsked('/things/fail-3-caught')).toBe(before)
    })

    test('calls that are alike, in steps and out of them, in parallel and in a row, keep their own results', async () => {
      const slug = await deployWorkflow(
        tenant,
        'alike',
        `export default async (ctx) => {
          const ask = async (c) => (await (await c.fetch('${upstream.url}/alike', { method: 'POST' })).json()).times
          const parallel = await Promise.all([ask(ctx), ask(ctx), ctx.step('one', (c) => ask(c)), ctx.step('two', () => ask(ctx))])
          const inStep = await ctx.step('three', async (c) => [await ask(c), await c.step('inner', (i) => ask(i))])
          const after = await ask(ctx)
          const all = [...parallel, ...inStep, after]
          ctx.log.info(all.join())
          await ctx.wait.event('alike')
          ctx.log.info(all.join())
          return [new Set(all).size, await ask(ctx)]
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      await tenant.ok('send_event', { name: 'alike', execution: id })
      const execution = await ended(id)
      expect(execution).toMatchObject({ status: 'completed', output: [7, 8] })
      expect(new Set(lines(execution)).size).toBe(1)
      expect(timesAsked('/alike')).toBe(8)
    })

    test('an instant run that takes too long goes on in the background, if its workflow says so', async () => {
      const slug = await deployWorkflow(
        tenant,
        'escalates',
        `export default async (ctx) => {
          await ctx.fetch('${upstream.url}/escalates', { method: 'POST' })
          await ctx.sleep(900)
          return 'done'
        }`,
        { tier: 'instant', timeoutMs: 500, escalateOnTimeout: true },
      )
      const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
      expect(execution).toMatchObject({ status: 'queued', tier: 'standard' })
      expect(await ended(execution.id)).toMatchObject({ status: 'completed', output: 'done', runs: 2 })
      expect(timesAsked('/escalates')).toBe(1)
    })

    test('an instant run is told that it cannot wait', async () => {
      const slug = await deployWorkflow(
        tenant,
        'impatient',
        `export default async (ctx) => ctx.wait.event('x')`,
        { tier: 'instant' },
      )
      const { execution } = await tenant.ok('run_workflow', { workflow: slug, environment: 'dev' })
      expect(execution).toMatchObject({ status: 'failed' })
      expect((await get(execution.id)).error.message).toMatch(/instant workflow cannot wait/)
    })

    test('a caller may wait for the outcome, and is not kept longer than it asked', async () => {
      const quick = await deployWorkflow(tenant, 'awaited', `export default async (ctx) => ctx.input + 1`)
      const run = { environment: 'dev', input: 1 }
      const done = await tenant.ok('run_workflow', { workflow: quick, ...run, waitSeconds: 30 })
      expect(done.execution).toMatchObject({ status: 'completed', output: 2 })
      const slow = await deployWorkflow(tenant, 'unawaited', `export default async (ctx) => ctx.sleep(3_000)`)
      const open = await tenant.ok('run_workflow', { workflow: slow, ...run, waitSeconds: 0.2 })
      expect(['queued', 'running']).toContain(open.execution.status)
    })

    test('events stay in their environment, and a test key has no say in production', async () => {
      const code = `export default async (ctx) => {
        if (ctx.input === 'send') return ctx.events.send('crossing', { payload: ctx.environment })
        return [await ctx.wait.event('crossing'), await ctx.wait.approval({ title: 'Go?' })]
      }`
      const workflow = await deployWorkflow(tenant, 'crossing', code)
      await tenant.ok('deploy_workflow', { workflow, environment: 'production' })
      const { execution } = await tenant.ok('run_workflow', { workflow, environment: 'production' })
      await inStatus(execution.id, 'waiting')
      const sender = await ended(await start(workflow, 'send'))
      expect(sender).toMatchObject({ status: 'completed', output: { received: 0 } })

      const testKey = await tenant.key({ role: 'developer', mode: 'test' })
      const refusedTo = async (tool: string, input: object) =>
        expect(await tenant.call(tool, input, testKey)).toMatchObject({ status: 403 })
      expect((await tenant.ok('send_event', { name: 'crossing' }, testKey)).received).toEqual([])
      await refusedTo('send_event', { name: 'crossing', execution: execution.id })
      await refusedTo('cancel_execution', { execution: execution.id })
      expect((await tenant.ok('send_event', { name: 'crossing', environment: 'dev' })).received).toEqual([])
      expect((await tenant.ok('send_event', { name: 'crossing' })).received).toEqual([execution.id])
      const approval = await eventually(
        async () => (await tenant.ok('list_approvals', { execution: execution.id })).approvals[0],
      )
      await refusedTo('decide_approval', { approval: approval.id, approved: true })
      await tenant.ok('decide_approval', { approval: approval.id, approved: true })
      expect(await ended(execution.id)).toMatchObject({ status: 'completed' })
    })

    test('the list of steps leaves out what is too large to be looked at, and what may be secret', async () => {
      const slug = await deployWorkflow(
        tenant,
        'large',
        `export default async (ctx) => {
          await ctx.step('large', () => 'x'.repeat(100_000))
          await ctx.step('small', () => 'x')
          await ctx.fetch('http://name:hunter2@example.test/path?token=hunter3').catch(() => null)
        }`,
      )
      const execution = await ended(await start(slug))
      const { steps } = await tenant.ok('list_execution_steps', { execution: execution.id })
      expect(steps).toMatchObject([
        { name: 'large', output: null, outputOmitted: true },
        { name: 'small', output: 'x', outputOmitted: false },
        { name: 'http://example.test/path', status: 'failed' },
      ])
      expect(JSON.stringify(steps)).not.toMatch(/hunter/)
    })

    test('one that waits can be cancelled, and is then over', async () => {
      const slug = await deployWorkflow(
        tenant,
        'stopped',
        `export default async (ctx) => ctx.wait.event('x')`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      await tenant.ok('cancel_execution', { execution: id })
      expect(await get(id)).toMatchObject({ status: 'cancelled' })
      expect((await tenant.ok('send_event', { name: 'x' })).received).toEqual([])
    })

    test('who waits for the outcome waits over a retry', async () => {
      const slug = await deployWorkflow(
        tenant,
        'waited-for',
        "export default async (ctx) => (await ctx.connectors.app.write_thing({ id: 'fail-3-waited', name: 'x' })) && 'done'",
        { retry: quickly },
      )
      const request = { workflow: slug, environment: 'dev', input: null, waitSeconds: 30 }
      const { execution } = await tenant.ok('run_workflow', request)
      expect(execution).toMatchObject({ status: 'completed', output: 'done', attempt: 2 })
    })

    test('what a step drew by lot or logged changes nothing of what comes after it', async () => {
      const slug = await deployWorkflow(
        tenant,
        'lucky',
        `export default async (ctx) => {
          await ctx.step('luck', async (ctx) => {
            ctx.log.info('in the step')
            await ctx.sleep(1)
            return [Math.random(), Math.random(), Math.random()]
          })
          const id = crypto.randomUUID()
          ctx.log.info('before')
          await ctx.fetch('${upstream.url}/lucky/' + id, { method: 'POST' })
          await ctx.wait.event('lucky')
          ctx.log.info('after')
          ctx.log.info('in the step')
          return id
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      await tenant.ok('send_event', { name: 'lucky' })
      const execution = await ended(id)
      const asked = upstream.received.filter(({ path }) => path.startsWith('/lucky/')).map(({ path }) => path)
      expect(asked).toEqual([`/lucky/${execution.output}`])
      expect(lines(execution)).toEqual(['in the step', 'before', 'after', 'in the step'])
      expect(Object.keys(execution.logs[0].lines[0]).sort()).toEqual(['at', 'level', 'message'])
    })

    test('what it did beside a step is not part of the step', async () => {
      const slug = await deployWorkflow(
        tenant,
        'aside',
        `export default async (ctx) => {
          const post = (c, path) => c.fetch('${upstream.url}/' + path, { method: 'POST' })
          await Promise.all([
            ctx.step('slow', async (c) => { for (let i = 0; i < 4; i++) await post(c, 'aside-in') }),
            (async () => { for (let i = 0; i < 3; i++) await post(ctx, 'aside-' + i) })(),
          ])
          await ctx.wait.event('aside')
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      await tenant.ok('send_event', { name: 'aside' })
      await ended(id)
      expect(['/aside-in', '/aside-0', '/aside-1', '/aside-2'].map(timesAsked)).toEqual([4, 1, 1, 1])
    })

    test('an event that was received is not lost when the time is up a moment later', async () => {
      const slug = await deployWorkflow(
        tenant,
        'just-in-time',
        `export default async (ctx) => {
          const both = await Promise.all([ctx.wait.event('in-time', { timeout: 900 }), ctx.sleep(1_500)])
          return both[0]
        }`,
      )
      const id = await start(slug)
      await eventually(
        async () => (await tenant.ok('send_event', { name: 'in-time', payload: 'here' })).received.length > 0,
      )
      expect(await ended(id)).toMatchObject({ status: 'completed', output: 'here' })
    })

    test('an event kept for it with a key is for the wait with that key', async () => {
      const slug = await deployWorkflow(
        tenant,
        'keyed-early',
        `export default async (ctx) => {
          await ctx.wait.event('begin')
          return [await ctx.wait.event('part', { key: 'b' }), await ctx.wait.event('part', { key: 'a' })]
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      for (const key of ['a', 'b'])
        await tenant.ok('send_event', { name: 'part', key, execution: id, payload: key })
      await tenant.ok('send_event', { name: 'begin', execution: id })
      expect(await ended(id)).toMatchObject({ status: 'completed', output: ['b', 'a'] })
    })

    test('the time at which an event was found is the same when it goes on', async () => {
      const slug = await deployWorkflow(
        tenant,
        'timed',
        `export default async (ctx) => {
          await ctx.wait.event('begin')
          for (let i = 0; i < 6; i++) {
            await ctx.wait.event('tick')
            await ctx.fetch('${upstream.url}/timed?' + i + '-' + Date.now(), { method: 'POST' })
          }
          await ctx.wait.event('finish')
        }`,
      )
      const id = await start(slug)
      await inStatus(id, 'waiting')
      for (let i = 0; i < 6; i += 1) await tenant.ok('send_event', { name: 'tick', execution: id })
      await tenant.ok('send_event', { name: 'begin', execution: id })
      await eventually(async () => (await get(id)).runs === 2 && (await inStatus(id, 'waiting')))
      await tenant.ok('send_event', { name: 'finish', execution: id })
      await ended(id)
      expect(upstream.received.filter(({ path }) => path.startsWith('/timed'))).toHaveLength(6)
    })

    test('code that waits for time to pass by itself is told that it does not', async () => {
      const slug = await deployWorkflow(
        tenant,
        'busy',
        `export default async () => { const end = Date.now() + 50; while (Date.now() < end); }`,
      )
      const execution = await ended(await start(slug))
      expect(execution).toMatchObject({
        status: 'failed',
        error: { message: expect.stringMatching(/ctx\.sleep/) },
      })
    })
  })

  describe.concurrent('a replay', () => {
    const broken = (fixed: boolean) => `export default async (ctx) => {
      const { times } = await (await ctx.fetch('${upstream.url}/' + ctx.input, { method: 'POST' })).json()
      await ctx.connectors.app.write_thing({ id: 'mended', name: ${fixed ? "'right'" : 'nothing.here'} })
      return times
    }`

    test('from the failed step with the mended version does the rest, and nothing twice', async () => {
      const slug = await deployWorkflow(tenant, 'mended', broken(false))
      const failed = await ended(await start(slug, 'mended-1'))
      expect(failed).toMatchObject({ status: 'failed', error: { name: 'ReferenceError' } })
      await tenant.ok('update_workflow', { workflow: slug, code: broken(true) })
      await tenant.ok('publish_workflow', { workflow: slug })
      await tenant.ok('deploy_workflow', { workflow: slug, environment: 'dev' })
      const { execution } = await tenant.ok('replay_execution', { execution: failed.id, from: 'failed_step' })
      expect(await ended(execution.id)).toMatchObject({ status: 'completed', output: 1, replayOf: failed.id })
      expect(timesAsked('/mended-1')).toBe(1)
      const fromStart = await tenant.ok('replay_execution', { execution: failed.id })
      expect(await ended(fromStart.execution.id)).toMatchObject({ status: 'completed', output: 2 })
    })

    test('by filter asked for twice at the same time takes each once', async () => {
      const slug = await deployWorkflow(
        tenant,
        'raced',
        `export default async () => { throw new Error('no') }`,
      )
      const failed = await Promise.all([1, 2, 3].map(async (n) => (await ended(await start(slug, n))).id))
      const filter = { workflow: slug, status: 'failed', limit: 10 }
      const both = await Promise.all([1, 2].map(() => tenant.ok('replay_executions', filter)))
      const taken = both.flatMap(({ replayed }) => replayed.map(({ execution }: Body) => execution))
      expect(taken.filter((id) => failed.includes(id)).sort()).toEqual([...failed].sort())
    })

    test('by filter takes all that failed, once', async () => {
      const slug = await deployWorkflow(
        tenant,
        'many',
        `export default async (ctx) => { throw new Error('no ' + ctx.input) }`,
      )
      const failed = await Promise.all([1, 2, 3].map(async (n) => (await ended(await start(slug, n))).id))
      const filter = { workflow: slug, status: 'failed', limit: 10 }
      const dry = await tenant.ok('replay_executions', { ...filter, dryRun: true })
      expect(dry.replayed.map(({ execution }: Body) => execution).sort()).toEqual([...failed].sort())
      const { replayed, refused } = await tenant.ok('replay_executions', filter)
      expect(refused).toEqual([])
      expect(replayed.map(({ execution }: Body) => execution).sort()).toEqual([...failed].sort())
      await Promise.all(replayed.map(({ replay }: Body) => ended(replay)))
      const again = await tenant.ok('replay_executions', filter)
      // What is left are the replays themselves, which failed as well.
      expect(again.replayed.map(({ execution }: Body) => execution).sort()).toEqual(
        replayed.map(({ replay }: Body) => replay).sort(),
      )
    })
  })

  test('the app called gets the same idempotency key when a call is made again', async () => {
    await tenant.ok('import_spec', {
      slug: 'keyed',
      baseUrl: upstream.url,
      spec: JSON.stringify({
        openapi: '3.0.3',
        info: { title: 'Keyed', version: '1' },
        paths: {
          '/charges/{id}': {
            post: {
              operationId: 'charge',
              parameters: [
                { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
                { name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } },
              ],
              responses: { 200: { description: 'ok' } },
            },
          },
        },
      }),
    })
    const slug = await deployWorkflow(
      tenant,
      'charges',
      `export default async (ctx) => {
        await ctx.connectors.keyed.charge({ id: 'fail-9-charge' }).catch(() => null)
        throw new Error('no')
      }`,
    )
    const failed = await ended(await start(slug))
    const { execution } = await tenant.ok('replay_execution', { execution: failed.id, from: 'failed_step' })
    await ended(execution.id)
    const other = await tenant.ok('replay_execution', { execution: failed.id })
    await ended(other.execution.id)
    const keys = upstream.received
      .filter(({ path }) => path === '/charges/fail-9-charge')
      .map(({ headers }) => headers['idempotency-key'])
    expect(keys.every((key) => typeof key === 'string')).toBe(true)
    expect(new Set(keys).size).toBe(2)
  })
})
