import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deployWorkflow, installApp } from './setup/flow.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

/** What both SDKs' clients have in common, as far as these tests go. */
interface AnyClient {
  listTools(): Promise<{ tools: { name: string; outputSchema?: unknown; annotations?: Body }[] }>
  callTool(
    name: string,
    input?: object,
    options?: { signal?: AbortSignal; onprogress?: (progress: Body) => void },
  ): Promise<Body>
  listResources(): Promise<{ resources: { uri: string }[] }>
  readResource(uri: string): Promise<Body>
  listPrompts(): Promise<{ prompts: { name: string }[] }>
  getPrompt(name: string, given: Record<string, string>): Promise<Body>
  complete(uri: string, argument: string, value: string): Promise<string[]>
  version(): string | undefined
  close(): Promise<void>
}

const INFO = { name: 'patchbay-test', version: '1.0.0' }

function wrapV1(client: ClientV1): AnyClient {
  return {
    listTools: () => client.listTools() as ReturnType<AnyClient['listTools']>,
    callTool: (name, input = {}, options = {}) =>
      client.callTool({ name, arguments: { ...input } }, undefined, options as never) as Promise<Body>,
    listResources: () => client.listResources(),
    readResource: (uri) => client.readResource({ uri }),
    listPrompts: () => client.listPrompts(),
    getPrompt: (name, given) => client.getPrompt({ name, arguments: given }),
    complete: async (uri, name, value) =>
      (await client.complete({ ref: { type: 'ref/resource', uri }, argument: { name, value } })).completion
        .values,
    version: () => client.getServerVersion()?.name,
    close: () => client.close(),
  }
}

function wrapV2(client: ClientV2): AnyClient {
  return {
    listTools: () => client.listTools() as ReturnType<AnyClient['listTools']>,
    callTool: (name, input = {}, options = {}) =>
      client.callTool({ name, arguments: { ...input } }, options as never) as Promise<Body>,
    listResources: () => client.listResources(),
    readResource: (uri) => client.readResource({ uri }),
    listPrompts: () => client.listPrompts(),
    getPrompt: (name, given) => client.getPrompt({ name, arguments: given }),
    complete: async (uri, name, value) =>
      (await client.complete({ ref: { type: 'ref/resource', uri }, argument: { name, value } })).completion
        .values,
    version: () => client.getServerVersion()?.name,
    close: () => client.close(),
  }
}

let server: TestPlatform
let tenant: Tenant
let upstream: Upstream

beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
  upstream = await startUpstream()
  await installApp(tenant, upstream.url)
})
afterAll(async () => {
  await server.close()
  await upstream.close()
})

const endpoint = (query = '') => new URL(`${server.url}/mcp${query}`)
const authorized = (key = tenant.ownerKey) => ({
  requestInit: { headers: { authorization: `Bearer ${key}` } },
})

const overHttp: [string, (query?: string, key?: string) => Promise<AnyClient>][] = [
  [
    'the v1 SDK’s client (2025-11-25)',
    async (query, key) => {
      const client = new ClientV1(INFO)
      await client.connect(new HttpV1(endpoint(query), authorized(key)) as never)
      return wrapV1(client)
    },
  ],
  [
    'the v2 SDK’s client (2026-07-28)',
    async (query, key) => {
      const client = new ClientV2(INFO)
      await client.connect(new HttpV2(endpoint(query), authorized(key)))
      return wrapV2(client)
    },
  ],
]

describe.each(overHttp)('MCP over HTTP with %s', (_, connect) => {
  let client: AnyClient
  beforeAll(async () => {
    client = await connect()
  })
  afterAll(() => client.close())

  test('lists a small set of tools with schemas and annotations, and more when asked to', async () => {
    const { tools } = await client.listTools()
    expect(tools.length).toBeGreaterThan(15)
    expect(tools.length).toBeLessThanOrEqual(30)
    const byName = new Map(tools.map((tool) => [tool.name, tool]))
    expect(byName.get('list_customers')).toMatchObject({
      outputSchema: { type: 'object' },
      annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
    })
    expect(byName.get('run_action')).toMatchObject({
      annotations: { readOnlyHint: false, openWorldHint: true },
    })
    const all = await connect('?toolsets=all')
    const some = await connect('?toolsets=secrets')
    expect((await all.listTools()).tools.length).toBe(server.platform.registry.all.length)
    expect((await some.listTools()).tools.map(({ name }) => name).sort()).toEqual(
      ['call_tool', 'delete_secret', 'describe_tool', 'list_secrets', 'search_tools', 'set_secret'].sort(),
    )
    await Promise.all([all.close(), some.close()])
  })

  test('answers with structured output, and the same as text', async () => {
    const result = await client.callTool('create_customer', {
      name: 'MCP Ltd',
      slug: `mcp-${Math.random().toString(36).slice(2)}`,
    })
    expect(result.structuredContent.customer).toMatchObject({ name: 'MCP Ltd', status: 'active' })
    expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent)
  })

  test('a failed call is a readable result that says what to do next', async () => {
    const result = await client.callTool('get_customer', { customer: 'nobody' })
    expect(result.isError).toBe(true)
    expect(result.content[0].text).toMatch(/^not_found: No customer 'nobody'\.[\s\S]*Next: list_customers/)
    const wrong = await client.callTool('create_customer', { name: '' })
    expect(wrong.isError).toBe(true)
    expect(wrong.content[0].text).toMatch(/Where: name/)
    const misspelt = await client.callTool('create_customer', { name: 'Typo Ltd', sulg: 'typo' })
    expect(misspelt.isError).toBe(true)
    expect(misspelt.content[0].text).toMatch(/sulg: there is no such field; create_customer takes name, slug/)
    const unknown = await client.callTool('no_such_tool')
    expect(unknown.isError).toBe(true)
    expect(unknown.content[0].text).toMatch(/search_tools/)
  })

  test('calls count against the rate limit of their key, one through call_tool once', async () => {
    const limited = await connect('', await tenant.key({ role: 'viewer', ratePerMinute: 2 }))
    const whoami = { name: 'whoami', arguments: {} }
    expect((await limited.callTool('call_tool', whoami)).isError).toBeFalsy()
    expect((await limited.callTool('whoami')).isError).toBeFalsy()
    const refused = await limited.callTool('whoami')
    expect(refused.isError).toBe(true)
    expect(refused.content[0].text).toMatch(/^limit_exceeded: /)
    await limited.close()
  })

  test('tools that are not listed are found, described and called', async () => {
    const found = await client.callTool('search_tools', { query: 'dead letters that failed for good' })
    expect(found.structuredContent.tools.map((tool: Body) => tool.name)).toContain('list_dead_letters')
    const described = await client.callTool('describe_tool', { name: 'list_dead_letters' })
    expect(described.isError).toBeFalsy()
    const called = await client.callTool('call_tool', { name: 'list_dead_letters', arguments: {} })
    expect(called.structuredContent.result).toMatchObject({ deadLetters: [], nextCursor: null })
  })

  test('reports progress of an import', async () => {
    const seen: Body[] = []
    const spec = JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'Progress', version: '1' },
      servers: [{ url: 'https://api.example.com' }],
      paths: Object.fromEntries(
        Array.from({ length: 120 }, (_, n) => [
          `/p${n}`,
          { get: { operationId: `get_p${n}`, responses: { 200: { description: 'ok' } } } },
        ]),
      ),
    })
    const slug = `progress${Math.random().toString(36).slice(2)}`
    const result = await client.callTool(
      'import_spec',
      { spec, slug },
      { onprogress: (progress) => seen.push(progress) },
    )
    expect(result.structuredContent.report).toMatchObject({ operations: 120, imported: 120 })
    expect(seen.length).toBeGreaterThan(0)
  })

  test('cancelling a call stops the request it had sent to the app', async () => {
    upstream.answer = () => null
    const before = upstream.received.length
    const abort = new AbortController()
    const call = client.callTool(
      'run_action',
      { connector: 'app', action: 'read_thing', input: { id: 'slow' } },
      { signal: abort.signal },
    )
    const outcome = call.then(
      () => 'answered',
      () => 'cancelled',
    )
    await eventually(async () => upstream.received.length > before)
    abort.abort()
    expect(await outcome).toBe('cancelled')
    await eventually(async () => {
      const { traces } = await tenant.ok('list_traces', { connector: 'app' })
      return traces.some((trace: Body) => trace.status === 'pending' && trace.error?.code === 'cancelled')
    })
    const { entries } = await tenant.ok('list_audit_log', { action: 'run_action' })
    expect(entries[0]).toMatchObject({ outcome: 'failure', errorCode: 'cancelled' })
    upstream.answer = () => ({ status: 200, body: { ok: true } })
  })

  test('serves resources, templates with completions, and prompts', async () => {
    const { resources } = await client.listResources()
    expect(resources.map(({ uri }) => uri)).toContain('patchbay://connectors')
    const connectors = await client.readResource('patchbay://connectors')
    expect(JSON.parse(connectors.contents[0].text).connectors.map((row: Body) => row.slug)).toContain('app')
    const actions = await client.readResource('patchbay://connectors/app/actions')
    expect(
      JSON.parse(actions.contents[0].text)
        .actions.map((row: Body) => row.slug)
        .sort(),
    ).toEqual(['read_thing', 'write_thing'])
    await expect(client.readResource('patchbay://connectors/nothing')).rejects.toThrow(/nothing/i)
    expect(await client.complete('patchbay://connectors/{connector}', 'connector', 'ap')).toContain('app')
    const { prompts } = await client.listPrompts()
    expect(prompts.map(({ name }) => name).sort()).toEqual([
      'build_connector',
      'build_workflow',
      'investigate_failure',
    ])
    const prompt = await client.getPrompt('build_workflow', { goal: 'copy orders' })
    expect(prompt.messages[0].content.text).toContain('copy orders')
  })

  test('runs a workflow and shows how it went', async () => {
    const slug = await deployWorkflow(
      tenant,
      `mcp-${Math.random().toString(36).slice(2)}`,
      'export default async (ctx) => ({ doubled: ctx.input.n * 2 })',
      { tier: 'instant' },
    )
    const result = await client.callTool('run_workflow', { workflow: slug, input: { n: 21 } })
    expect(result.structuredContent.execution).toMatchObject({
      status: 'completed',
      output: { doubled: 42 },
      triggeredBy: 'mcp',
    })
  })
})

test('a 2025-era session is told when its tools change', async () => {
  const client = new ClientV1(INFO)
  await client.connect(new HttpV1(endpoint(), authorized()) as never)
  const told = new Promise<void>((resolve) =>
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()),
  )
  await client.listTools()
  await tenant.ok('create_action', {
    connector: 'app',
    slug: `extra_${Date.now()}`,
    name: 'Extra',
    path: '/extra',
  })
  await told
  await client.close()
})

test('without a valid key the endpoint answers 401 and says where its metadata is', async () => {
  const answer = await fetch(endpoint(), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  expect(answer.status).toBe(401)
  const metadata = /resource_metadata="([^"]+)"/.exec(answer.headers.get('www-authenticate') ?? '')?.[1]
  expect(await (await fetch(metadata ?? '')).json()).toMatchObject({
    resource: `${server.url}/mcp`,
    bearer_methods_supported: ['header'],
  })
})

test('a page of another site cannot reach the endpoint', async () => {
  const answer = await fetch(endpoint(), {
    method: 'POST',
    headers: { origin: 'https://evil.example', authorization: `Bearer ${tenant.ownerKey}` },
  })
  expect(answer.status).toBe(403)
})
