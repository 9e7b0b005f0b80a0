import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { cpuMs } from '../../tests/setup/cpu.ts'
import type { ActionDefinition } from './action-definition.ts'
import { type App, answer, broken, failure, inTurn, read, SECRET, startApp, write } from './call.fixture.ts'
import type { CallOptions, CallTrace } from './call.ts'
import { isExpiredError } from './expiry.ts'
import { retryDelayMs } from './retry.ts'
import { buildTraffic } from './traffic.ts'

let app: App
beforeAll(async () => {
  app = await startApp()
  vi.spyOn(Math, 'random').mockReturnValue(0.01)
})
afterEach(() => {
  app.requests.length = 0
})
afterAll(async () => {
  vi.restoreAllMocks()
  await app.close()
})

describe('retries', () => {
  test.each([408, 425, 429, 502, 503, 504])(
    'a read answered %i is made again, and each attempt traced',
    async (status) => {
      app.handler = inTurn(answer(status, { error: 'later' }), answer(status, {}))
      const traces: CallTrace[] = []
      const result = await app.call({ onTrace: (trace) => traces.push(trace) })
      expect(result.output).toEqual({ ok: true })
      expect(traces.map(({ attempt, status: got }) => [attempt, got])).toEqual([
        [1, status],
        [2, status],
        [3, 200],
      ])
    },
  )

  test('a connection that breaks is tried again, three times in all', async () => {
    app.handler = inTurn(broken, broken)
    expect((await app.call()).output).toEqual({ ok: true })
    app.requests.length = 0
    app.handler = broken
    expect(await failure(app.call())).toMatchObject({ code: 'upstream_error', retryable: true })
    expect(app.requests).toHaveLength(3)
  })

  test.each([400, 401, 404, 500, 501])('%i is not tried again', async (status) => {
    app.handler = answer(status, {})
    await failure(app.call())
    expect(app.requests).toHaveLength(1)
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
      app.requests.length = 0
      app.handler = fails
      await failure(app.call({ action: { ...read, ...change } }))
      expect(app.requests).toHaveLength(times)
    }
  })

  test('the idempotency key is the same on every attempt, another for another call, and a given one stays', async () => {
    const action = { ...write, idempotencyHeader: 'Idempotency-Key' }
    const keys = () => app.requests.map(({ headers }) => headers['idempotency-key'])
    app.handler = inTurn(answer(503, {}), answer(503, {}))
    await app.call({ action })
    expect(new Set(keys()).size).toBe(1)
    expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/)
    await app.call({ action })
    expect(new Set(keys()).size).toBe(2)
    await app.call({ action, headers: { 'Idempotency-Key': 'mine' } })
    expect(keys().at(-1)).toBe('mine')
  })

  test('whoever makes the call is asked before each attempt, and none is sent once they refuse', async () => {
    app.handler = answer(503, {})
    let asked = 0
    const beforeSend = async () => {
      asked += 1
      if (asked === 2) throw new Error('not any more')
    }
    expect(await failure(app.call({ beforeSend }))).toMatchObject({ message: 'not any more' })
    expect([asked, app.requests.length]).toEqual([2, 1])
  })

  test('Retry-After is waited for where the call has time, and told where it has not', async () => {
    app.handler = inTurn(answer(429, {}, { 'retry-after': '1' }))
    const startedAt = performance.now()
    await app.call()
    expect(performance.now() - startedAt).toBeGreaterThan(990)
    app.requests.length = 0
    app.handler = answer(429, {}, { 'retry-after': '60' })
    expect(await failure(app.call())).toMatchObject({ code: 'upstream_error', retryAfterSeconds: 60 })
    expect(app.requests).toHaveLength(1)
  })

  test('waits grow, and are random up to their bound', () => {
    const error = { retryAfterSeconds: undefined } as AppError
    expect([1, 2, 3].map((attempt) => retryDelayMs(attempt, error, () => 1))).toEqual([250, 500, 1000])
    expect(retryDelayMs(9, error, () => 1)).toBe(4_000)
    expect(retryDelayMs(1, error, () => 0)).toBe(0)
  })

  test('a call waiting to be made again can be cancelled, and is over when its time is', async () => {
    app.handler = answer(503, {}, { 'retry-after': '5' })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    expect(await failure(app.call({ signal: controller.signal }))).toMatchObject({ code: 'cancelled' })
    app.handler = broken
    const startedAt = performance.now()
    vi.mocked(Math.random).mockReturnValueOnce(0.99)
    await failure(app.call({ timeoutMs: 100 }))
    expect(performance.now() - startedAt).toBeLessThan(200)
  })
})

describe('rate limits', () => {
  test('used up for a moment: the next call through the account waits; for long: it is refused unsent', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    app.handler = answer(200, {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' })
    await app.call({ traffic })
    app.handler = answer(200, {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' })
    const startedAt = performance.now()
    await app.call({ traffic })
    expect(performance.now() - startedAt).toBeGreaterThan(900)
    app.requests.length = 0
    const error = await failure(app.call({ traffic }))
    expect(error).toMatchObject({ code: 'limit_exceeded', retryable: true })
    expect(error.retryAfterSeconds).toBeGreaterThan(55)
    expect(app.requests).toHaveLength(0)
    await app.call({ traffic: { ...traffic, account: 'cxn_2' } })
    expect(app.requests).toHaveLength(1)
  })

  test('a 429 about one action does not hold up the others; limits with names hold for what they name', async () => {
    const traffic = { traffic: buildTraffic(), account: 'cxn_1' }
    app.handler = answer(429, {}, { 'retry-after': '60' })
    await failure(app.call({ traffic }))
    expect(await failure(app.call({ traffic }))).toMatchObject({ code: 'limit_exceeded' })
    app.handler = answer(200, {})
    const other = { ...read, slug: 'other' }
    await app.call({ traffic, action: other })
    const named = {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '60',
      'x-ratelimit-resource': 'search',
    }
    app.handler = answer(200, {}, named)
    const search = { ...read, slug: 'search' }
    await app.call({ traffic, action: search })
    expect(await failure(app.call({ traffic, action: search }))).toMatchObject({ code: 'limit_exceeded' })
    await app.call({ traffic, action: other })
  })

  test('403 with no calls left is the rate limit, not the permission', async () => {
    app.handler = answer(
      403,
      { message: 'API rate limit exceeded' },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' },
    )
    expect(await failure(app.call())).toMatchObject({
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
    app.handler = (request, response) => {
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
      app.call({
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
    app.handler = (_request, response) => {
      setTimeout(() => response.writeHead(200).end(), 120)
    }
    const first = app.call({ traffic, connector: { concurrency: 1 } })
    const second = await failure(app.call({ traffic, connector: { concurrency: 1 }, timeoutMs: 40 }))
    expect(second).toMatchObject({ code: 'timeout', message: expect.stringContaining('No turn') })
    await first
    await app.call({ traffic, connector: { concurrency: 1 } })
  })
})

describe('error rules and expiry', () => {
  const slack: NonNullable<CallOptions['connector']['errors']> = [
    { when: { ok: false, error: 'not_found' }, code: 'not_found', message: 'error' },
    { when: { ok: false, error: 'ratelimited' }, code: 'limit_exceeded', retryable: true },
    { when: { ok: false }, message: 'error' },
  ]

  test('an error inside a 200 is the error the first rule that fits says, with what the app says of it', async () => {
    app.handler = answer(200, { ok: false, error: 'not_found' })
    expect(await failure(app.call({ connector: { errors: slack } }))).toMatchObject({
      code: 'not_found',
      message: 'app.get_thing was answered 200, which means failure here: not_found',
      data: { status: 200, body: { ok: false, error: 'not_found' } },
    })
    app.handler = answer(200, { ok: false, error: 'other' })
    const action = { ...read, errors: [{ when: { error: 'other' }, code: 'invalid_input' as const }] }
    expect(await failure(app.call({ connector: { errors: slack }, action }))).toMatchObject({
      code: 'invalid_input',
    })
    expect(await failure(app.call({ connector: { errors: slack } }))).toMatchObject({
      code: 'upstream_error',
      retryable: false,
    })
    app.handler = answer(200, { ok: true })
    expect((await app.call({ connector: { errors: slack } })).output).toEqual({ ok: true })
  })

  test('a failure that a rule calls retryable is tried again where the call may be', async () => {
    app.handler = inTurn(answer(200, { ok: false, error: 'ratelimited' }))
    await app.call({ connector: { errors: slack } })
    expect(app.requests).toHaveLength(2)
    app.requests.length = 0
    app.handler = inTurn(answer(200, { ok: false, error: 'ratelimited' }))
    await failure(app.call({ connector: { errors: slack }, action: write }))
    expect(app.requests).toHaveLength(1)
  })

  test('what a rule quotes is shown without the credential, in the error and in the trace', async () => {
    app.handler = answer(
      200,
      { ok: false, error: `bad token ${SECRET}` },
      { link: `</x?t=${SECRET}>; rel="next"` },
    )
    const traces: CallTrace[] = []
    const error = await failure(
      app.call({ connector: { errors: slack }, onTrace: (trace) => traces.push(trace) }),
    )
    expect(error.message).toContain('bad token [redacted]')
    expect(JSON.stringify([error.message, error.data, traces])).not.toContain(SECRET)
  })

  test('expired credentials are marked: by status 401, or by what the connector says, also inside a 200', async () => {
    app.handler = answer(401, {})
    expect(isExpiredError(await failure(app.call()))).toBe(true)
    const connector = { expiry: { status: 200, error: 'token_expired' } }
    expect(isExpiredError(await failure(app.call({ connector })))).toBe(false)
    app.handler = answer(200, { error: 'token_expired' })
    const error = await failure(app.call({ connector }))
    expect([error.code, isExpiredError(error)]).toEqual(['unauthenticated', true])
    const ruled = await failure(
      app.call({ connector: { ...connector, errors: [{ when: { error: 'token_expired' } }] } }),
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
    app.handler = answer(200, body)
    const traces: CallTrace[] = []
    const action = { ...read, outputSchema }
    const result = await app.call({ action, connector, onTrace: (trace) => traces.push(trace) })
    expect(result.output).toEqual(body)
    expect(result.warnings).toHaveLength(6)
    expect(result.warnings).toContain('output[1].id must be integer')
    expect(result.warnings.at(-1)).toMatch(/^and \d+ more$/)
    expect(traces[0]?.warnings).toEqual(result.warnings)
  })

  test('that fit warn of nothing; a schema that cannot be used is a warning, not a failure', async () => {
    app.handler = answer(200, [{ id: 1, at: 'now' }])
    expect((await app.call({ action: { ...read, outputSchema }, connector })).warnings).toEqual([])
    const action = { ...read, outputSchema: { type: 'nonsense' } }
    const { output, warnings } = await app.call({ action })
    expect(output).toEqual([{ id: 1, at: 'now' }])
    expect(warnings[0]).toContain('The output was not checked')
  })

  test('that have no body warn of nothing', async () => {
    app.handler = answer(204, '')
    const { output, warnings } = await app.call({ action: { ...read, outputSchema } })
    expect([output, warnings]).toEqual([null, []])
  })

  test('that take for ever to check are given up in bounded time', async () => {
    app.handler = answer(
      200,
      Array.from({ length: 20_000 }, (_unused, n) => ({ n })),
    )
    const startedAt = cpuMs()
    const { warnings } = await app.call({
      action: { ...read, outputSchema: { type: 'array', uniqueItems: true } },
    })
    expect(warnings).toEqual(['The output was not checked: it took more than 100 ms.'])
    expect(cpuMs() - startedAt).toBeLessThan(2_000)
  })
})
