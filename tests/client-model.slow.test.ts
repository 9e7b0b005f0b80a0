import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { createTestDatabase, describeOnBothDatabases } from './setup/database.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { OWNER_KEY, startServerProcess } from './setup/server-process.ts'

interface Asked {
  system: string
  /** The newest message. */
  text: string
}
/** The client's model: a person's client asks its own; here it plays. */
type Play = (asked: Asked, signal: AbortSignal) => string | Promise<string>

const clients: Client[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

async function connect(transport: Transport, play: Play | undefined) {
  const client = new Client(
    { name: 'with-a-model', version: '1' },
    { capabilities: play === undefined ? {} : { sampling: {} } },
  )
  const asked: Asked[] = []
  if (play !== undefined)
    client.setRequestHandler(CreateMessageRequestSchema, async ({ params }, { signal }) => {
      const content = params.messages.at(-1)?.content
      const text = content !== undefined && 'text' in content ? content.text : ''
      const one = { system: params.systemPrompt ?? '', text }
      asked.push(one)
      const answer = await play(one, signal)
      return { role: 'assistant', model: 'own-model-1', content: { type: 'text', text: answer } }
    })
  await client.connect(transport)
  clients.push(client)
  const call = async (name: string, args: object, timeout = 60_000): Promise<Body> => {
    const request = { name, arguments: args as Record<string, unknown> }
    const result = await client.callTool(request, undefined, { timeout })
    return (result.structuredContent ?? { error: JSON.stringify(result.content) }) as Body
  }
  /** The run when it has ended, or asks something. */
  const settled = async ({ run }: Body): Promise<Body> => {
    let seen: Body = run
    while (['queued', 'running'].includes(seen.status))
      seen = (await call('get_agent_run', { run: seen.id, waitSeconds: 20 })).run
    return seen
  }
  return { call, settled, asked }
}

const overHttp = (url: string, key: string, play?: Play) =>
  connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp?toolsets=all`), {
      requestInit: { headers: { authorization: `Bearer ${key}` } },
    }) as Transport,
    play,
  )

/** Looks the customers up, then says how many there are. */
const counting: Play = ({ text }) => {
  if (!text.includes('<tool_result>'))
    return '<tool_call>{"name":"use_tool","arguments":{"name":"list_customers","input":{}}}</tool_call>'
  return `There are ${text.match(/cus_\w+/g)?.length ?? 0} customers.`
}

const chat = { message: 'How many customers are there?', approval: 'auto' }

describeOnBothDatabases('a run driven by the model of the MCP client', (kind) => {
  let platform: TestPlatform
  let tenant: Tenant
  beforeAll(async () => {
    platform = await startTestPlatform(kind)
    tenant = await platform.organization()
    await tenant.ok('create_customer', { name: 'One' })
    await tenant.ok('create_customer', { name: 'Two' })
  })
  afterAll(() => platform.close())

  test('asks it while the client’s call waits, tools told in words, and counts what it used', async () => {
    const client = await overHttp(platform.url, tenant.ownerKey, counting)
    const run = await client.settled(await client.call('chat_with_agent', { ...chat, waitSeconds: 20 }))
    expect(run).toMatchObject({ status: 'completed', model: 'client' })
    expect(JSON.stringify(run.output)).toContain('There are 2 customers.')
    expect(run.usage).toMatchObject({ calls: 2, costUsd: 0 })
    expect(run.usage.inputTokens).toBeGreaterThan(100)
    expect(client.asked).toHaveLength(2)
    expect(client.asked[0]?.system).toContain('"name":"use_tool"')
    expect(client.asked[0]?.text).toContain(chat.message)
    const usage = await tenant.ok('get_model_usage', { run: run.id })
    expect(JSON.stringify(usage)).toContain('own-model-1')
  })

  test('goes on through call_tool, and when the client comes back later', async () => {
    const client = await overHttp(platform.url, tenant.ownerKey, counting)
    const { result } = await client.call('call_tool', { name: 'chat_with_agent', arguments: chat })
    expect(result.run).toMatchObject({ model: 'client' })
    expect(client.asked).toEqual([])
    await expect
      .poll(async () => (await tenant.ok('get_agent_run', { run: result.run.id })).run.status)
      .toBe('running')
    expect(await client.settled(result)).toMatchObject({ status: 'completed' })
  })

  test('is asked again when the call was given up before it answered', async () => {
    let answering = 0
    const client = await overHttp(platform.url, tenant.ownerKey, async (asked, signal) => {
      answering += 1
      if (answering === 1)
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return counting(asked, signal)
    })
    const { run } = await client.call('chat_with_agent', chat)
    await expect(client.call('get_agent_run', { run: run.id, waitSeconds: 30 }, 2_000)).rejects.toThrow(
      /timed out/i,
    )
    expect(await client.settled({ run })).toMatchObject({ status: 'completed' })
    expect(answering).toBe(3)
  })

  test('fails with what the client said when it refuses, and can go on from a checkpoint', async () => {
    let willing = false
    const client = await overHttp(platform.url, tenant.ownerKey, (asked, signal) => {
      if (!willing) throw new Error('the person said no')
      return counting(asked, signal)
    })
    const run = await client.settled(await client.call('chat_with_agent', { ...chat, waitSeconds: 20 }))
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'upstream_error', message: expect.stringContaining('the person said no') },
    })
    willing = true
    const { checkpoints } = await client.call('list_agent_checkpoints', { run: run.id })
    await client.call('rewind_agent_run', { run: run.id, checkpoint: checkpoints[0].id })
    expect(await client.settled(await client.call('get_agent_run', { run: run.id }))).toMatchObject({
      status: 'completed',
    })
  })

  test('asks nobody but who started it', async () => {
    const starter = await overHttp(platform.url, tenant.ownerKey, counting)
    const other = await overHttp(platform.url, await tenant.key({ role: 'owner' }), counting)
    const { run } = await starter.call('chat_with_agent', chat)
    expect(await other.call('get_agent_run', { run: run.id, waitSeconds: 3 })).toMatchObject({
      run: { status: 'running' },
    })
    expect(other.asked).toEqual([])
    await starter.settled({ run })
  })

  test('is not started with a budget in money, for nobody knows its price', async () => {
    const client = await overHttp(platform.url, tenant.ownerKey, counting)
    const runs = async () => (await tenant.ok('list_agent_runs', { limit: 50 })).runs.length
    const before = await runs()
    const refused = await client.call('chat_with_agent', { ...chat, budget: { maxCostUsd: 1 } })
    expect(refused).toMatchObject({ error: expect.stringContaining('budget.maxCostUsd') })
    expect(await runs()).toBe(before)
  })

  test('is not started for a client without a model', async () => {
    const client = await overHttp(platform.url, tenant.ownerKey)
    expect(await client.call('chat_with_agent', chat)).toMatchObject({
      error: expect.stringContaining('No model is configured'),
    })
  })
})

test('over stdio too', async () => {
  const database = await createTestDatabase('embedded')
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [new URL('../server/stdio.ts', import.meta.url).pathname, '--toolsets', 'all'],
    env: { PATH: process.env.PATH ?? '', PATCHBAY_DATA_DIR: database.dataDir },
    stderr: 'ignore',
  })
  const client = await connect(transport, counting)
  const run = await client.settled(await client.call('chat_with_agent', { ...chat, waitSeconds: 20 }))
  expect(JSON.stringify(run)).toContain('There are 0 customers.')
}, 60_000)

describe.skipIf(inject('postgresUrl') === null)('several servers (needs a Postgres server)', () => {
  test('a client of one server drives the runs that others work on', async () => {
    const database = await createTestDatabase('postgres')
    const start = () => startServerProcess(database, { PATCHBAY_AGENT_CONCURRENCY: '1' })
    const servers = [await start()]
    servers.push(await start())
    try {
      // Each works on one run: both runs are under way at once only where both servers have one.
      let both = () => {}
      const underWay = new Promise<void>((resolve) => {
        both = resolve
      })
      let first = 0
      const client = await overHttp(servers[0]?.url ?? '', OWNER_KEY, async (asked, signal) => {
        if (!asked.text.includes('<tool_result>') && ++first === 2) both()
        await underWay
        return counting(asked, signal)
      })
      const started = await Promise.all(
        [1, 2].map(() => client.call('chat_with_agent', { ...chat, waitSeconds: 20 })),
      )
      const ended = await Promise.all(started.map(client.settled))
      expect(ended.map(({ status }) => status)).toEqual(['completed', 'completed'])
    } finally {
      for (const { child } of servers) child.kill('SIGKILL')
      await database.drop()
    }
  }, 60_000)
})
