import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { deleteExpiredIdempotencyKeys } from '../../db/idempotency.ts'
import type { AnyTool, ToolContext } from '../../tools/define-tool.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
let url: string
/** What the tool of this file does next, and how often it has been called. */
let act: (context: ToolContext) => Promise<string>
let calls = 0

const actTool: AnyTool = {
  name: 'act',
  title: 'Act',
  description: 'Acts.',
  toolset: 'activity',
  input: z.object({ note: z.string().default('') }),
  output: z.object({ said: z.string() }),
  permission: null,
  effect: 'write',
  http: 'POST /act',
  successStatus: 201,
  run: async (context) => {
    calls += 1
    return { said: await act(context) }
  },
}

beforeAll(async () => {
  server = await startTestServer()
  url = await server.serve({ registry: { all: [actTool], get: () => actTool } })
})
afterAll(() => server.close())

function call(key: string, input: object = {}, options: { apiKey?: string; signal?: AbortSignal } = {}) {
  return fetch(`${url}/api/v1/act`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.apiKey ?? server.key}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
    body: JSON.stringify(input),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}
/** Runs SQL on the keys as the organization would. */
const sql = (text: string, params: unknown[] = []) =>
  server.db.tenant({ organizationId: server.organizationId, customerIds: null }, (tx) =>
    tx.rows(text, params),
  )
const callsDuring = async (work: () => Promise<unknown>) => {
  const before = calls
  await work()
  return calls - before
}

test('a repeat gets the first answer and does nothing', async () => {
  act = async () => `secret-${calls}`
  const first = await call('repeat')
  const body = await first.json()
  expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null])

  const ran = await callsDuring(async () => {
    for (const key of ['repeat', '"repeat"']) {
      const again = await call(key)
      expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
      expect(again.headers.get('x-ratelimit-remaining')).not.toBeNull()
      expect(await again.json()).toEqual(body)
    }
  })
  expect(ran).toBe(0)
})

test('kept answers are sealed: a secret that is shown once does not rest in the table', async () => {
  act = async () => 'pk_live_shown_once'
  await call('sealed')
  const rows = await sql("SELECT response::text FROM idempotency_keys WHERE key = 'sealed'")
  expect(rows).toHaveLength(1)
  expect(JSON.stringify(rows)).not.toContain('shown_once')
})

test('the same key with another input is refused with what to do', async () => {
  act = async () => 'done'
  await call('other-input', { note: 'a' })
  const response = await call('other-input', { note: 'b' })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ code: 'conflict', hint: expect.stringContaining('new key') })
})

test('two API keys may use the same idempotency key', async () => {
  act = async () => 'done'
  const apiKey = await server.makeKey({ role: 'viewer' })
  const ran = await callsDuring(async () => {
    await call('shared')
    await call('shared', {}, { apiKey })
  })
  expect(ran).toBe(2)
})

test('of many at once one runs; the others are told to wait', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  act = async () => {
    await released
    return 'done'
  }
  const ran = await callsDuring(async () => {
    const answers = Array.from({ length: 8 }, () => call('at-once'))
    const first7 = await firstSettled(answers, 7)
    for (const response of first7) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([409, '2'])
      expect(await response.json()).toMatchObject({ code: 'conflict', retryable: true })
    }
    release()
    expect((await Promise.all(answers)).map((response) => response.status).sort()).toEqual([
      201,
      ...Array(7).fill(409),
    ])
  })
  expect(ran).toBe(1)
  expect((await call('at-once')).headers.get('idempotent-replayed')).toBe('true')
})

test('a call goes on when its client leaves, and a repeat fetches its answer', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: running, resolve: started } = Promise.withResolvers<void>()
  act = async (context) => {
    started()
    await released
    return context.signal.aborted ? 'cancelled' : 'finished'
  }
  const client = new AbortController()
  const gone = call('left', {}, { signal: client.signal })
  await running
  client.abort()
  await expect(gone).rejects.toThrow()
  release()
  await expect.poll(async () => (await call('left')).json(), { timeout: 5_000 }).toEqual({ said: 'finished' })
})

test.each(['invalid_input', 'not_found', 'conflict'] as const)(
  '%s is an answer and is kept',
  async (code) => {
    act = async () => {
      throw new AppError(code, 'No.', { hint: 'Do otherwise.' })
    }
    const first = await call(`kept-${code}`)
    const problem = await first.json()
    const ran = await callsDuring(async () => {
      const again = await call(`kept-${code}`)
      expect(again.status).toBe(first.status)
      expect(again.headers.get('content-type')).toContain('application/problem+json')
      expect(await again.json()).toEqual(problem)
    })
    expect(ran).toBe(0)
  },
)

test.each(['internal', 'unavailable', 'upstream_error', 'limit_exceeded'] as const)(
  '%s is not kept: the next try runs',
  async (code) => {
    act = async () => {
      throw new AppError(code, 'Not now.')
    }
    expect((await call(`free-${code}`)).status).toBeGreaterThanOrEqual(429)
    act = async () => 'now'
    const again = await call(`free-${code}`)
    expect(await again.json()).toEqual({ said: 'now' })
  },
)

test('after a timeout the key is held, for the first call may be going on still', async () => {
  act = async () => {
    throw new AppError('timeout', 'Too slow.')
  }
  expect((await call('slow')).status).toBe(504)
  expect((await call('slow')).status).toBe(409)
})

test('the claim of a process that died frees itself after minutes, not before', async () => {
  act = async () => 'after the crash'
  const leave = (key: string, age: string) =>
    sql(
      `INSERT INTO idempotency_keys (organization_id, actor_id, key, request_hash, created_at)
       SELECT $1, id, $2, 'of the dead call', now() - $3::interval FROM api_keys WHERE role = 'owner'`,
      [server.organizationId, key, age],
    )
  await leave('crashed-now', '4 minutes')
  expect((await call('crashed-now')).status).toBe(422)
  await leave('crashed-before', '6 minutes')
  expect(await (await call('crashed-before')).json()).toEqual({ said: 'after the crash' })
})

test('an answer is kept for a day: then the key is free, and its row is cleaned up', async () => {
  act = async () => 'new'
  await call('old')
  await call('young')
  await sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
  expect(await callsDuring(() => call('old'))).toBe(1)

  await sql("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
  expect(await deleteExpiredIdempotencyKeys(server.db)).toBe(1)
  expect(await sql("SELECT key FROM idempotency_keys WHERE key IN ('old', 'young')")).toEqual([
    { key: 'young' },
  ])
})

test('a late finisher whose claim has lapsed does not overwrite the answer of the call that took over', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: running, resolve: started } = Promise.withResolvers<void>()
  act = async () => {
    started()
    await released
    return 'late'
  }
  const late = call('lapsed')
  await running
  await sql("UPDATE idempotency_keys SET created_at = now() - interval '6 minutes' WHERE key = 'lapsed'")
  act = async () => 'second'
  await call('lapsed')
  release()
  expect(await (await late).json()).toEqual({ said: 'late' })
  expect(await (await call('lapsed')).json()).toEqual({ said: 'second' })
})

test('a key that is no key is refused', async () => {
  for (const key of ['', 'with space', 'x'.repeat(256)]) expect((await call(key)).status).toBe(400)
})

/** The first `count` of the promises to settle, in the order they do. */
async function firstSettled<T>(promises: Promise<T>[], count: number): Promise<T[]> {
  const settled: T[] = []
  return new Promise((done, fail) => {
    for (const promise of promises) {
      promise.then((value) => {
        settled.push(value)
        if (settled.length === count) done([...settled])
      }, fail)
    }
  })
}
