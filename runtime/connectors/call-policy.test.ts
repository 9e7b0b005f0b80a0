import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { Secret } from '../../core/secret.ts'
import { buildHttpClient } from '../http/client.ts'
import type { ActionDefinition } from './action-definition.ts'
import { type CallOptions, type CallTrace, callAction } from './call.ts'
import { isExpiredError } from './expiry.ts'
import type { LoadedFile } from './input-files.ts'
import { rateLimitIn } from './rate-limit.ts'
import { responseFileName, safeContentType, safeFileName } from './response-file.ts'
import { retryDelayMs } from './retry.ts'
import { buildTraffic } from './traffic.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void
const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
const requests: IncomingMessage[] = []
let handler: Handler = () => {}
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  requests.push(request)
  handler(request, response, Buffer.concat(chunks))
})
let baseUrl = ''
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  vi.spyOn(Math, 'random').mockReturnValue(0.01)
})
afterEach(() => {
  requests.length = 0
})
afterAll(async () => {
  vi.restoreAllMocks()
  await http.close()
  server.closeAllConnections()
  server.close()
})

const SECRET = 'tok_secret_value'
const read: ActionDefinition = {
  slug: 'get_thing',
  name: 'Get',
  description: 'Get.',
  method: 'GET',
  path: '/thing',
  effect: 'read',
  idempotent: true,
  parameters: [],
  inputSchema: { type: 'object' },
  tags: [],
}
const write: ActionDefinition = {
  ...read,
  slug: 'make_thing',
  method: 'POST',
  effect: 'write',
  idempotent: false,
  body: { contentType: 'application/json', mode: 'merge', required: true },
}
type Overrides = Partial<Omit<CallOptions, 'connector'>> & { connector?: Partial<CallOptions['connector']> }
const call = ({ connector, ...overrides }: Overrides = {}) =>
  callAction({
    http,
    connector: { slug: 'app', baseUrl, schemas: {}, ...connector },
    action: read,
    authMethod: { slug: 'bearer', type: 'bearer_token', name: 'Token' },
    credentials: new Secret({ token: SECRET }),
    input: {},
    ...overrides,
  })
const failure = (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => Promise.reject(new Error('the call was expected to fail')),
    (error: AppError) => error,
  )
const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body))
  }
/** Answers the first requests by these handlers, the others with 200. */
const inTurn = (...handlers: Handler[]): Handler => {
  let count = 0
  return (...args) => {
    const turn = handlers[count] ?? answer(200, { ok: true })
    count += 1
    turn(...args)
  }
}
const broken: Handler = (request) => request.socket.destroy()

describe('retries', () => {
  test.each([408, 425, 429, 502, 503, 504])(
    'a read answered %i is made again, and each attempt traced',
    async (status) => {
      handler = inTurn(answer(status, { error: 'later' }), answer(status, {}))
      const traces: CallTrace[] = []
      const result = await call({ onTrace: (trace) => traces.push(trace) })
      expect(result.output).toEqual({ ok: true })
      expect(traces.map(({ attempt, status: got }) => [attempt, got])).toEqual([
        [1, status],
        [2, status],
        [3, 200],
      ])
    },
  )

  test('a connection that breaks is tried again, three times in all', async () => {
    handler = inTurn(broken, broken)
    expect((await call()).output).toEqual({ ok: true })
    requests.length = 0
    handler = broken
    expect(await failure(call())).toMatchObject({ code: 'upstream_error', retryable: true })
    expect(requests).toHaveLength(3)
  })

  test.each([400, 401, 404, 500, 501])('%i is not tried again', async (status) => {
    handler = answer(status, {})
    await failure(call())
    expect(requests).toHaveLength(1)
  })

  test.each([
    ['POST', { method: 'POST', effect: 'write', idempotent: false }, 1],
    ['POST that reads', { method: 'POST', effect: 'read', idempotent: true }, 1],
    ['POST said to be idempotent', { method: 'POST', effect: 'write', idempotent: true }, 1],
    ['PATCH', { method: 'PATCH', effect: 'write', idempotent: true }, 1],
    ['GET that changes something', { method: 'GET', effect: 'write', idempotent: true }, 1],
    ['PUT that is not idempotent', { method: 'PUT', effect: 'write', idempotent: false }, 1],
    ['PUT that is', { method: 'PUT', effect: 'write', idempotent: true }, 3],
    ['DELETE that is', { method: 'DELETE', effect: 'destructive', idempotent: true }, 3],
    [
      'POST with an idempotency header',
      { method: 'POST', effect: 'write', idempotent: false, idempotencyHeader: 'Idempotency-Key' },
      3,
    ],
  ] as const)('%s: sent %3$i times at most', async (_what, change, times) => {
    for (const fails of [broken, answer(503, {})]) {
      requests.length = 0
      handler = fails
      await failure(call({ action: { ...read, ...change } }))
      expect(requests).toHaveLength(times)
    }
  })

  test('the idempotency key is the same on every attempt, another for another call, and a given one stays', async () => {
    const action = { ...write, idempotencyHeader: 'Idempotency-Key' }
    const keys = () => requests.map(({ headers }) => headers['idempotency-key'])
    handler = inTurn(answer(503, {}), answer(503, {}))
    await call({ action })
    expect(new Set(keys()).size).toBe(1)
    expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/)
    await call({ action })
    expect(new Set(keys()).size).toBe(2)
    await call({ action, headers: { 'Idempotency-Key': 'mine' } })
    expect(keys().at(-1)).toBe('mine')
  })

  test('Retry-After is waited for where the call has time, and told where it has not', async () => {
    handler = inTurn(answer(429, {}, { 'retry-after': '1' }))
    const startedAt = performance.now()
    await call()
    expect(performance.now() - startedAt).toBeGreaterThan(990)
    requests.length = 0
    handler = answer(429, {}, { 'retry-after': '60' })
    expect(await failure(call())).toMatchObject({ code: 'upstream_error', retryAfterSeconds: 60 })
    expect(requests).toHaveLength(1)
  })

  test('waits grow, and are random up to their bound', () => {
    const error = { retryAfterSeconds: undefined } as AppError
    expect([1, 2, 3].map((attempt) => retryDelayMs(attempt, error, () => 1))).toEqual([250, 500, 1000])
    expect(retryDelayMs(9, error, () => 1)).toBe(4_000)
    expect(retryDelayMs(1, error, () => 0)).toBe(0)
  })

  test('a call waiting to be made again can be cancelled, and is over when its time is', async () => {
    handler = answer(503, {}, { 'retry-after': '5' })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    expect(await failure(call({ signal: controller.signal }))).toMatchObject({ code: 'cancelled' })
    handler = broken
    const startedAt = performance.now()
    vi.mocked(Math.random).mockReturnValueOnce(0.99)
    await failure(call({ timeoutMs: 100 }))
    expect(performance.now() - startedAt).toBeLessThan(200)
  })
})

describe('rate limits', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const epoch = now / 1000
  test.each([
    ['GitHub', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(epoch + 30) }, 0, 30],
    ['Twitter', { 'x-rate-limit-remaining': '3', 'x-rate-limit-reset': String(epoch + 900) }, 3, 900],
    ['seconds from now', { 'ratelimit-remaining': '1', 'ratelimit-reset': '7' }, 1, 7],
    ['milliseconds', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now + 1500) }, 0, 1.5],
    ['OpenAI', { 'x-ratelimit-remaining-requests': '9', 'x-ratelimit-reset-requests': '1m6.5s' }, 9, 66.5],
    ['a date', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 0, 60],
    ['the draft', { ratelimit: '"default";r=50;t=30' }, 50, 30],
    ['the older draft', { ratelimit: 'limit=100, remaining=0, reset=12' }, 0, 12],
  ])('headers as %s sends them', (_who, headers, remaining, inSeconds) => {
    expect(rateLimitIn(headers, undefined, now)).toEqual({ remaining, resetAt: now + inSeconds * 1000 })
  })

  test('headers of the connector, and those that tell nothing', () => {
    const custom = {
      remainingHeader: 'X-Left',
      resetHeader: 'X-Again',
      resetUnit: 'epoch_milliseconds',
    } as const
    expect(rateLimitIn({ 'x-left': '0', 'x-again': String(now + 9) }, custom, now)).toEqual({
      remaining: 0,
      resetAt: now + 9,
    })
    for (const headers of [
      {},
      { 'x-ratelimit-remaining': '0' },
      { 'x-ratelimit-remaining': 'x', 'x-ratelimit-reset': '3' },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '99999999999999999' },
    ])
      expect(rateLimitIn(headers as Record<string, string>, undefined, now)).toBeUndefined()
  })

  test('used up for a moment: the next call through the account waits; for long: it is refused unsent', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    handler = answer(200, {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' })
    await call({ traffic })
    handler = answer(200, {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' })
    const startedAt = performance.now()
    await call({ traffic })
    expect(performance.now() - startedAt).toBeGreaterThan(900)
    requests.length = 0
    const error = await failure(call({ traffic }))
    expect(error).toMatchObject({ code: 'limit_exceeded', retryable: true })
    expect(error.retryAfterSeconds).toBeGreaterThan(55)
    expect(requests).toHaveLength(0)
    await call({ traffic: { ...traffic, account: 'cxn_2' } })
    expect(requests).toHaveLength(1)
  })

  test('a 429 about one action does not hold up the others; limits with names hold for what they name', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    handler = answer(429, {}, { 'retry-after': '60' })
    await failure(call({ traffic }))
    expect(await failure(call({ traffic }))).toMatchObject({ code: 'limit_exceeded' })
    handler = answer(200, {})
    const other = { ...read, slug: 'other' }
    await call({ traffic, action: other })
    const named = {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '60',
      'x-ratelimit-resource': 'search',
    }
    handler = answer(200, {}, named)
    const search = { ...read, slug: 'search' }
    await call({ traffic, action: search })
    expect(await failure(call({ traffic, action: search }))).toMatchObject({ code: 'limit_exceeded' })
    await call({ traffic, action: other })
  })

  test('403 with no calls left is the rate limit, not the permission', async () => {
    handler = answer(
      403,
      { message: 'API rate limit exceeded' },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' },
    )
    expect(await failure(call())).toMatchObject({
      code: 'limit_exceeded',
      retryAfterSeconds: 30,
      retryable: true,
    })
  })
})

describe('concurrency', () => {
  test('at most so many calls at once through an account, in the order they came, and each can be cancelled', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    let running = 0
    let most = 0
    const order: string[] = []
    handler = (request, response) => {
      running += 1
      most = Math.max(most, running)
      order.push(String(request.url))
      setTimeout(() => {
        running -= 1
        response.writeHead(200).end()
      }, 15)
    }
    const numbered = (n: number): ActionDefinition => ({ ...read, path: `/${n}` })
    const controller = new AbortController()
    const calls = Array.from({ length: 10 }, (_unused, n) =>
      call({
        traffic,
        connector: { concurrency: 2 },
        action: numbered(n),
        ...(n === 5 ? { signal: controller.signal } : {}),
      }),
    )
    const cancelled = failure(calls[5] ?? Promise.resolve())
    controller.abort()
    expect(await cancelled).toMatchObject({ code: 'cancelled' })
    await Promise.all(calls.filter((_call, n) => n !== 5))
    expect(most).toBe(2)
    expect(order.slice(2)).toEqual(['/2', '/3', '/4', '/6', '/7', '/8', '/9'])
  })

  test('a call that gets no turn in its time says so', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    handler = (_request, response) => {
      setTimeout(() => response.writeHead(200).end(), 120)
    }
    const first = call({ traffic, connector: { concurrency: 1 } })
    const second = await failure(call({ traffic, connector: { concurrency: 1 }, timeoutMs: 40 }))
    expect(second).toMatchObject({ code: 'timeout', message: expect.stringContaining('No turn') })
    await first
    await call({ traffic, connector: { concurrency: 1 } })
  })
})

describe('error rules and expiry', () => {
  const slack: NonNullable<CallOptions['connector']['errors']> = [
    { when: { ok: false, error: 'not_found' }, code: 'not_found', message: 'error' },
    { when: { ok: false, error: 'ratelimited' }, code: 'limit_exceeded', retryable: true },
    { when: { ok: false }, message: 'error' },
  ]

  test('an error inside a 200 is the error the first rule that fits says, with what the app says of it', async () => {
    handler = answer(200, { ok: false, error: 'not_found' })
    expect(await failure(call({ connector: { errors: slack } }))).toMatchObject({
      code: 'not_found',
      message: 'app.get_thing was answered 200, which means failure here: not_found',
      data: { status: 200, body: { ok: false, error: 'not_found' } },
    })
    handler = answer(200, { ok: false, error: 'other' })
    const action = { ...read, errors: [{ when: { error: 'other' }, code: 'invalid_input' as const }] }
    expect(await failure(call({ connector: { errors: slack }, action }))).toMatchObject({
      code: 'invalid_input',
    })
    expect(await failure(call({ connector: { errors: slack } }))).toMatchObject({
      code: 'upstream_error',
      retryable: false,
    })
    handler = answer(200, { ok: true })
    expect((await call({ connector: { errors: slack } })).output).toEqual({ ok: true })
  })

  test('a failure that a rule calls retryable is tried again where the call may be', async () => {
    handler = inTurn(answer(200, { ok: false, error: 'ratelimited' }))
    await call({ connector: { errors: slack } })
    expect(requests).toHaveLength(2)
    requests.length = 0
    handler = inTurn(answer(200, { ok: false, error: 'ratelimited' }))
    await failure(call({ connector: { errors: slack }, action: write }))
    expect(requests).toHaveLength(1)
  })

  test('what a rule quotes is shown without the credential, in the error and in the trace', async () => {
    handler = answer(
      200,
      { ok: false, error: `bad token ${SECRET}` },
      { link: `</x?t=${SECRET}>; rel="next"` },
    )
    const traces: CallTrace[] = []
    const error = await failure(
      call({ connector: { errors: slack }, onTrace: (trace) => traces.push(trace) }),
    )
    expect(error.message).toContain('bad token [redacted]')
    expect(JSON.stringify([error.message, error.data, traces])).not.toContain(SECRET)
  })

  test('expired credentials are marked: by status 401, or by what the connector says, also inside a 200', async () => {
    handler = answer(401, {})
    expect(isExpiredError(await failure(call()))).toBe(true)
    const connector = { expiry: { status: 200, error: 'token_expired' } }
    expect(isExpiredError(await failure(call({ connector })))).toBe(false)
    handler = answer(200, { error: 'token_expired' })
    const error = await failure(call({ connector }))
    expect([error.code, isExpiredError(error)]).toEqual(['unauthenticated', true])
    const ruled = await failure(
      call({ connector: { ...connector, errors: [{ when: { error: 'token_expired' } }] } }),
    )
    expect([ruled.code, isExpiredError(ruled)]).toEqual(['upstream_error', true])
  })
})

describe('answers that do not fit', () => {
  const outputSchema = {
    type: 'array',
    items: {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'integer' }, at: { $ref: '#/schemas/At' } },
    },
  }
  const connector = { schemas: { At: { type: 'string' } } }

  test('are returned as they came, with the first places named in result and trace', async () => {
    const body = [{ id: 1, at: 'now' }, ...Array.from({ length: 9 }, () => ({ id: 'x', at: 5 }))]
    handler = answer(200, body)
    const traces: CallTrace[] = []
    const action = { ...read, outputSchema }
    const result = await call({ action, connector, onTrace: (trace) => traces.push(trace) })
    expect(result.output).toEqual(body)
    expect(result.warnings).toHaveLength(6)
    expect(result.warnings).toContain('output[1].id must be integer')
    expect(result.warnings.at(-1)).toMatch(/^and \d+ more$/)
    expect(traces[0]?.warnings).toEqual(result.warnings)
  })

  test('that fit warn of nothing; a schema that cannot be used is a warning, not a failure', async () => {
    handler = answer(200, [{ id: 1, at: 'now' }])
    expect((await call({ action: { ...read, outputSchema }, connector })).warnings).toEqual([])
    const action = { ...read, outputSchema: { type: 'nonsense' } }
    const { output, warnings } = await call({ action })
    expect(output).toEqual([{ id: 1, at: 'now' }])
    expect(warnings[0]).toContain('The output was not checked')
  })

  test('that take for ever to check are given up in bounded time', async () => {
    handler = answer(
      200,
      Array.from({ length: 20_000 }, (_unused, n) => ({ n })),
    )
    const startedAt = performance.now()
    const { warnings } = await call({
      action: { ...read, outputSchema: { type: 'array', uniqueItems: true } },
    })
    expect(warnings).toEqual(['The output was not checked: it took more than 100 ms.'])
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
})

describe('files', () => {
  const kept = new Map<string, LoadedFile>()
  const files: NonNullable<CallOptions['files']> = {
    size: async (id) => kept.get(id)?.bytes.byteLength ?? 0,
    read: async (id) => kept.get(id) ?? Promise.reject(new Error(`no ${id}`)),
    save: async (file) => {
      const id = `file_${String(kept.size).padStart(28, '0')}`
      kept.set(id, file)
      return { file: id, name: file.name, contentType: file.contentType, bytes: file.bytes.byteLength }
    },
  }

  test('bytes, text over 256 KB and JSON over 5 MB become files; what is smaller stays as it is', async () => {
    const png = new Uint8Array([0x89, 0x50, 0, 1])
    handler = answer(200, png, {
      'content-type': 'image/png',
      'content-disposition': 'attachment; filename="a.png"',
    })
    const { output } = await call({ files })
    expect(output).toMatchObject({ name: 'a.png', contentType: 'image/png', bytes: 4 })
    expect(kept.get((output as { file: string }).file)?.bytes).toEqual(Buffer.from(png))
    handler = answer(200, 'x'.repeat(256 * 1024 + 1), { 'content-type': 'text/csv' })
    expect((await call({ files })).output).toMatchObject({ name: 'thing', bytes: 262_145 })
    handler = answer(200, 'x'.repeat(256 * 1024), { 'content-type': 'text/csv' })
    expect((await call({ files })).output).toHaveLength(262_144)
    handler = answer(200, { a: 'x'.repeat(5 * 1024 * 1024) })
    expect((await call({ files })).output).toMatchObject({ contentType: 'application/json' })
    handler = answer(200, { a: 'x'.repeat(5 * 1024 * 1024 - 100) })
    expect((await call({ files })).output).toHaveProperty('a')
  })

  test('a stored file is sent where an action wants one: as a part, in a list, or as the whole body', async () => {
    const id = `file_${'a'.repeat(28)}`
    kept.set(id, { name: 'r.bin', contentType: 'application/x-thing', bytes: new Uint8Array([0, 255, 10]) })
    let body: Buffer = Buffer.alloc(0)
    handler = (_request, response, got) => {
      body = got
      response.writeHead(200).end()
    }
    const fileSchema = {
      anyOf: [
        { type: 'string' },
        {
          type: 'object',
          properties: { base64: {}, filename: {}, contentType: {} },
          required: ['base64'],
          additionalProperties: false,
        },
      ],
    }
    const multipart: ActionDefinition = {
      ...write,
      body: { contentType: 'multipart/form-data', mode: 'merge', required: true },
      inputSchema: {
        type: 'object',
        properties: { doc: fileSchema, more: { type: 'array', items: fileSchema }, note: {} },
      },
    }
    const reference = { file: id, name: 'r.bin', contentType: 'application/x-thing', bytes: 3 }
    await call({
      files,
      action: multipart,
      input: { doc: reference, more: [{ file: id, filename: 'other' }], note: 'n' },
    })
    const text = body.toString('latin1')
    expect(text).toContain(
      'name="doc"; filename="r.bin"\r\nContent-Type: application/x-thing\r\n\r\n\u0000\u00ff\n\r\n',
    )
    expect(text).toContain('name="more"; filename="other"')
    expect(text).toContain('name="note"\r\n\r\nn')
    const whole: ActionDefinition = {
      ...write,
      body: { contentType: 'application/octet-stream', mode: 'whole', required: true },
      inputSchema: { type: 'object', properties: { body: fileSchema } },
    }
    await call({ files, action: whole, input: { body: { file: id } } })
    expect([...body]).toEqual([0, 255, 10])
    expect(requests.at(-1)?.headers['content-type']).toBe('application/x-thing')
  })

  test('large bodies of all accounts together are in memory four at a time', async () => {
    let saving = 0
    let most = 0
    const slow: typeof files = {
      ...files,
      save: async (file) => {
        saving += 1
        most = Math.max(most, saving)
        await new Promise((done) => setTimeout(done, 20))
        saving -= 1
        return { file: '', name: file.name, contentType: '', bytes: 0 }
      },
    }
    const body = new Uint8Array(1024 * 1024 + 1)
    const traffic = buildTraffic()
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' })
      if (requests.length % 2 === 0) response.write(body.subarray(0, 1)) // without content-length
      response.end(body.subarray(requests.length % 2 === 0 ? 1 : 0))
    }
    const calls = Array.from({ length: 10 }, (_unused, n) =>
      call({ files: slow, traffic: { traffic, account: `cxn_${n}` } }),
    )
    await Promise.all(calls)
    expect(most).toBeLessThanOrEqual(4)
    expect(most).toBeGreaterThan(1)
  })

  test('in a JSON body {file} is data like any other', async () => {
    handler = inTurn()
    await call({ files, action: write, input: { file: `file_${'b'.repeat(28)}` } })
    expect(requests).toHaveLength(1)
  })

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\evil.exe', 'evil.exe'],
    ['..', 'file'],
    ['.htaccess', 'htaccess'],
    ['a\r\nSet-Cookie: x.txt', 'aSet-Cookie x.txt'],
    ['in\u202egnp.exe', 'ingnp.exe'],
    ['', 'file'],
    [`${'n'.repeat(500)}.tar`, `${'n'.repeat(196)}.tar`],
    ['naïve – файл.pdf', 'naïve – файл.pdf'],
  ])('the name %j is kept as %j', (given, kept_) => {
    expect(safeFileName(given)).toBe(kept_)
  })

  test('names come from Content-Disposition in each of its forms, else from the address', () => {
    const name = (disposition: string | undefined, url = 'https://a.example/x/report%20one.pdf?k=1') =>
      responseFileName({
        headers: disposition === undefined ? {} : { 'content-disposition': disposition },
        url,
      })
    expect(name('attachment; filename="a b.txt"')).toBe('a b.txt')
    expect(name("attachment; filename=x.txt; filename*=UTF-8''%e2%82%ac.txt")).toBe('€.txt')
    expect(name('attachment; filename="../../x"')).toBe('x')
    expect(name('attachment')).toBe('report one.pdf')
    expect(name(';;;')).toBe('report one.pdf')
    expect(name(undefined, 'https://a.example/')).toBe('file')
    expect(safeContentType('text/html; charset=utf-8')).toBe('text/html; charset=utf-8')
    expect(safeContentType('text/html\r\nx: y')).toBe('application/octet-stream')
  })
})
