import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { agents } from '../graphs/index.ts'
import { connectV1 } from '../server/mcp/transport/test-clients.ts'
import { chatWith } from './setup/agent-runs.ts'
import { NOTES_TOKEN, type NotesApi, startNotesApi } from './setup/notes-api.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { goodAnswer, REQUEST, startPlayground } from './setup/played-build.ts'

let world: Awaited<ReturnType<typeof startPlayground>>
let api: NotesApi
let platform: TestPlatform
beforeAll(async () => {
  world = await startPlayground()
  api = await startNotesApi()
  const model = { PATCHBAY_MODEL_BASE_URL: world.modelUrl, PATCHBAY_MODEL: 'played' }
  platform = await startTestPlatform('embedded', model)
}, 120_000)
afterAll(async () => {
  await platform.close()
  await api.close()
  await world.close()
})

interface Job {
  agent: string
  /** The tool of its own that starts it over MCP; without one, start_agent_run does. */
  tool?: string
  prepare?: (tenant: Tenant) => Promise<unknown>
  input: () => object
  output: object
}

const description = () => `${api.url}/openapi.json`
const ALL = ['create_note', 'delete_note', 'get_note', 'list_notes', 'update_note']
const tries = { mayWrite: ['ledger'] }

/** One after the other in one organization: what one makes, others work on. */
const jobs: readonly Job[] = [
  {
    agent: 'spec_import_builder',
    input: () => ({ url: description(), slug: 'imported' }),
    output: { connector: 'imported', actions: 5 },
  },
  {
    agent: 'connector_builder',
    input: () => ({ url: description(), slug: 'notes' }),
    output: { connector: 'notes', actions: 5 },
  },
  {
    agent: 'connector_agent',
    tool: 'build_connector',
    input: () => ({ url: description(), slug: 'built', operations: ['listNotes'] }),
    output: { connector: 'built', actions: 1, notTested: expect.stringContaining('create_connection') },
  },
  {
    agent: 'manual_action_builder',
    prepare: playManual,
    input: () => ({ docs: [`${api.url}/docs`], slug: 'manual' }),
    output: { connector: 'manual', actions: 1 },
  },
  {
    agent: 'event_builder',
    prepare: withHooks,
    input: () => ({ connector: 'hooked' }),
    output: { connector: 'hooked', events: 1 },
  },
  {
    agent: 'action_tester',
    tool: 'test_connector',
    prepare: (tenant) =>
      tenant.ok('create_connection', { connector: 'notes', credentials: { token: NOTES_TOKEN } }),
    input: () => ({ connector: 'notes', allowWrites: true }),
    output: { passed: ALL, tested: { passed: 5, failed: 0, skipped: 0 } },
  },
  {
    agent: 'action_fixer',
    tool: 'fix_action',
    prepare: async (tenant) => {
      await world.play({ when: { contains: ['You explain to a developer'] }, json: { explanations: [] } })
      await tenant.ok('update_action', { connector: 'notes', action: 'get_note', path: '/note/{note_id}' })
    },
    input: () => ({ connector: 'notes', actions: ['get_note'], allowWrites: true }),
    output: { fixed: ['get_note'], failing: [], accepted: true },
  },
  {
    agent: 'connector_repairer',
    tool: 'repair_connector',
    prepare: async () => {
      api.place = 'memos'
    },
    input: () => ({ connector: 'notes', allowWrites: true }),
    output: { passed: ALL, failing: [] },
  },
  {
    agent: 'planner',
    tool: 'plan_integration',
    prepare: (tenant) =>
      tenant.ok('import_spec', { url: `${world.ledger.url}/openapi.json`, slug: 'ledger' }),
    input: () => ({ request: REQUEST }),
    output: { approved: true, plan: goodAnswer('plan') },
  },
  {
    agent: 'workflow_builder',
    tool: 'generate_workflow',
    input: () => ({ plan: goodAnswer('plan') }),
    output: { approved: true, code: goodAnswer('code').code },
  },
  {
    agent: 'workflow_agent',
    tool: 'build_workflow',
    input: () => ({ request: REQUEST, ...tries }),
    output: { status: 'deployed', workflow: { slug: 'invoice-paid-orders', version: 2 } },
  },
  {
    agent: 'test_case_agent',
    tool: 'write_test_cases',
    input: () => ({ workflow: 'invoice-paid-orders', plan: goodAnswer('plan'), ...tries }),
    output: { version: 2, tests: { passed: 4, failed: 0 } },
  },
  {
    agent: 'assistant',
    tool: 'chat_with_agent',
    prepare: () =>
      world.play({ when: { contains: ['You are the assistant of Patchbay'] }, text: 'Hello.', times: 0 }),
    input: () => ({ message: 'Say hello.' }),
    output: { reply: 'Hello.', done: [] },
  },
]

/** What a model that reads the manual writes; it cites passages, which have ids once the manual is indexed. */
async function playManual(tenant: Tenant): Promise<void> {
  await tenant.ok('index_api_docs', { url: `${api.url}/docs` })
  const { passages } = await tenant.ok('search_api_docs', { query: 'get a note', limit: 10 })
  const [cited] = passages.filter(({ content }: Body) => content.includes('/notes/{note_id}'))
  const note = { type: 'object', properties: { note_id: { type: 'string' } }, required: ['note_id'] }
  const action = {
    ...{ slug: 'get_note', name: 'Get a note', description: 'Gives one note.', method: 'GET' },
    ...{ path: '/notes/{note_id}', parameters: [{ name: 'note_id', in: 'path', required: true }] },
    ...{ bodyType: null, pagination: null, inputSchema: note, outputSchema: null, citations: [cited.id] },
  }
  const token = { slug: 'token', name: 'Token', type: 'bearer_token' }
  await world.play({
    when: { contains: ["You write the definition of an API's actions"] },
    json: { name: 'Manual', baseUrl: api.url, authMethods: [token], actions: [action] },
  })
}

/** A connector with a pair of actions that subscribe. */
async function withHooks(tenant: Tenant): Promise<void> {
  const auth = { authMethods: [{ slug: 'token', type: 'bearer_token', name: 'Token' }] }
  await tenant.ok('create_connector', { name: 'Hooked', slug: 'hooked', baseUrl: api.url, ...auth })
  const text = { type: 'string' }
  const events = { type: 'array', items: { type: 'string', enum: ['note.created'] } }
  await tenant.ok('create_action', {
    ...{ connector: 'hooked', slug: 'create_webhook', name: 'Create a webhook' },
    ...{ method: 'POST', path: '/webhooks', body: { contentType: 'application/json' } },
    inputSchema: { type: 'object', properties: { url: text, events }, required: ['url', 'events'] },
    outputSchema: { type: 'object', properties: { id: text }, required: ['id'] },
  })
  await tenant.ok('create_action', {
    ...{ connector: 'hooked', slug: 'delete_webhook', name: 'Delete a webhook' },
    ...{ method: 'DELETE', path: '/webhooks/{id}', effect: 'destructive' },
    parameters: [{ name: 'id', in: 'path', required: true }],
    inputSchema: { type: 'object', properties: { id: text }, required: ['id'] },
  })
}

interface Door {
  door: string
  /** A run from its start to its end, through this door alone. */
  run(tenant: Tenant, job: Job): Promise<Body>
}

const ENDED = ['completed', 'failed', 'canceled']

const doors: readonly Door[] = [
  {
    door: 'MCP',
    async run(tenant, { agent, tool, input }) {
      const client = await connectV1({
        server: { url: `${platform.url}/mcp?toolsets=agents`, token: tenant.ownerKey },
      })
      const told: number[] = []
      const given = { approval: 'auto', waitSeconds: 50 }
      const onprogress = ({ progress }: { progress: number }) => told.push(progress)
      const call = async (name: string, args: object) => {
        const { text, structured } = await client.call(name, { ...args }, { onprogress })
        if (structured === undefined) throw new Error(`${name}: ${text}`)
        return (structured as Body).run
      }
      let run =
        tool === undefined
          ? await call('start_agent_run', { agent, input: input(), ...given })
          : await call(tool, { ...input(), ...given })
      while (!ENDED.includes(run.status)) run = await call('get_agent_run', { run: run.id, waitSeconds: 50 })
      await client.close()
      expect(told.length, 'steps told').toBeGreaterThan(2)
      return run
    },
  },
  {
    door: 'HTTP',
    async run(tenant, { agent, input }) {
      const headers = { authorization: `Bearer ${tenant.ownerKey}`, 'content-type': 'application/json' }
      const runs = `${platform.url}/api/v1/agent-runs`
      const body = JSON.stringify({ agent, input: input(), approval: 'auto' })
      const started = await fetch(runs, { method: 'POST', headers, body })
      const { run, ...problem } = (await started.json()) as Body
      expect(started.status, JSON.stringify(problem)).toBe(202)
      const stream = await (await fetch(`${runs}/${run.id}/stream`, { headers })).text()
      const types = [...stream.matchAll(/^event: (\w+)$/gm)].map(([, type]) => String(type))
      expect(types.at(-1)).toBe('end')
      for (const type of types) seen.add(type)
      const ended = (await (await fetch(`${runs}/${run.id}`, { headers })).json()) as Body
      return ended.run
    },
  },
  {
    door: 'the terminal',
    async run(tenant, { agent, input }) {
      const args = ['--agent', agent, '--auto', '--json', '--input', JSON.stringify(input())]
      const { code, printed } = await chatWith(platform, tenant, args)
      const lines: Body[] = printed
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(lines.at(-1)?.type, printed).toBe('result')
      expect(code, printed).toBe(0)
      return lines.at(-1)?.data
    },
  },
]

/** Types of events that came by streams. */
const seen = new Set<string>()

test('every agent there is has a job here', () => {
  expect(jobs.map(({ agent }) => agent).toSorted()).toEqual(agents.map(({ name }) => name).toSorted())
})

describe.each(doors)('by $door', ({ door, run }) => {
  let tenant: Tenant
  beforeAll(async () => {
    tenant = await platform.organization(door)
    api.place = 'notes'
    api.notes.clear()
    world.ledger.invoices.length = 0
    await world.play()
  })
  beforeEach(() => {
    api.place = 'notes'
  })

  test.each(jobs)(
    '$agent does its job',
    async (job) => {
      await job.prepare?.(tenant)
      const ended = await run(tenant, job)
      expect(ended, JSON.stringify(ended.error ?? ended.question)).toMatchObject({
        status: 'completed',
        output: job.output,
      })
    },
    180_000,
  )
})

test('streams tell of steps, tokens, calls of models and tools, and artifacts', () => {
  const told = ['artifact', 'end', 'message', 'model_call', 'status', 'step', 'token', 'tool_call']
  expect([...seen]).toEqual(expect.arrayContaining(told))
})
