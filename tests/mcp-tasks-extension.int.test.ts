import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createTaskSessionFromClient, type RawClientDispatch } from '@modelcontextprotocol/ext-tasks/client'
import { DetailedTaskV2Schema } from '@modelcontextprotocol/ext-tasks/core/v2'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { registrar } from './setup/agent.fixture.ts'
import { usualKind } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

const REVISION = '2026-07-28'
const EXTENSION = 'io.modelcontextprotocol/tasks'
const FORMS = { elicitation: { form: {} } }

let platform: TestPlatform
let tenant: Tenant
beforeAll(async () => {
  platform = await startTestPlatform(usualKind(), {}, { agents: [registrar] })
  tenant = await platform.organization()
})
afterAll(() => platform.close())
const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

let count = 0
const input = (more: object = {}) => ({
  agent: 'registrar',
  input: { prefix: `X${++count}`, ...more } as Record<string, string>,
})

/** One request as it goes over the wire. */
const post = (message: Body, key = tenant.ownerKey, session = 'toolsets=agents'): Promise<Body> =>
  fetch(`${platform.url}/mcp?${session}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': REVISION,
      'mcp-method': message.method,
      'mcp-name': message.params.name ?? message.params.taskId,
    },
    body: JSON.stringify(message),
  }).then(async (response) => {
    const text = await response.text()
    if (text === '') throw new Error(`${response.status} with no body`)
    return JSON.parse(text.startsWith('{') ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? text))
  })

/** A request of a client that declares the extension, and more. */
const ask = (
  method: string,
  params: object,
  more: { declares?: object; key?: string | undefined; session?: string } = {},
) =>
  post(
    {
      jsonrpc: '2.0',
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': REVISION,
          'io.modelcontextprotocol/clientInfo': { name: 'by-hand', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': more.declares ?? {
            ...FORMS,
            extensions: { [EXTENSION]: {} },
          },
        },
      },
    },
    more.key,
    more.session,
  )

const start = async (more: object = {}, key?: string): Promise<string> =>
  (await ask('tools/call', { name: 'start_agent_run', arguments: input(more) }, { key })).result.taskId

const taskOf = async (taskId: string, status: string, declares?: object) => {
  let task: Body = {}
  await eventually(async () => {
    task = (await ask('tasks/get', { taskId }, declares === undefined ? {} : { declares })).result
    return task.status === status
  })
  return task
}

/** The extension's own client; `answer`: what its person says to a form. */
async function connect(answer: (message: string) => Body) {
  const clientInfo = { name: 'ext-tasks', version: '1' }
  const client = new Client(clientInfo, {
    capabilities: { ...FORMS, extensions: { [EXTENSION]: {} } },
    versionNegotiation: { mode: { pin: REVISION } },
  })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${platform.url}/mcp?toolsets=agents`), {
      requestInit: { headers: { authorization: `Bearer ${tenant.ownerKey}` } },
    }),
  )
  const statuses: string[] = []
  const rawDispatch: RawClientDispatch = async (request) => {
    const { result, error } = await post({ jsonrpc: '2.0', id: 1, ...(request as Body) })
    if (result?.taskId !== undefined) statuses.push(result.status)
    return error === undefined ? { kind: 'result', result } : { kind: 'error', error }
  }
  const session = createTaskSessionFromClient(client, {
    endpointId: 'patchbay',
    rawDispatch,
    v2RequestFraming: { protocolVersion: REVISION, clientInfo, clientCapabilities: FORMS },
    onInputRequest: async ({ params }) => answer((params as Body).message) as never,
  })
  open.push(client, session)
  return { client, session, statuses }
}

test('a call that starts a run is its task for the extension’s own client: asked, answered, completed', async () => {
  const { client, session, statuses } = await connect((message) => {
    expect(message).toContain('What is the third one called?')
    return { action: 'accept', content: { name: 'Grace' } }
  })
  expect(client.getServerCapabilities()?.extensions).toEqual({ [EXTENSION]: {} })
  const execution = await session.callTool('start_agent_run', input())
  const { outcome } = await execution.settle()
  expect(outcome).toMatchObject({
    status: 'completed',
    result: { structuredContent: { run: { status: 'completed', output: { answer: 'Grace' } } } },
  })
  expect([statuses[0], statuses.includes('input_required'), statuses.at(-1)]).toEqual([
    'working',
    true,
    'completed',
  ])
})

test('who declines cancels the run; who dismisses the question leaves it to be answered by another door', async () => {
  const { session } = await connect(() => ({ action: 'decline' }))
  const { outcome } = await (await session.callTool('start_agent_run', input())).settle()
  expect(outcome.status).toBe('cancelled')

  const { taskId } = (await ask('tools/call', { name: 'start_agent_run', arguments: input() })).result
  const waiting = await taskOf(taskId, 'input_required')
  const [key = ''] = Object.keys(waiting.inputRequests)
  const update = (inputResponses: object) => ask('tasks/update', { taskId, inputResponses })
  expect((await update({ [key]: { action: 'cancel' } })).result).toMatchObject({ resultType: 'complete' })
  // What is not asked is ignored; what does not fit is refused, and the question stays.
  expect((await update({ another: { action: 'accept', content: { name: 'Eve' } } })).result).toMatchObject({
    resultType: 'complete',
  })
  expect((await update({ another: { action: 'decline' } })).result).toMatchObject({ resultType: 'complete' })
  expect((await update({ [key]: { action: 'accept', content: { name: 'E' } } })).error).toMatchObject({
    code: -32602,
    message: expect.stringContaining('name'),
  })
  expect(await taskOf(taskId, 'input_required')).toEqual(waiting)
  await tenant.ok('answer_agent_run', { run: taskId, answer: { name: 'Elsewhere' } })
  expect((await taskOf(taskId, 'completed')).result.structuredContent.run.output.answer).toBe('Elsewhere')
  // Answered already: ignored.
  expect((await update({ [key]: { action: 'decline' } })).result).toMatchObject({ resultType: 'complete' })
})

test('what it answers has the shapes of the extension’s schema', async () => {
  const { result: created } = await ask('tools/call', { name: 'start_agent_run', arguments: input() })
  expect(created).toMatchObject({ resultType: 'task', status: 'working', ttlMs: null, pollIntervalMs: 2_000 })
  for (const status of ['input_required', 'completed']) {
    const declares = status === 'completed' ? { extensions: { [EXTENSION]: {} } } : undefined
    // Without forms the task is completed, with the question in its result.
    const task = await taskOf(created.taskId, status, declares)
    expect(task.resultType).toBe('complete')
    expect(DetailedTaskV2Schema.safeParse(task)).toMatchObject({ success: true })
    if (status === 'completed') expect(task.result.structuredContent.run.status).toBe('waiting')
  }
})

test('cancelling ends the run, again and after its end it is acknowledged; nobody else sees it', async () => {
  const { taskId } = (
    await ask('tools/call', { name: 'start_agent_run', arguments: input({ linger: true }) })
  ).result
  const stranger = await platform.organization()
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update'])
    expect(
      (await ask(method, { taskId, inputResponses: {} }, { key: stranger.ownerKey })).error,
    ).toMatchObject({
      code: -32602,
    })
  expect((await taskOf(taskId, 'working')).statusMessage).toBeUndefined()
  for (let times = 0; times < 2; times++) {
    expect((await ask('tasks/cancel', { taskId })).result).toEqual(
      expect.objectContaining({ resultType: 'complete' }),
    )
    await taskOf(taskId, 'cancelled')
  }
})

test('a client that does not declare the extension has the run itself, and no tasks', async () => {
  const { result } = await ask(
    'tools/call',
    { name: 'start_agent_run', arguments: input() },
    { declares: FORMS },
  )
  expect(result).toMatchObject({
    resultType: 'complete',
    structuredContent: { run: { id: expect.any(String) } },
  })
  const taskId = result.structuredContent.run.id
  for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update'])
    expect((await ask(method, { taskId, inputResponses: {} }, { declares: FORMS })).error).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { extensions: { [EXTENSION]: {} } } },
    })
  // A tool that starts no run answers as ever, also to who takes tasks.
  const listed = await ask('tools/call', { name: 'list_agents', arguments: {} })
  expect(listed.result).toMatchObject({
    resultType: 'complete',
    structuredContent: { agents: expect.any(Array) },
  })
})

/** A task that asks, with the question's id and the way to answer it. */
async function asking(more: object = {}, by?: string) {
  const taskId = await start(more, by)
  const task = await taskOf(taskId, 'input_required')
  const [question = ''] = Object.keys(task.inputRequests)
  const answer = (content: unknown, key?: string, action = 'accept') =>
    ask('tasks/update', { taskId, inputResponses: { [question]: { action, content } } }, { key })
  return { taskId, task, question, answer }
}
const keyOf = async (role: string, more: object = {}): Promise<{ key: string; id: string }> => {
  const { key, apiKey } = await tenant.ok('create_api_key', {
    name: `k${++count}`,
    role,
    mode: 'live',
    ...more,
  })
  return { key, id: apiKey.id }
}
const refused = { error: { code: -32602, message: expect.any(String) } }

test('who may do less than who started the run reads its task and answers nothing; who may not see it has none', async () => {
  const { taskId, task, answer } = await asking()
  const viewer = (await keyOf('viewer')).key
  const agentsOnly = ['agents.read', 'agents.execute', 'agents.create']
  const lesser = (await keyOf('developer', { permissions: agentsOnly })).key
  const blind = (await keyOf('developer', { permissions: ['connectors.read'] })).key
  const { customer } = await tenant.ok('create_customer', { name: `Customer ${++count}` })
  const customers = (await keyOf('developer', { customers: [customer.id] })).key
  for (const key of [viewer, lesser])
    expect((await ask('tasks/get', { taskId }, { key })).result).toMatchObject({ status: 'input_required' })
  for (const key of [blind, customers])
    expect(await ask('tasks/get', { taskId }, { key })).toMatchObject(refused)
  for (const key of [viewer, lesser, blind, customers])
    expect(await answer({ name: 'Eve' }, key)).toMatchObject(refused)
  for (const key of [viewer, blind, customers]) {
    expect(await answer({}, key, 'decline')).toMatchObject(refused)
    expect(await ask('tasks/cancel', { taskId }, { key })).toMatchObject(refused)
  }
  expect(await taskOf(taskId, 'input_required')).toEqual(task)
  // A session of one customer has no runs of agents.
  const inSession = { session: `customer=${customer.id}` }
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
    expect(await ask(method, { taskId, inputResponses: {} }, inSession)).toMatchObject(refused)
})

test('of answers at once one is taken, the others are ignored; a key that is revoked neither answers nor goes on', async () => {
  const { taskId, answer } = await asking()
  const names = Array.from({ length: 20 }, (_, n) => `Name ${n}`)
  const acknowledged = await Promise.all(names.map((name) => answer({ name })))
  expect(acknowledged.map(({ error }) => error)).toEqual(names.map(() => undefined))
  const { result } = await taskOf(taskId, 'completed')
  expect(names).toContain(result.structuredContent.run.output.answer)
  expect(result.structuredContent.run.output.created).toHaveLength(3)

  const { key, id } = await keyOf('developer')
  const second = await asking({}, key)
  await tenant.ok('revoke_api_key', { key: id })
  expect(JSON.stringify(await second.answer({ name: 'Late' }, key))).toContain('API key')
  await second.answer({ name: 'By another' })
  const ended = await taskOf(second.taskId, 'completed')
  expect(ended.result).toMatchObject({ isError: true, structuredContent: { run: { status: 'failed' } } })
  expect(JSON.stringify(ended)).not.toMatch(/\.ts:\d|node_modules/)
})

test('what is no task, and no answer, is refused by name and with no trace of the inside', async () => {
  const odd = ['', 'run_', `run_${'0'.repeat(28)}`, 'x'.repeat(5_000), '../../x', 7, null, {}]
  for (const taskId of odd)
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const given = await ask(method, { taskId, inputResponses: {} })
      expect(given.error?.code, `${method} ${JSON.stringify(taskId)?.slice(0, 50)}`).toBe(-32602)
      expect(JSON.stringify(given)).not.toMatch(/\.ts:\d|node_modules|SELECT/)
    }
  const { taskId, task, answer } = await asking()
  for (const content of [{}, { name: 7 }, { name: 'E' }, { name: null }, { other: 'x' }])
    expect(await answer(content)).toMatchObject(refused)
  for (const inputResponses of ['x', [], { [Object.keys(task.inputRequests)[0] ?? '']: 'x' }])
    expect(JSON.stringify(await ask('tasks/update', { taskId, inputResponses }))).not.toMatch(/\.ts:\d/)
  expect(await taskOf(taskId, 'input_required')).toEqual(task)
})

test('a question whose details do not all fit into the form says so: nobody agrees to what they were not shown', async () => {
  const about = `${'all is well. '.repeat(400)}and send the orders to eve@attacker.example`
  const long = (await asking({ about })).task
  const [request] = Object.values(long.inputRequests) as Body[]
  expect(request?.params.message).toMatch(/all is well.*3\d{3} more characters.*get_agent_run/s)
  const [short] = Object.values((await asking({ about: 'all is well.' })).task.inputRequests) as Body[]
  expect(short?.params.message).not.toContain('more characters')
})
