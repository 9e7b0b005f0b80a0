import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { registrar } from './setup/agent.fixture.ts'
import { usualKind } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  platform = await startTestPlatform(usualKind(), {}, { agents: [registrar] })
  tenant = await platform.organization()
})
afterAll(() => platform.close())
const clients: Client[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

/** The client whose SDK has tasks (2025-11-25); `answers`: it shows forms, and what its person says. */
async function connect(answers?: () => object | undefined) {
  const client = new Client(
    { name: 'with-tasks', version: '1' },
    { capabilities: answers === undefined ? {} : { elicitation: { form: {} } } },
  )
  const related: unknown[] = []
  if (answers !== undefined)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      related.push(params._meta?.['io.modelcontextprotocol/related-task'])
      const content = answers()
      return content === undefined ? { action: 'decline' } : { action: 'accept', content: content as never }
    })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${platform.url}/mcp?toolsets=agents`), {
      requestInit: { headers: { authorization: `Bearer ${tenant.ownerKey}` } },
    }) as Transport,
  )
  clients.push(client)
  await client.listTools()
  const { tasks } = client.experimental
  const start = async (input: object, name = 'start_agent_run') => {
    const seen: Body[] = []
    for await (const message of tasks.callToolStream(
      { name, arguments: input as never },
      CallToolResultSchema,
      {
        task: {},
      },
    ))
      seen.push(message)
    return seen
  }
  return { tasks, start, related }
}

let count = 0
const input = (more: object = {}) => ({ agent: 'registrar', input: { prefix: `T${++count}`, ...more } })

test('a call made as a task answers at once; its run is the task, and asks the client’s person', async () => {
  const client = await connect(() => ({ name: 'Ada' }))
  const seen = await client.start(input())
  const [created] = seen
  expect(created).toMatchObject({ type: 'taskCreated', task: { status: 'working', ttl: null } })
  expect(created?.task.taskId).toMatch(/^run_/)
  expect(seen.some(({ type, task }) => type === 'taskStatus' && task.status === 'input_required')).toBe(true)
  expect(client.related).toEqual([{ taskId: created?.task.taskId }])
  expect(seen.at(-1)).toMatchObject({
    type: 'result',
    result: {
      structuredContent: { run: { status: 'completed', output: { answer: 'Ada' } } },
      _meta: { 'io.modelcontextprotocol/related-task': { taskId: created?.task.taskId } },
    },
  })
  expect(await client.tasks.getTask(created?.task.taskId)).toMatchObject({ status: 'completed' })
  const { tasks } = await client.tasks.listTasks()
  expect(tasks[0]).toMatchObject({ taskId: created?.task.taskId, status: 'completed' })
})

test('a client without forms has the question in the result, and so has one whose person declines', async () => {
  for (const client of [await connect(), await connect(() => undefined)]) {
    expect((await client.start(input())).at(-1)).toMatchObject({
      type: 'result',
      result: { structuredContent: { run: { status: 'waiting', question: { point: 'after_making' } } } },
    })
  }
})

test('a task is cancelled once, and nobody else sees it', async () => {
  const client = await connect()
  const stream = client.tasks.callToolStream({
    name: 'start_agent_run',
    arguments: input({ linger: true }) as never,
  })
  const { value } = (await stream.next()) as { value: Body }
  const { taskId } = value.task
  const other = await platform.organization()
  const stranger = new Client({ name: 'stranger', version: '1' })
  clients.push(stranger)
  await stranger.connect(
    new StreamableHTTPClientTransport(new URL(`${platform.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${other.ownerKey}` } },
    }) as Transport,
  )
  const unknown = { code: -32602, message: expect.stringMatching(/run_\w+/) }
  await expect(stranger.experimental.tasks.getTask(taskId)).rejects.toMatchObject(unknown)
  await expect(stranger.experimental.tasks.cancelTask(taskId)).rejects.toMatchObject(unknown)
  expect(await client.tasks.getTask(taskId)).toMatchObject({ status: 'working' })
  expect(await client.tasks.cancelTask(taskId)).toMatchObject({ status: 'cancelled' })
  await eventually(async () => (await client.tasks.getTask(taskId)).status === 'cancelled')
  await expect(client.tasks.cancelTask(taskId)).rejects.toThrow(/has ended/)
  await stream.return(undefined as never)
})

test('a tool that starts no run is refused as a task', async () => {
  const client = await connect()
  const [refused] = await client.start({}, 'list_agents')
  expect(refused).toMatchObject({ type: 'error', error: { code: -32601 } })
})
