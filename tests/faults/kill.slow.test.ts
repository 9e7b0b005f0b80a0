import { afterEach, expect, test } from 'vitest'
import { createTestDatabase, describeOnBothDatabases, type TestDatabase } from '../setup/database.ts'
import { deliver } from '../setup/flow.ts'
import { type Body, eventually } from '../setup/platform.ts'
import { OWNER_KEY, startServerProcess } from '../setup/server-process.ts'
import { startUpstream } from '../setup/upstream.ts'

const startProcess = (database: TestDatabase) =>
  startServerProcess(database, { PATCHBAY_WORKER_CONCURRENCY: '1' })

describeOnBothDatabases('kill -9', (kind) => {
  const cleanUp: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const task of cleanUp.splice(0).reverse()) await task()
  })

  test('a webhook accepted by a server that is then killed runs after the restart, once', {
    timeout: 90_000,
  }, async () => {
    const upstream = await startUpstream()
    cleanUp.push(() => upstream.close())
    const database = await createTestDatabase(kind)
    cleanUp.push(() => database.drop())
    const first = await startProcess(database)
    cleanUp.push(async () => first.child.kill('SIGKILL'))
    const call = async (url: string, name: string, input: object): Promise<Body> => {
      const response = await fetch(`${url}/api/v1/tools/${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(input),
      })
      const body = (await response.json()) as Body
      if (!response.ok) throw new Error(JSON.stringify(body))
      return body
    }
    await call(first.url, 'create_workflow', {
      name: 'effect',
      slug: 'effect',
      code: `export default async (ctx) => (await ctx.fetch('${upstream.url}/' + ctx.input.what, { method: 'POST' })).status`,
    })
    await call(first.url, 'publish_workflow', { workflow: 'effect' })
    await call(first.url, 'deploy_workflow', { workflow: 'effect', environment: 'dev' })
    const { trigger } = await call(first.url, 'create_webhook', {
      name: 'effect',
      verification: { scheme: 'none' },
      routes: [{ workflow: 'effect', environment: 'dev' }],
    })
    // The only worker slot is taken by a run that hangs, so what comes next is accepted but not run.
    upstream.answer = ({ path }) => (path === '/hang' ? null : { status: 200, body: {} })
    const hanging = await deliver(trigger.webhook.url, { what: 'hang' })
    await eventually(async () => upstream.received.length === 1)
    const accepted = await deliver(trigger.webhook.url, { what: 'effect' })
    expect(accepted.status).toBe(202)
    const gone = new Promise((resolve) => first.child.once('exit', resolve))
    first.child.kill('SIGKILL')
    await gone
    expect(upstream.received.map(({ path }) => path)).toEqual(['/hang'])
    upstream.answer = () => ({ status: 200, body: {} })

    const second = await startProcess(database)
    cleanUp.push(async () => {
      const ended = new Promise((resolve) => second.child.once('exit', resolve))
      second.child.kill('SIGTERM')
      await ended
    })
    const ended = (id: string) =>
      eventually(async () => {
        const { execution } = await call(second.url, 'get_execution', { execution: id })
        return !['queued', 'running'].includes(execution.status) && execution
      }, 50_000)
    expect(await ended(accepted.body.executionIds[0])).toMatchObject({ status: 'completed', output: 200 })
    expect(upstream.received.filter(({ path }) => path === '/effect')).toHaveLength(1)
    // The run that was under way goes on: it had recorded nothing, so its call is made again.
    expect(await ended(hanging.body.executionIds[0])).toMatchObject({
      status: 'completed',
      output: 200,
      attempt: 1,
    })
    expect(upstream.received.filter(({ path }) => path === '/hang')).toHaveLength(2)
  })
})
