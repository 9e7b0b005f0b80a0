import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, inject, test } from 'vitest'
import { createTestDatabase } from '../setup/database.ts'
import { deliver } from '../setup/flow.ts'
import { type Body, eventually } from '../setup/platform.ts'
import { startRedis } from '../setup/redis-server.ts'
import { startServerProcess } from '../setup/server-process.ts'
import { startUpstream } from '../setup/upstream.ts'
import { report, runFaults } from './run-faults.ts'

const here = inject('postgresUrl') !== null && spawnSync('redis-server', ['--version']).status === 0
const needed = '(needs Postgres and redis-server)'

describe.skipIf(!here)('under faults', () => {
  // `npm run test:faults` is the long form.
  test(`a few rounds lose nothing and do nothing twice ${needed}`, { timeout: 120_000 }, async () => {
    const said: string[] = []
    const options = {
      backend: 'redis' as const,
      seed: 275, // kills a worker first, Redis twice, a sandbox and Postgres; stops the server; drops answers
      rounds: 7,
      perSecond: 3,
      gap: 1.5,
      patience: 2,
      say: (text: string) => said.push(text),
    }
    const figures = await runFaults(options)
    const { text } = report(options, figures)
    console.log([...said, text].join('\n'))
    expect(figures.notes).toEqual([])
    expect(Object.values(figures.wrong).every((n) => n === 0)).toBe(true)
    expect(figures.failed).toEqual({})
    expect(figures.completed).toBe(figures.accepted)
    expect(figures.accepted).toBeGreaterThan(20)
  })

  test(`jobs that were in a Redis that comes back empty run all the same ${needed}`, {
    timeout: 90_000,
  }, async () => {
    const database = await createTestDatabase('postgres')
    const redis = await startRedis()
    if (redis === undefined) throw new Error('redis-server was there a moment ago')
    const upstream = await startUpstream()
    const server = await startServerProcess(database, {
      REDIS_URL: redis.url,
      PATCHBAY_WORKER_CONCURRENCY: '2',
    })
    try {
      upstream.answer = () => null
      const code = `export default async (ctx) => (await ctx.fetch('${upstream.url}/' + ctx.input.n, { method: 'POST' })).status`
      await server.ok('create_workflow', { name: 'one', slug: 'one', code })
      await server.ok('publish_workflow', { workflow: 'one' })
      await server.ok('deploy_workflow', { workflow: 'one', environment: 'dev' })
      const { trigger } = await server.ok('create_webhook', {
        name: 'one',
        verification: { scheme: 'none' },
        routes: [{ workflow: 'one', environment: 'dev' }],
      })
      // Two run and hang; the others are jobs in Redis.
      const sent = Array.from({ length: 20 }, (_, n) => deliver(trigger.webhook.url, { n }))
      expect((await Promise.all(sent)).every(({ status }) => status === 202)).toBe(true)
      await eventually(async () => upstream.received.length === 2)
      execFileSync('redis-cli', ['-p', String(redis.port), 'FLUSHALL'])
      upstream.answer = () => ({ status: 200, body: {} })
      upstream.drop()
      const all = await eventually(async () => {
        const { executions } = await server.ok('list_executions', { limit: 50 })
        return executions.every(({ status }: Body) => !['queued', 'running'].includes(status)) && executions
      }, 60_000)
      expect(all).toHaveLength(20) // those that hung have failed, the others not
      expect(all.filter(({ status }: Body) => status === 'completed')).toHaveLength(18)
      expect(new Set(upstream.received.map(({ path }) => path)).size).toBe(20)
      expect(upstream.received).toHaveLength(20)
    } finally {
      server.child.kill('SIGKILL')
      await upstream.close()
      await redis.stop()
      await database.drop()
    }
  })
})
