import { afterEach, describe, expect, inject, test } from 'vitest'
import { createTestDatabase } from '../setup/database.ts'
import { deliver } from '../setup/flow.ts'
import { type Body, eventually } from '../setup/platform.ts'
import { childrenOf, startServerProcess, startWorkerProcess } from '../setup/server-process.ts'
import { startUpstream } from '../setup/upstream.ts'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task()
})

const CODE = (upstream: string) => `export default async (ctx) => {
  const first = await ctx.fetch('${upstream}/first', { method: 'POST' })
  const second = await ctx.fetch('${upstream}/second', { method: 'POST' })
  return { first: (await first.json()).nth, second: (await second.json()).nth }
}`

describe.skipIf(inject('postgresUrl') === null)('a worker frozen for longer than others wait', () => {
  test('does nothing any more for an execution that was given to another, and does not overwrite its outcome', {
    timeout: 90_000,
  }, async () => {
    const database = await createTestDatabase('postgres')
    cleanUp.push(() => database.drop())
    const worker = await startWorkerProcess(database)
    cleanUp.push(async () => worker.kill('SIGKILL'))
    const upstream = await startUpstream()
    cleanUp.push(() => upstream.close())
    const server = await startServerProcess(database, { PATCHBAY_WORKER_CONCURRENCY: '0' })
    cleanUp.push(async () => server.child.kill('SIGKILL'))

    const family = [worker.pid ?? 0, ...childrenOf(worker.pid ?? 0)]
    const signal = (pids: readonly number[], name: NodeJS.Signals) => {
      for (const pid of pids) process.kill(pid, name)
    }
    const paths = () => upstream.received.map(({ path }) => path)
    let frozen = false
    upstream.answer = ({ path }) => {
      // The sandbox stops before it hears the answer; the worker still records it.
      if (path === '/first' && !frozen) signal(family.slice(1), 'SIGSTOP')
      frozen = true
      return { status: 200, body: { nth: upstream.received.length } }
    }
    await server.ok('create_workflow', { name: 'two', slug: 'two', code: CODE(upstream.url) })
    await server.ok('publish_workflow', { workflow: 'two' })
    await server.ok('deploy_workflow', { workflow: 'two', environment: 'dev' })
    const { trigger } = await server.ok('create_webhook', {
      name: 'two',
      verification: { scheme: 'none' },
      routes: [{ workflow: 'two', environment: 'dev' }],
    })

    const accepted = await deliver(trigger.webhook.url, {})
    const id: string = accepted.body.executionIds[0]
    let execution: Body = {}
    await eventually(async () => paths().includes('/first'))
    await eventually(async () => {
      const { steps } = await server.ok('list_execution_steps', { execution: id })
      return steps[0]?.status === 'done'
    })
    expect(paths()).toEqual(['/first'])
    const { steps } = await server.ok('list_execution_steps', { execution: id })
    expect(steps).toMatchObject([{ status: 'done' }])
    signal([worker.pid ?? 0], 'SIGSTOP')
    const second = await startWorkerProcess(database)
    cleanUp.push(async () => second.kill('SIGKILL'))

    const ended = async () => {
      execution = (await server.ok('get_execution', { execution: id })).execution
      return execution.status === 'completed' && execution
    }
    const outcome = await eventually(ended, 40_000)
    expect(outcome).toMatchObject({ output: { first: 1, second: 2 } })
    signal(family, 'SIGCONT')
    await new Promise((next) => setTimeout(next, 4_000)) // long enough for its next call, and for a heartbeat
    expect(paths()).toEqual(['/first', '/second'])
    expect(await ended()).toEqual(outcome)
  })
})
