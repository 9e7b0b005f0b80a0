import { expect, inject, test } from 'vitest'
import { eventually, startTestPlatform } from './setup/platform.ts'
import { startRedis } from './setup/redis-server.ts'

test.skipIf(inject('postgresUrl') === null || inject('redisUrl') === null)(
  'readiness tells the truth: not ready while the queue’s Redis is gone, alive all the same (needs Postgres and Redis servers)',
  async () => {
    const redis = await startRedis()
    if (redis === undefined) throw new Error('redis-server was there a moment ago')
    const server = await startTestPlatform('postgres', { REDIS_URL: redis.url })
    const ready = () => fetch(`${server.url}/readyz`)
    expect(await (await ready()).json()).toEqual({ status: 'ready', checks: { database: 'ok', queue: 'ok' } })
    await redis.stop()
    const gone = await eventually(async () => {
      const answer = await ready()
      return answer.status === 503 && ((await answer.json()) as { checks: Record<string, string> })
    })
    expect(gone.checks).toMatchObject({ database: 'ok' })
    expect(gone.checks.queue).not.toBe('ok')
    const healthy = await fetch(`${server.url}/healthz`)
    expect(healthy.status).toBe(200)
    expect(healthy.headers.get('keep-alive')).toBe('timeout=75') // longer than proxies keep an idle connection
    await server.close() // ends too, with the queue away
  },
  60_000,
)

test.skipIf(inject('postgresUrl') === null)(
  'a server that leaves executions to workers says when none takes them, and accepts all the same (needs a Postgres server)',
  async () => {
    const server = await startTestPlatform('postgres', { PATCHBAY_WORKER_CONCURRENCY: '0' })
    const tenant = await server.organization()
    await tenant.ok('create_workflow', {
      name: 'wait',
      slug: 'wait',
      tier: 'standard',
      code: 'export default async () => 1',
    })
    await tenant.ok('publish_workflow', { workflow: 'wait' })
    await tenant.ok('deploy_workflow', { workflow: 'wait', environment: 'dev' })
    const start = () => tenant.ok('run_workflow', { workflow: 'wait', environment: 'dev' })
    const ready = async () => (await fetch(`${server.url}/readyz`)).json()
    await start()
    expect(await ready()).toEqual({ status: 'ready', checks: { database: 'ok', queue: 'ok' } })
    await server.platform.db.system((tx) =>
      tx.rows(`UPDATE executions SET due_at = due_at - interval '2 minutes' RETURNING id`, []),
    )
    const told = await eventually(async () => {
      const answer = (await ready()) as { status: string; checks: Record<string, string> }
      return answer.checks.workers !== undefined && answer
    })
    expect(told).toEqual({
      status: 'ready',
      checks: { database: 'ok', queue: 'ok', workers: 'none takes the executions that wait (1)' },
    })
    await start()
    await server.close()
  },
  60_000,
)
