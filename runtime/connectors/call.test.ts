import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { Secret } from '../../core/secret.ts'
import { buildHttpClient } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import type { AuthMethod } from './auth-method.ts'
import { type CallOptions, type CallTrace, callAction } from './call.ts'
import { retryAfter } from './retry-after.ts'

const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
let handler: (request: IncomingMessage, response: ServerResponse, body: string) => void = () => {}
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += String(chunk)
  })
  request.on('end', () => handler(request, response, body))
})
let baseUrl = ''

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})
afterAll(async () => {
  await http.close()
  server.closeAllConnections()
  server.close()
})

const createIssue: ActionDefinition = {
  slug: 'issues_create',
  name: 'Create an issue',
  description: 'Create an issue.',
  method: 'POST',
  path: '/repos/{owner}/issues',
  effect: 'write',
  idempotent: false,
  parameters: [
    { name: 'owner', in: 'path', inputKey: 'owner', required: true, style: 'simple', explode: false },
    { name: 'q', in: 'query', inputKey: 'q', required: false, style: 'form', explode: true },
  ],
  body: { contentType: 'application/json', mode: 'merge', required: true },
  inputSchema: {
    type: 'object',
    properties: { owner: { type: 'string' }, title: { type: 'string' }, q: { type: 'string' } },
    required: ['owner', 'title'],
    additionalProperties: false,
  },
  outputSchema: { type: 'object', required: ['never'] },
  tags: [],
  responseContentType: 'application/json',
}
const bearer: AuthMethod = { slug: 'bearer', type: 'bearer_token', name: 'Token' }

const call = (overrides: Partial<CallOptions> = {}) =>
  callAction({
    http,
    connector: { slug: 'github', baseUrl, schemas: {} },
    action: createIssue,
    authMethod: bearer,
    credentials: new Secret({ token: 'tok_secret_value' }),
    input: { owner: 'ada', title: 'T' },
    ...overrides,
  })

const failure = async (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => {
      throw new Error('the call was expected to fail')
    },
    (error: AppError) => error,
  )

const answer =
  (status: number, headers: Record<string, string>, body: string | Uint8Array): typeof handler =>
  (_request, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }
const json = { 'content-type': 'application/json' }

test('an action is called with input and credentials in place, and its JSON comes back', async () => {
  let seen: unknown
  handler = (request, response, body) => {
    seen = [
      request.method,
      request.url,
      request.headers.authorization,
      request.headers['user-agent'],
      request.headers['idempotency-key'],
      body,
    ]
    response.writeHead(201, json)
    response.end('{"number":1}')
  }
  const result = await call({ headers: { 'Idempotency-Key': 'k1' } })
  expect(seen).toEqual([
    'POST',
    '/v1/repos/ada/issues',
    'Bearer tok_secret_value',
    'Patchbay',
    'k1',
    '{"title":"T"}',
  ])
  // Not what the output schema says: the answer is returned all the same.
  expect(result.output).toEqual({ number: 1 })
  expect(result.status).toBe(201)
  expect(result.headers['content-type']).toBe('application/json')
  expect(result.durationMs).toBeGreaterThan(0)
})

test.each([
  ['text', { 'content-type': 'text/plain' }, 'hello', 'hello'],
  ['JSON without a content type', {}, '{"a":1}', { a: 1 }],
  ['JSON that is none', json, '<html>', '<html>'],
  ['a +json type', { 'content-type': 'application/problem+json' }, '[1]', [1]],
  ['Latin-1 text', { 'content-type': 'text/plain; charset=iso-8859-1' }, new Uint8Array([0xe9]), 'é'],
  [
    'bytes',
    { 'content-type': 'image/png' },
    new Uint8Array([0, 255]),
    { contentType: 'image/png', base64: 'AP8=', bytes: 2 },
  ],
  ['nothing', json, '', null],
])('%s is decoded', async (_name, headers, body, expected) => {
  handler = answer(200, headers as Record<string, string>, body)
  expect((await call()).output).toEqual(expected)
})

test('204 is null', async () => {
  handler = answer(204, {}, '')
  expect((await call()).output).toBeNull()
})

test('a bad input is refused before anything is sent', async () => {
  let requests = 0
  handler = (_request, response) => {
    requests += 1
    response.end()
  }
  const error = await failure(call({ input: { owner: 'ada' } }))
  expect(error.code).toBe('invalid_input')
  expect(error.where).toBe('input.title')
  expect(requests).toBe(0)
  await call({ input: { owner: 'ada' }, validateInput: false })
  expect(requests).toBe(1)
})

test.each([
  [400, false],
  [401, false],
  [404, false],
  [408, true],
  [409, false],
  [422, false],
  [425, true],
  [429, true],
  [500, true],
  [503, true],
])('status %i is an upstream error, retryable: %s', async (status, retryable) => {
  handler = answer(status, json, '{"errors":[{"message":"title is too long"}]}')
  const error = await failure(call())
  expect(error.code).toBe('upstream_error')
  expect(error.retryable).toBe(retryable)
  expect(error.message).toContain(`github.issues_create was answered ${status}`)
  expect(error.message).toContain('title is too long')
  expect(error.data).toEqual({
    status,
    body: { errors: [{ message: 'title is too long' }] },
    ...(status === 401 ? { expired: true } : {}),
  })
})

test('Retry-After is read as seconds and as a date', async () => {
  handler = answer(429, { 'retry-after': '7' }, '')
  expect((await failure(call())).retryAfterSeconds).toBe(7)
  const now = Date.parse('2026-01-01T00:00:00Z')
  expect(retryAfter('Thu, 01 Jan 2026 00:01:30 GMT', now)).toBe(90)
  expect(retryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
  expect(retryAfter('soon', now)).toBeUndefined()
})

test('a trace tells the whole call, in success and failure, and never shows the credential', async () => {
  const traces: CallTrace[] = []
  const onTrace = (trace: CallTrace) => traces.push(trace)
  handler = (request, response) => {
    response.writeHead(request.url?.includes('fail') ? 400 : 200, {
      ...json,
      'x-echo': 'tok_secret_value',
      'set-cookie': 's=1',
    })
    response.end(JSON.stringify({ message: `you sent ${request.headers.authorization}` }))
  }
  await call({ onTrace, input: { owner: 'ada', title: 'my tok_secret_value', q: 'tok_secret_value' } })
  const error = await failure(call({ onTrace, input: { owner: 'fail', title: 'T' } }))
  expect(traces).toHaveLength(2)
  expect(traces[0]).toMatchObject({
    action: 'issues_create',
    method: 'POST',
    url: `${baseUrl}/repos/ada/issues?q=[redacted]`,
    status: 200,
    requestBody: '{"title":"my [redacted]"}',
    responseBody: '{"message":"you sent Bearer [redacted]"}',
  })
  expect(traces[0]?.requestHeaders).toMatchObject({ authorization: '[redacted]', accept: 'application/json' })
  expect(traces[0]?.responseHeaders).toMatchObject({ 'x-echo': '[redacted]', 'set-cookie': '[redacted]' })
  expect(traces[1]).toMatchObject({ status: 400, error: { code: 'upstream_error' } })
  expect(JSON.stringify([traces, error.message, error.data])).not.toContain('tok_secret_value')
})

test('a credential that the message of an error is cut in the middle of does not show', async () => {
  handler = (request, response) => {
    const key = request.headers.authorization?.slice('Bearer '.length)
    response.writeHead(400, json)
    response.end(JSON.stringify({ message: `${'x'.repeat(290)}${key}` }))
  }
  const error = await failure(call())
  expect(error.message).not.toContain('tok_')
})

test.each([
  [
    { slug: 'b', type: 'basic_auth', name: 'B' } as const,
    { username: 'sk_live_1234', password: 'pä ss"word' },
  ],
  [
    { slug: 'q', type: 'api_key', name: 'Q', in: 'query', parameterName: 'key' } as const,
    { apiKey: 'a b/c"d&é' },
  ],
  [
    { slug: 'h', type: 'api_key', name: 'H', in: 'header', parameterName: 'X-Odd' } as const,
    { apiKey: 'k1' },
  ],
])(
  '$type $in: no form of the credential is left in a trace that echoes it',
  async (authMethod, credentials) => {
    handler = (request, response) => {
      response.writeHead(200, json)
      response.end(
        JSON.stringify({
          url: request.url,
          auth: request.headers.authorization,
          plain: Object.values(credentials),
        }),
      )
    }
    let trace: CallTrace | undefined
    await call({
      authMethod,
      credentials: new Secret<Record<string, string>>({ ...credentials }),
      onTrace: (told) => {
        trace = told
      },
    })
    const { responseBody, ...rest } = trace as CallTrace
    const seen =
      JSON.stringify(rest) +
      (Object.values(credentials).every((value) => value.length >= 4) ? responseBody : '')
    for (const value of Object.values(credentials)) {
      if (value.length >= 4) expect(seen).not.toContain(value)
      expect(seen).not.toContain(
        encodeURIComponent(value).length >= 4 ? encodeURIComponent(value) : `"${value}"`,
      )
      expect(seen).not.toContain(JSON.stringify(JSON.stringify(value).slice(1, -1)))
    }
    expect(seen).not.toContain(Buffer.from(Object.values(credentials).join(':')).toString('base64'))
  },
)

test('bodies in a trace are bounded, and a secret across the bound is not shown in part', async () => {
  const filler = 'x'.repeat(16 * 1024 - 8)
  handler = answer(200, { 'content-type': 'text/plain' }, `${filler}tok_secret_value${'y'.repeat(100_000)}`)
  let body = ''
  await call({
    onTrace: (trace) => {
      body = trace.responseBody ?? ''
    },
  })
  expect(body.length).toBeLessThan(16 * 1024 + 20)
  expect(body).not.toContain('tok_')
})

test('bytes are noted in a trace by their size', async () => {
  handler = answer(200, { 'content-type': 'image/png' }, new Uint8Array(10))
  const traces: CallTrace[] = []
  await call({ onTrace: (trace) => traces.push(trace) })
  expect(traces[0]?.responseBody).toBe('(10 bytes of image/png)')
})

test('a public action is called without credentials', async () => {
  let seen: string | undefined = 'nothing'
  handler = (request, response) => {
    seen = request.headers.authorization
    response.end()
  }
  await call({ action: { ...createIssue, auth: [] } })
  expect(seen).toBeUndefined()
})

test('a connector whose document named no host says so instead of calling anything', async () => {
  const error = await failure(
    call({ connector: { slug: 'x', baseUrl: 'https://set-the-base-url.invalid', schemas: {} } }),
  )
  expect(error.code).toBe('invalid_input')
  expect(error.where).toBe('connector.baseUrl')
})

test('a network failure is traced too', async () => {
  const traces: CallTrace[] = []
  const error = await failure(
    call({
      connector: { slug: 'x', baseUrl: 'http://127.0.0.1:1', schemas: {} },
      onTrace: (trace) => traces.push(trace),
    }),
  )
  expect(error.code).toBe('upstream_error')
  expect(traces[0]).toMatchObject({ error: { code: 'upstream_error', retryable: true } })
  expect(traces[0]).not.toHaveProperty('status')
})

test('a call can be cancelled and timed out', async () => {
  handler = () => {}
  expect((await failure(call({ timeoutMs: 50 }))).code).toBe('timeout')
  expect((await failure(call({ signal: AbortSignal.abort() }))).code).toBe('cancelled')
})

test('an app that echoes the credential hands it to nobody: not in the output, its headers, a file, nor the trace', async () => {
  const seen = async (contentType: string, overrides: Partial<CallOptions> = {}) => {
    const saved: string[] = []
    const traces: CallTrace[] = []
    handler = (request, response) => {
      const authorization = String(request.headers.authorization)
      response.setHeader('content-type', contentType)
      response.setHeader('x-echo', authorization)
      response.end(
        contentType.includes('json') ? JSON.stringify({ headers: { authorization } }) : authorization,
      )
    }
    const { output, headers } = await call({
      input: { owner: 'octo', title: 'T' },
      onTrace: (trace) => traces.push(trace),
      files: {
        size: async () => 0,
        read: async () => expect.fail('nothing is read'),
        save: async ({ bytes, contentType: type, name }) => {
          saved.push(Buffer.from(bytes).toString())
          return { file: 'fil_1', name, contentType: type, bytes: bytes.byteLength }
        },
      },
      ...overrides,
    })
    return { output, saved, all: JSON.stringify([output, headers, saved, traces]) }
  }
  const secret = 'echoed-credential-4711'
  const credentials = { credentials: new Secret({ token: secret }) }
  const json = await seen('application/json', credentials)
  expect(json.output).toEqual({ headers: { authorization: 'Bearer [redacted]' } })
  const text = await seen('text/plain', credentials)
  expect(text.output).toBe('Bearer [redacted]')
  const kept = await seen('application/octet-stream', credentials)
  expect(kept.saved).toEqual([`Bearer ${'*'.repeat(secret.length)}`])
  const inline = await seen('application/octet-stream', { ...credentials, files: undefined as never })
  expect(inline.output).toMatchObject({ base64: Buffer.from(kept.saved[0] ?? '').toString('base64') })
  for (const { all } of [json, text, kept, inline]) expect(all).not.toContain(secret)
})
