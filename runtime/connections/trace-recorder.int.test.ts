import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantScope } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import { buildLogger } from '../../core/log.ts'
import type { Database } from '../../db/database.ts'
import { insertOrganization } from '../../db/organizations.ts'
import { getTrace, type NewTrace } from '../../db/traces.ts'
import { openTestDatabase } from '../../tests/setup/database.ts'
import { buildTraceRecorder } from './trace-recorder.ts'

let db: Database
const scopes: TenantScope[] = []
beforeAll(async () => {
  db = await openTestDatabase()
  for (const name of ['one', 'two']) {
    const scope = { organizationId: newId('organization'), customerIds: null }
    await db.tenant(scope, (tx) => insertOrganization(tx, { id: scope.organizationId, name }))
    scopes.push(scope)
  }
})
afterAll(() => db.close())

const trace = (change: Partial<NewTrace> = {}): NewTrace => ({
  id: newId('trace'),
  customer_id: null,
  execution_id: null,
  attempt: null,
  connection_id: null,
  connector: 'c',
  action: 'a',
  status: 'success',
  http_status: 200,
  duration_ms: 1,
  request: {},
  response: null,
  error: null,
  created_at: new Date().toISOString(),
  ...change,
})

/** The database, counting its write transactions. */
function counting(): { db: Database; transactions(): number } {
  let count = 0
  return {
    db: {
      ...db,
      tenant: (scope, fn) => {
        count += 1
        return db.tenant(scope, fn)
      },
    },
    transactions: () => count,
  }
}

const stored = async (scope: TenantScope, traces: readonly NewTrace[]) =>
  (await Promise.all(traces.map(({ id }) => db.read(scope, (tx) => getTrace(tx, id))))).filter(
    (row) => row !== undefined,
  ).length

test('traces made together share a transaction, each in its own organization', async () => {
  const counted = counting()
  const recorder = buildTraceRecorder(counted.db, buildLogger('silent'))
  const made = scopes.map(() => Array.from({ length: 50 }, () => trace()))
  for (let index = 0; index < 50; index += 1) {
    scopes.forEach((scope, which) => {
      const one = made[which]?.[index]
      if (one !== undefined) void recorder.record(scope, one)
    })
  }
  await recorder.settled()
  expect(counted.transactions()).toBe(2)
  for (const [which, scope] of scopes.entries()) expect(await stored(scope, made[which] ?? [])).toBe(50)
  expect(await stored(scopes[0] as TenantScope, made[1] ?? [])).toBe(0)
})

test('one that cannot be stored takes no other with it', async () => {
  const [scope] = scopes as [TenantScope]
  const recorder = buildTraceRecorder(db, buildLogger('silent'))
  const good = [trace(), trace()]
  for (const one of [good[0], trace({ duration_ms: 2 ** 40 }), good[1]]) {
    if (one !== undefined) void recorder.record(scope, one)
  }
  await recorder.settled()
  expect(await stored(scope, good)).toBe(2)
})

test('text that Postgres cannot hold is kept with the character replaced', async () => {
  const [scope] = scopes as [TenantScope]
  const recorder = buildTraceRecorder(db, buildLogger('silent'))
  const odd = trace({ response: { body: 'a\u0000b' } })
  void recorder.record(scope, odd)
  await recorder.settled()
  const row = await db.read(scope, (tx) => getTrace(tx, odd.id))
  expect(row?.response).toEqual({ body: 'a\ufffdb' })
})

test('a trace is stored soon without anybody asking', async () => {
  const [scope] = scopes as [TenantScope]
  const recorder = buildTraceRecorder(db, buildLogger('silent'))
  const one = trace()
  void recorder.record(scope, one)
  await expect.poll(() => stored(scope, [one]), { interval: 10, timeout: 1_000 }).toBe(1)
})
