import { afterEach, describe, expect, test, vi } from 'vitest'
import { startTestServer, type TestServer } from './test-kit.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

interface Reply {
  status: number
  headers: Headers
  /** The last JSON-RPC message of the answer. */
  message: { result?: unknown; error?: { code: number; message: string; data?: unknown } } | undefined
}

async function send(
  url: string,
  body: unknown,
  {
    token = 'alice',
    session,
    ...rest
  }: { token?: string; session?: string; method?: string; type?: string } = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method: rest.method ?? 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': rest.type ?? 'application/json',
      authorization: `Bearer ${token}`,
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const data = text.startsWith('{')
    ? text
    : text
        .match(/^data: \{.*$/gm)
        ?.at(-1)
        ?.slice(6)
  return {
    status: response.status,
    headers: response.headers,
    message: data === undefined ? undefined : JSON.parse(data),
  }
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  },
}
const listTools = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
const call = (name: string, args = {}) => ({
  jsonrpc: '2.0',
  id: 3,
  method: 'tools/call',
  params: { name, arguments: args },
})

async function openSession(url: string, token?: string): Promise<string> {
  const { status, headers, message } = await send(url, initialize, token === undefined ? {} : { token })
  if (status !== 200) throw new Error(message?.error?.message)
  return headers.get('mcp-session-id') ?? ''
}

describe('sessions (before 2026-07-28)', () => {
  test("a session id presented with another key is unknown, and the owner's session goes on", async () => {
    server = await startTestServer()
    const session = await openSession(server.url, 'alice')
    for (const method of ['POST', 'GET', 'DELETE']) {
      const stolen = await send(server.url, method === 'POST' ? listTools : undefined, {
        token: 'mallory',
        session,
        method,
      })
      expect(stolen.status).toBe(404)
      expect(stolen.message?.error?.code).toBe(-32001)
    }
    expect((await send(server.url, listTools, { session })).status).toBe(200)
  })

  test('a session left idle is closed', async () => {
    server = await startTestServer({ sessionIdleMs: 40 })
    const session = await openSession(server.url)
    expect(server.endpoint.sessions).toBe(1)
    await vi.waitFor(() => expect(server?.endpoint.sessions).toBe(0))
    expect((await send(server.url, listTools, { session })).status).toBe(404)
  })

  test('a session with an open stream is not idle', async () => {
    server = await startTestServer({ sessionIdleMs: 1_000 })
    const { url } = server
    const stop = new AbortController()
    const openStream = async () => {
      const session = await openSession(url)
      const headers = {
        accept: 'text/event-stream',
        authorization: 'Bearer alice',
        'mcp-session-id': session,
      }
      return fetch(url, { headers, signal: stop.signal })
    }
    // On a busy machine a session may be idle for too long before its stream is open: then it is another's turn.
    await vi.waitFor(async () => expect((await openStream()).status).toBe(200), 20_000)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    expect(server.endpoint.sessions).toBe(1)
    stop.abort()
    await vi.waitFor(() => expect(server?.endpoint.sessions).toBe(0), 10_000)
  })

  test('a full server refuses a new session with what to do, and keeps the others', async () => {
    server = await startTestServer({ maxSessions: 2, maxSessionsPerPrincipal: 2 })
    const first = await openSession(server.url, 'alice')
    await openSession(server.url, 'alice')
    const refused = await send(server.url, initialize, { token: 'bob' })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('30')
    expect(refused.message?.error?.message).toMatch(/at most 2.*DELETE.*2026-07-28/)
    expect((await send(server.url, listTools, { session: first })).status).toBe(200)
  })

  test("a principal at its limit loses its longest idle session, never another's", async () => {
    server = await startTestServer({ maxSessions: 10, maxSessionsPerPrincipal: 1 })
    const bob = await openSession(server.url, 'bob')
    const old = await openSession(server.url, 'alice')
    const fresh = await openSession(server.url, 'alice')
    expect((await send(server.url, listTools, { session: old })).status).toBe(404)
    expect((await send(server.url, listTools, { session: fresh })).status).toBe(200)
    expect((await send(server.url, listTools, { session: bob, token: 'bob' })).status).toBe(200)
  })

  test('a failed initialize leaves no session behind', async () => {
    server = await startTestServer()
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(initialize),
    })
    expect(response.status).toBe(406)
    expect(server.endpoint.sessions).toBe(0)
  })

  test('resource updates reach the sessions that subscribed to that resource', async () => {
    server = await startTestServer()
    const session = await openSession(server.url)
    await send(
      server.url,
      { jsonrpc: '2.0', id: 4, method: 'resources/subscribe', params: { uri: 'x://1' } },
      { session },
    )
    const stream = await fetch(server.url, {
      headers: { accept: 'text/event-stream', authorization: 'Bearer alice', 'mcp-session-id': session },
    })
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    server.endpoint.resourceUpdated('x://2')
    server.endpoint.resourceUpdated('x://1', () => false)
    server.endpoint.resourceUpdated('x://1')
    const { value } = (await reader?.read()) ?? {}
    expect(value?.match(/x:\/\/\d/g)).toEqual(['x://1'])
    await reader?.cancel()
  })

  test('a broken stream resumes from the last event with what was missed', async () => {
    server = await startTestServer()
    const session = await openSession(server.url)
    const get = (lastEvent?: string) =>
      fetch(server?.url ?? '', {
        headers: {
          accept: 'text/event-stream',
          authorization: 'Bearer alice',
          'mcp-session-id': session,
          ...(lastEvent === undefined ? {} : { 'last-event-id': lastEvent }),
        },
      })
    const first = (await get()).body?.pipeThrough(new TextDecoderStream()).getReader()
    server.endpoint.toolsChanged()
    const lastEvent = /^id: (.*)$/m.exec((await first?.read())?.value ?? '')?.[1]
    await first?.cancel()
    await vi.waitFor(async () => {
      server?.endpoint.resourcesChanged()
      const resumed = (await get(lastEvent)).body?.pipeThrough(new TextDecoderStream()).getReader()
      const { value } = (await resumed?.read()) ?? {}
      await resumed?.cancel()
      expect(value).toContain('notifications/resources/list_changed')
      expect(value).not.toContain('notifications/tools/list_changed')
    })
  })

  test('DELETE ends a session', async () => {
    server = await startTestServer()
    const session = await openSession(server.url)
    expect((await send(server.url, undefined, { session, method: 'DELETE' })).status).toBe(200)
    expect(server.endpoint.sessions).toBe(0)
    expect((await send(server.url, listTools, { session })).status).toBe(404)
  })
})

describe('requests without a session', () => {
  test('a single request that never initialized is served alone', async () => {
    server = await startTestServer()
    const { status, headers, message } = await send(server.url, call('echo', { text: 'hi' }))
    expect(status).toBe(200)
    expect(headers.get('mcp-session-id')).toBeNull()
    expect(message?.result).toMatchObject({ structuredContent: { text: 'hi' } })
    expect(server.endpoint.sessions).toBe(0)
  })

  test('GET and DELETE without a session are refused as methods', async () => {
    server = await startTestServer()
    for (const method of ['GET', 'DELETE']) {
      const { status, headers } = await send(server.url, undefined, { method })
      expect(status).toBe(405)
      expect(headers.get('allow')).toBe('POST')
    }
  })
})

describe('request bodies', () => {
  const big = JSON.stringify(call('echo', { text: 'x'.repeat(200_000) }))

  test('a body over the limit is refused by its announced length', async () => {
    server = await startTestServer({ maxRequestBytes: 100_000 })
    const { status, message } = await send(server.url, big)
    expect(status).toBe(413)
    expect(message?.error?.message).toContain('100000 bytes')
  })

  test('a body over the limit is refused while it streams in', async () => {
    server = await startTestServer({ maxRequestBytes: 100_000 })
    const body = new Blob([big]).stream()
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit)
    expect(response.status).toBe(413)
  })

  test('a body that is not JSON is a parse error', async () => {
    server = await startTestServer()
    for (const body of ['{"jsonrpc":', '']) {
      const { status, message } = await send(server.url, body)
      expect(status).toBe(400)
      expect(message?.error?.code).toBe(-32700)
    }
  })

  test('another content type is refused', async () => {
    server = await startTestServer()
    expect((await send(server.url, listTools, { type: 'text/plain' })).status).toBe(415)
  })

  test('an unknown protocol revision is refused with the ones served', async () => {
    server = await startTestServer()
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2099-01-01' },
      body: JSON.stringify({
        ...listTools,
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2099-01-01',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { data: { supported: ['2026-07-28'] } } })
  })
})
