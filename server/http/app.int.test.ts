import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { AnyTool, defineTool } from '../../tools/define-tool.ts'
import type { Registry } from '../../tools/registry.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const auth = (key = server.key) => ({ authorization: `Bearer ${key}` })
const json = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { ...auth(), 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const api = (path: string, init: RequestInit = { headers: auth() }, base = server.url) =>
  fetch(`${base}/api/v1${path}`, init)
const problemOf = async (response: Response) => (await response.json()) as Record<string, unknown>

/** What a tool of these tests says about itself, besides what it does. */
const registryOf = (...tools: Parameters<typeof defineTool>[0][]): Registry => {
  const all = tools.map((tool): AnyTool => ({ ...tool, toolset: 'activity' }) as AnyTool)
  return { all, get: (name) => all.find((tool) => tool.name === name) }
}

describe('calls', () => {
  test('a created customer answers 201 and is found by the list and by name', async () => {
    const created = await api('/customers', json({ name: 'Acme Inc.', metadata: { tier: 1 } }))
    expect(created.status).toBe(201)
    expect(created.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const { customer } = (await created.json()) as { customer: { id: string } }
    expect(customer).toMatchObject({ slug: 'acme-inc', metadata: { tier: 1 } })

    const listed = await (await api('/customers?query=acme&limit=1')).json()
    expect(listed).toMatchObject({ customers: [{ id: customer.id }] })
    const byName = await api('/tools/list_customers', json({ query: 'acme' }))
    expect(await byName.json()).toEqual(listed)
  })

  test('every answer carries a request id, the caller’s own when it has one', async () => {
    const own = await api('/customers', { headers: { ...auth(), 'x-request-id': 'trace-7' } })
    expect(own.headers.get('x-request-id')).toBe('trace-7')
    const made = await api('/customers', { headers: { ...auth(), 'x-request-id': 'no good id' } })
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('every request is logged with its id, key and outcome, and without its values', async () => {
    const lines: Record<string, unknown>[] = []
    const log: Logger = {
      ...server.log,
      info: (fields, message) => lines.push({ ...fields, message }),
      child: () => server.log,
    }
    const base = await server.serve({ log })
    await api('/customers?query=private', { headers: { ...auth(), 'x-request-id': 'trace-8' } }, base)
    await expect.poll(() => lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      requestId: 'trace-8',
      method: 'GET',
      path: '/api/v1/customers',
      status: 200,
      actor: expect.stringMatching(/^key_/),
    })
    expect(JSON.stringify(lines)).not.toMatch(/private|pk_/)
  })

  test('numbers, booleans, lists and JSON in a query reach the tool with their types', async () => {
    let seen: unknown
    const base = await server.serve({
      registry: registryOf({
        name: 'look',
        title: 'Look',
        description: 'Looks.',
        input: z.object({
          id: z.string(),
          count: z.number(),
          deep: z.boolean(),
          tags: z.array(z.string()).default([]),
          filter: z.object({ a: z.number() }).nullable(),
        }),
        output: z.object({}),
        permission: null,
        effect: 'read',
        http: 'GET /looks/:id',
        run: async (_context, input) => {
          seen = input
          return {}
        },
      }),
    })
    const query = 'count=5&deep=true&tags=1&tags=2&filter=%7B%22a%22%3A3%7D'
    const response = await api(`/looks/7?${query}`, { headers: auth() }, base)
    expect(response.status).toBe(200)
    expect(seen).toEqual({ id: '7', count: 5, deep: true, tags: ['1', '2'], filter: { a: 3 } })
  })

  test('a literal path wins over a variable one', async () => {
    const tool = (name: string, http: 'GET /things/:id' | 'GET /things/search') => ({
      name,
      title: name,
      description: name,
      input: z.object({ id: z.string().optional() }),
      output: z.object({ called: z.string() }),
      permission: null,
      effect: 'read' as const,
      http,
      run: async () => ({ called: name }),
    })
    const base = await server.serve({
      registry: registryOf(tool('get_thing', 'GET /things/:id'), tool('search', 'GET /things/search')),
    })
    expect(await (await api('/things/search', { headers: auth() }, base)).json()).toEqual({
      called: 'search',
    })
    expect(await (await api('/things/1', { headers: auth() }, base)).json()).toEqual({ called: 'get_thing' })
  })

  test('a call is cancelled when its client goes away', async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<void>()
    const { promise: running, resolve: started } = Promise.withResolvers<void>()
    const base = await server.serve({
      registry: registryOf({
        name: 'wait',
        title: 'Wait',
        description: 'Waits.',
        input: z.object({}),
        output: z.object({}),
        permission: null,
        effect: 'read',
        http: 'GET /wait',
        run: async (context) => {
          context.signal.addEventListener('abort', () => resolve())
          started()
          await aborted
          return {}
        },
      }),
    })
    const client = new AbortController()
    const call = api('/wait', { headers: auth(), signal: client.signal }, base)
    await running
    client.abort()
    await expect(call).rejects.toThrow()
    await aborted
  })
})

describe('authentication', () => {
  test('without a key the answer is 401 and says where to learn more', async () => {
    const response = await fetch(`${server.url}/api/v1/customers`)
    expect(response.status).toBe(401)
    const [, metadataUrl] =
      /^Bearer resource_metadata="(.+)"$/.exec(response.headers.get('www-authenticate') ?? '') ?? []
    const metadata = await (await fetch(metadataUrl ?? '')).json()
    expect(metadata).toMatchObject({ resource: server.url, bearer_methods_supported: ['header'] })
    expect(metadata).not.toHaveProperty('authorization_servers')
    const mcp = await fetch(`${server.url}/.well-known/oauth-protected-resource/mcp`)
    expect(await mcp.json()).toMatchObject({ resource: `${server.url}/mcp` })
  })

  test.each([
    ['an unknown key', { authorization: `Bearer pk_live_${'x'.repeat(43)}` }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['something that is no key', { 'x-fastn-api-key': 'hello' }],
  ])('%s is refused as an invalid token', async (_, headers) => {
    const response = await fetch(`${server.url}/api/v1/customers`, { headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(await problemOf(response)).toMatchObject({
      code: 'unauthenticated',
      hint: expect.stringContaining('x-fastn-api-key'),
    })
  })

  test('the key works in x-fastn-api-key too', async () => {
    expect((await api('/customers', { headers: { 'x-fastn-api-key': server.key } })).status).toBe(200)
  })

  test('a key without the permission gets 403 that names it', async () => {
    const key = await server.makeKey({ role: 'viewer' })
    const response = await api('/customers', json({ name: 'x' }, auth(key)))
    expect(response.status).toBe(403)
    expect(await problemOf(response)).toMatchObject({
      code: 'forbidden',
      data: { permission: 'customers.manage' },
    })
  })

  test('an address list is checked against the client a trusted proxy names, and only then', async () => {
    const key = await server.makeKey({ role: 'viewer', ipAllowlist: ['203.0.113.0/24'] })
    const headers = { ...auth(key), 'x-forwarded-for': '203.0.113.9' }
    expect((await api('/customers', { headers })).status).toBe(403)
    const behind = await server.serve({ environment: { PATCHBAY_TRUSTED_PROXIES: '127.0.0.1' } })
    expect((await api('/customers', { headers }, behind)).status).toBe(200)
  })

  test('a stranger’s body is not read', async () => {
    const response = await fetch(`${server.url}/api/v1/customers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{ not json',
    })
    expect(response.status).toBe(401)
  })
})

describe('rate limits', () => {
  test('every authenticated answer tells the state; over the limit it is 429 with Retry-After', async () => {
    const headers = auth(await server.makeKey({ role: 'viewer', ratePerMinute: 3 }))
    const ok = await api('/customers', { headers })
    expect(ok.headers.get('x-ratelimit-limit')).toBe('3')
    expect(ok.headers.get('x-ratelimit-remaining')).toBe('2')
    const secondsLeft = Number(ok.headers.get('x-ratelimit-reset')) - Date.now() / 1000
    expect(secondsLeft).toBeGreaterThan(50)
    expect(secondsLeft).toBeLessThan(62)

    const failed = await api('/customers?limit=0', { headers })
    expect([failed.status, failed.headers.get('x-ratelimit-remaining')]).toEqual([400, '1'])
    const malformed = await api('/customers', json('{', headers))
    expect([malformed.status, malformed.headers.get('x-ratelimit-remaining')]).toEqual([400, '0'])

    for (const init of [{ headers }, json('{', headers)]) {
      const refused = await api('/customers', init)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('x-ratelimit-remaining')).toBe('0')
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await problemOf(refused)).toMatchObject({ code: 'limit_exceeded', retryable: true })
    }
  })
})

describe('problems', () => {
  test('a bad input is an RFC 9457 document that names the field and what to do', async () => {
    const response = await api('/customers', json({ name: '', slug: 'Not A Slug' }))
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    const problem = await problemOf(response)
    expect(problem).toMatchObject({
      type: 'urn:patchbay:error:invalid_input',
      title: expect.any(String),
      status: 400,
      detail: expect.stringContaining('slug: must be lower-case'),
      instance: `urn:patchbay:request:${response.headers.get('x-request-id')}`,
      code: 'invalid_input',
      where: 'name',
      hint: expect.any(String),
      retryable: false,
    })
    expect((problem.data as { issues: { where: string }[] }).issues.map((issue) => issue.where)).toEqual([
      'name',
      'slug',
    ])
  })

  test('an unforeseen error says nothing of its cause', async () => {
    const base = await server.serve({
      registry: registryOf({
        name: 'break',
        title: 'Break',
        description: 'Breaks.',
        input: z.object({}),
        output: z.object({}),
        permission: null,
        effect: 'read',
        http: 'GET /break',
        run: async () => {
          throw new Error('password is hunter2')
        },
      }),
    })
    const response = await api('/break', { headers: auth() }, base)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('hunter2')
  })

  test.each([
    ['{"name": "x",}', 1, 14],
    ['{\n  "name": nope\n}', 2, 11],
    ['{"name": "x"', 1, 13],
  ])('malformed JSON is refused with its position: %j', async (text, line, column) => {
    const response = await api('/customers', json(text))
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({
      where: `body:${line}:${column}`,
      data: { line, column },
    })
  })

  test.each(['[]', '"text"', '5'])('a body that is no object is refused: %s', async (text) => {
    const response = await api('/customers', json(text))
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({
      where: 'body',
      detail: 'The body must be a JSON object.',
    })
  })

  test('another content type is 415, and a query where the body is read is refused', async () => {
    const form = await api('/customers', {
      method: 'POST',
      headers: auth(),
      body: new URLSearchParams({ name: 'x' }),
    })
    expect([form.status, (await problemOf(form)).hint]).toEqual([
      415,
      expect.stringContaining('application/json'),
    ])
    const query = await api('/customers?name=x', json({ name: 'x' }))
    expect([query.status, (await problemOf(query)).where]).toEqual([400, 'name'])
  })

  test('a field given in the path and, differently, in the body is refused', async () => {
    const init = { ...json({ customer: 'other', name: 'New' }), method: 'PATCH' }
    expect(await problemOf(await api('/customers/acme-inc', init))).toMatchObject({
      where: 'customer',
      status: 400,
    })
  })

  test('an unknown route and an unknown tool say where to look', async () => {
    const route = await api('/nothing/here')
    expect(route.status).toBe(404)
    expect(await problemOf(route)).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('/api/v1/openapi.json'),
    })
    const tool = await api('/tools/nothing', json({}))
    expect(tool.status).toBe(404)
  })

  test('a wrong method is 405 with Allow', async () => {
    const response = await api('/customers', { method: 'PUT', headers: auth() })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'POST'])
  })

  test('a path that is not valid percent-encoding is 400', async () => {
    expect((await api('/customers/%E0%A4%A')).status).toBe(400)
  })

  test('a body over 20 MB is refused, by its announced length before it is sent', async () => {
    const announced = await rawRequest(
      server.url,
      `POST /api/v1/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${server.key}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n`,
    )
    expect(announced).toMatch(/^HTTP\/1\.1 413 /)
    expect(announced).toContain('"maxBytes":20971520')
  })

  test('a body over 20 MB that announces no length is refused while it streams', async () => {
    const chunk = new Uint8Array(1024 * 1024).fill(32)
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent > 30) controller.close()
        else controller.enqueue(chunk)
      },
    })
    const response = await api('/customers', { ...json(''), body, duplex: 'half' } as RequestInit)
    expect(response.status).toBe(413)
    expect(await problemOf(response)).toMatchObject({ code: 'invalid_input', hint: expect.any(String) })
  })
})

describe('around the tools', () => {
  test('a process that is up is healthy; one whose database is away is not ready, and says so', async () => {
    const base = await server.serve({
      ready: async () => ({ ok: false, checks: { database: 'no answer in 2000 ms', queue: 'ok' } }),
    })
    expect((await fetch(`${base}/healthz`)).status).toBe(200)
    const response = await fetch(`${base}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ checks: { database: 'no answer in 2000 ms' } })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  })

  test('the front page points a program to the API and a person too', async () => {
    expect(await (await fetch(server.url)).json()).toMatchObject({
      openapi: `${server.url}/api/v1/openapi.json`,
    })
    const page = await fetch(server.url, { headers: { accept: 'text/html,*/*;q=0.8' } })
    expect(page.headers.get('content-type')).toContain('text/html')
  })

  test('no page may frame, sniff or cache an answer, and the server does not say what it runs on', async () => {
    const { headers } = await api('/customers')
    expect(headers.get('x-powered-by')).toBeNull()
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })

  test('a name that is not this server’s is refused, except to ask for its health', async () => {
    const get = (path: string, host: string, base = server.url) =>
      rawRequest(base, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(await get('/', 'evil.example')).toMatch(/^HTTP\/1\.1 403 /)
    expect(await get('/healthz', 'evil.example')).toMatch(/^HTTP\/1\.1 200 /)
    expect(await get('/', 'localhost:8787')).toMatch(/^HTTP\/1\.1 200 /)
    const named = await server.serve({
      environment: {
        PATCHBAY_ALLOWED_HOSTS: 'patch.internal',
        PATCHBAY_PUBLIC_URL: 'https://patch.example.com',
      },
    })
    expect(await get('/', 'patch.internal', named)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await get('/', 'patch.example.com', named)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('what is mounted through extend reads its own bodies', async () => {
    const base = await server.serve({
      extend: (app) => {
        app.post('/hooks', async (req, res) => {
          const chunks: Buffer[] = []
          for await (const chunk of req) chunks.push(chunk)
          res.send(Buffer.concat(chunks).toString().toUpperCase())
        })
      },
    })
    const response = await fetch(`${base}/hooks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{raw',
    })
    expect(await response.text()).toBe('{RAW')
  })

  test('an error of a mounted route is a problem too', async () => {
    const base = await server.serve({
      extend: (app) => {
        app.get('/away', () => {
          throw new AppError('unavailable', 'Away.', { retryAfterSeconds: 5 })
        })
      },
    })
    const response = await fetch(`${base}/away`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
  })
})

/** Sends bytes as they are, and gives what comes back until the server pauses. */
function rawRequest(base: string, text: string): Promise<string> {
  const { hostname, port } = new URL(base)
  return new Promise((done, fail) => {
    let received = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.on('data', (data) => {
      received += data.toString()
      if (!/\r\n\r\n./.test(received)) return
      socket.destroy()
      done(received)
    })
    socket.on('error', fail)
  })
}
