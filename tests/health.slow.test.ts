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
