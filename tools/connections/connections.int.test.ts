import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { getTrace, listTraces } from '../../db/traces.ts'
import { describeOnEachDatabase } from '../../tests/setup/database.ts'
import { createAction } from '../connectors/create-action.ts'
import { createConnector } from '../connectors/create-connector.ts'
import { deleteConnector } from '../connectors/delete-connector.ts'
import { runAction } from '../connectors/run-action.ts'
import { updateAction } from '../connectors/update-action.ts'
import { updateConnector } from '../connectors/update-connector.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { deleteCustomer } from '../customers/delete-customer.ts'
import { listAuditLog } from '../organization/list-audit-log.ts'
import { createConnection } from './create-connection.ts'
import { deleteConnection } from './delete-connection.ts'
import { getConnection } from './get-connection.ts'
import { listConnections } from './list-connections.ts'
import { actorLike, openWorld, type World } from './testing/world.ts'
import { updateConnection } from './update-connection.ts'
import { verifyConnection } from './verify-connection.ts'

const GOOD = 'good-key-8c1f'
const OTHER = 'other-key-77aa'
const REFUSED = 'refused-key-19'

interface Connected {
  connection: { id: string; name: string; isDefault: boolean; customerId: string | null; status: string }
  verified: boolean
}
interface Ran {
  output: { account: string; echo: string; path: string }
  status: number
  traceId: string
  headers: Record<string, string>
}

/** The third party: knows two keys, tells whose was used, and echoes it. */
const accounts = new Map([
  [GOOD, 'good'],
  [OTHER, 'other'],
])
const calls: string[] = []
let accepts = new Set([GOOD, OTHER])
function answer(request: IncomingMessage): { status: number; body: object } {
  const key = String(request.headers['x-key'])
  calls.push(`${request.method} ${request.url}`)
  if (request.url === '/big') return { status: 200, body: { text: 'x'.repeat(1_100_000) } }
  if (request.url === '/open') return { status: 200, body: { echo: key, path: '/open' } }
  if (!accepts.has(key)) return { status: 401, body: { error: `the key ${key} is not accepted` } }
  return { status: 200, body: { account: accounts.get(key), echo: key, path: request.url } }
}

let third: Server
let baseUrl: string
beforeAll(async () => {
  third = createServer((request, response) => {
    const { status, body } = answer(request)
    response
      .writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'session=abc123' })
      .end(JSON.stringify(body))
  })
  await new Promise<void>((done) => third.listen(0, '127.0.0.1', done))
  baseUrl = `http://127.0.0.1:${(third.address() as AddressInfo).port}`
})
afterAll(() => third.close())
beforeEach(() => {
  accepts = new Set([GOOD, OTHER])
})

describeOnEachDatabase('connections', (kind) => {
  let world: World
  let owner: Actor
  let acme: string
  beforeAll(async () => {
    world = await openWorld(kind)
  })
  afterAll(() => world.close())
  beforeEach(async () => {
    owner = await world.organization()
    await world.call(owner, createConnector, {
      name: 'Third',
      slug: 'third',
      baseUrl,
      authMethods: [{ slug: 'key', type: 'api_key', name: 'Key', parameterName: 'X-Key' }],
    })
    for (const [slug, path] of [
      ['me', '/me'],
      ['big', '/big'],
    ]) {
      await world.call(owner, createAction, { connector: 'third', slug, name: slug, path })
    }
    await world.call(owner, createAction, {
      connector: 'third',
      slug: 'open',
      name: 'open',
      path: '/open',
      auth: [],
    })
    await world.call(owner, updateConnector, { connector: 'third', verification: { action: 'me' } })
    acme = await customer('Acme')
  })

  const customer = async (name: string) =>
    (await world.call<{ customer: { id: string } }>(owner, createCustomer, { name })).customer.id
  const connect = (input: object = {}, actor = owner) =>
    world.call<Connected>(actor, createConnection, {
      connector: 'third',
      credentials: { apiKey: GOOD },
      ...input,
    })
  const run = (input: object = {}, actor = owner) =>
    world.call<Ran>(actor, runAction, { connector: 'third', action: 'me', ...input })
  const runRefused = (input: object = {}, actor = owner) =>
    world.refused(actor, runAction, { connector: 'third', action: 'me', ...input })

  test('an account is verified when it is connected, and actions run through it', async () => {
    const made = await connect({ customer: 'acme' })
    expect(made).toMatchObject({
      verified: true,
      connection: { status: 'active', customerId: acme, isDefault: true },
    })
    const ran = await run({ customer: 'acme' })
    expect(ran).toMatchObject({ status: 200, output: { account: 'good', echo: '[redacted]', path: '/me' } })
    expect(ran.headers['content-type']).toBe('application/json')
    const shown = await world.call(owner, getConnection, { connection: made.connection.id })
    expect(shown.connection).toMatchObject({ lastUsedAt: expect.any(String), verifiedAt: expect.any(String) })
  })

  test('refused credentials are not stored, and the error tells what the provider said', async () => {
    const error = await world.refused(owner, createConnection, {
      connector: 'third',
      credentials: { apiKey: REFUSED },
    })
    expect(error).toMatchObject({ code: 'upstream_error', data: { status: 401 } })
    expect(error.message + error.hint).toMatch(/nothing was stored/i)
    expect(await world.call(owner, listConnections)).toMatchObject({ connections: [] })
  })

  test('missing and unknown credential fields are named, not quoted', async () => {
    const error = await world.refused(owner, createConnection, {
      connector: 'third',
      credentials: { token: 'secret-value-55' },
    })
    expect(error).toMatchObject({
      code: 'invalid_input',
      data: { missing: ['apiKey'], unknown: ['token'], needed: ['apiKey'] },
    })
    expect(JSON.stringify([error.message, error.hint, error.data])).not.toContain('secret-value-55')
  })

  test('credentials never appear in an output, a trace, the audit log, the log or the tables', async () => {
    const { connection } = await connect()
    const outputs: unknown[] = [connection]
    outputs.push(await world.call(owner, getConnection, { connection: connection.id }))
    outputs.push(await world.call(owner, listConnections))
    outputs.push(
      await world.call(owner, updateConnection, {
        connection: connection.id,
        credentials: { apiKey: OTHER },
      }),
    )
    outputs.push(await run())
    const failed = await world.refused(owner, createConnection, {
      connector: 'third',
      credentials: { apiKey: REFUSED },
    })
    outputs.push([failed.message, failed.hint, failed.data])
    await world.services.connections.settled()
    outputs.push(await world.call(owner, listAuditLog, { limit: 200 }))
    for (const table of ['connections', 'traces', 'audit_log']) {
      const rows = await world.db.read(scopeOf(owner), (tx) => tx.rows(`SELECT * FROM ${table}`))
      expect(rows.length).toBeGreaterThan(0)
      outputs.push(rows)
    }
    const text = JSON.stringify(outputs) + world.logged()
    for (const secret of [GOOD, OTHER, REFUSED, 'abc123']) expect(text).not.toContain(secret)
  })

  test("a customer's call goes through its own account, else the organization's", async () => {
    await connect()
    expect((await run({ customer: acme })).output.account).toBe('good')
    await connect({ customer: acme, credentials: { apiKey: OTHER } })
    expect((await run({ customer: acme })).output.account).toBe('other')
    expect((await run()).output.account).toBe('good')
  })

  test('an account switched off is used by nobody, and no other steps in for it', async () => {
    await connect()
    const { connection } = await connect({ customer: acme, credentials: { apiKey: OTHER } })
    await run({ customer: acme })
    await world.call(owner, updateConnection, { connection: connection.id, status: 'inactive' })
    expect(await runRefused({ customer: acme })).toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('active'),
      data: { status: 'inactive' },
    })
    await world.call(owner, updateConnection, { connection: connection.id, status: 'active' })
    expect((await run({ customer: acme })).output.account).toBe('other')
  })

  test('of several accounts the default is used, or the one named; without a default a choice is asked for', async () => {
    const first = await connect({ name: 'one' })
    const second = await connect({ name: 'two', credentials: { apiKey: OTHER } })
    expect([first.connection.isDefault, second.connection.isDefault]).toEqual([true, false])
    expect((await run()).output.account).toBe('good')
    expect((await run({ connection: 'two' })).output.account).toBe('other')
    expect((await run({ connection: second.connection.id })).output.account).toBe('other')
    await world.call(owner, updateConnection, { connection: second.connection.id, isDefault: true })
    expect((await run()).output.account).toBe('other')
    await world.call(owner, updateConnection, { connection: second.connection.id, isDefault: false })
    expect(await runRefused()).toMatchObject({ code: 'conflict', where: 'connection' })
    expect(
      await world.refused(owner, createConnection, {
        connector: 'third',
        name: 'two',
        credentials: { apiKey: GOOD },
      }),
    ).toMatchObject({ code: 'conflict', where: 'name' })
  })

  test('new credentials are tried first: refused ones change nothing, accepted ones heal', async () => {
    const { connection } = await connect()
    const { id } = connection
    expect(
      await world.refused(owner, updateConnection, { connection: id, credentials: { apiKey: REFUSED } }),
    ).toMatchObject({ code: 'upstream_error' })
    expect((await run()).output.account).toBe('good')
    accepts = new Set([OTHER])
    expect(await world.refused(owner, verifyConnection, { connection: id })).toMatchObject({
      code: 'upstream_error',
    })
    expect(await world.call(owner, getConnection, { connection: id })).toMatchObject({
      connection: { status: 'failed', statusReason: expect.stringContaining('401') },
    })
    expect(await runRefused()).toMatchObject({ code: 'conflict', data: { status: 'failed' } })
    await world.call(owner, updateConnection, { connection: id, credentials: { apiKey: OTHER } })
    expect((await run()).output.account).toBe('other')
  })

  test('verifying a failed connection that works again makes it active', async () => {
    const { id } = (await connect()).connection
    accepts = new Set()
    await world.refused(owner, verifyConnection, { connection: id })
    accepts = new Set([GOOD])
    expect(await world.call(owner, verifyConnection, { connection: id })).toMatchObject({ verified: true })
    expect((await run()).status).toBe(200)
  })

  test('stored credentials are not sent to another address without being given again', async () => {
    const { id } = (await connect()).connection
    const error = await world.refused(owner, updateConnection, {
      connection: id,
      baseUrl: 'http://127.0.0.1:9/x',
    })
    expect(error).toMatchObject({ code: 'invalid_input', where: 'credentials' })
  })

  test('without a verification call an account is stored untried, and the output says so', async () => {
    await world.call(owner, updateConnector, { connector: 'third', verification: null })
    expect(await connect({ credentials: { apiKey: REFUSED } })).toMatchObject({
      verified: false,
      connection: { status: 'active', verifiedAt: null },
    })
  })

  test('when the provider refuses a call its trace is kept and the hint says to reconnect', async () => {
    await connect()
    accepts = new Set()
    const error = await runRefused()
    expect(error).toMatchObject({ code: 'upstream_error', data: { status: 401 } })
    expect(error.hint).toContain('verify_connection')
    const traces = await world.db.read(scopeOf(owner), (tx) =>
      listTraces(tx, {
        executionId: null,
        customerId: null,
        connectionId: null,
        connector: 'third',
        action: 'me',
        status: 'error',
        cursor: null,
        limit: 10,
      }),
    )
    expect(traces).toMatchObject([{ http_status: 401 }])
  })

  test('a trace holds what was sent and what came back', async () => {
    await connect()
    const { traceId } = await run()
    const trace = await world.db.read(scopeOf(owner), (tx) => getTrace(tx, traceId))
    expect(trace).toMatchObject({ status: 'success', http_status: 200, connector: 'third', action: 'me' })
    expect(JSON.stringify(trace?.request)).toContain('/me')
    expect(JSON.stringify(trace?.response)).toContain('/me')
  })

  test('a public action needs no account', async () => {
    expect((await run({ action: 'open' })).output.path).toBe('/open')
    expect(await runRefused()).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('create_connection'),
    })
  })

  test('a changed action is called as changed, at once', async () => {
    await connect()
    await run()
    await world.call(owner, updateAction, { connector: 'third', action: 'me', path: '/me/2' })
    expect((await run()).output.path).toBe('/me/2')
  })

  test('an output over 1 MB comes cut, with its size', async () => {
    await connect()
    const big = await world.call(owner, runAction, { connector: 'third', action: 'big' })
    expect(big.truncated).toMatchObject({ bytes: expect.any(Number) })
    expect(JSON.stringify(big).length).toBeLessThan(100_000)
  })

  test("a customer's key lands on its own customer, and reaches no other account", async () => {
    const other = await customer('Other')
    const user = actorLike(owner, 'end_user', [acme])
    await connect()
    const theirs = await connect({ customer: other })
    expect(await runRefused({}, user)).toMatchObject({ code: 'not_found' })
    const mine = await connect({ credentials: { apiKey: OTHER } }, user)
    expect(mine.connection.customerId).toBe(acme)
    expect((await run({}, user)).output.account).toBe('other')
    expect(await runRefused({ customer: other }, user)).toMatchObject({ code: 'not_found' })
    expect(await runRefused({ connection: theirs.connection.id }, user)).toMatchObject({ code: 'not_found' })
    const listed = await world.call<{ connections: { id: string }[] }>(user, listConnections)
    expect(listed.connections.map(({ id }) => id)).toEqual([mine.connection.id])
    expect(
      await world.refused(user, createConnection, {
        connector: 'third',
        customer: other,
        credentials: { apiKey: GOOD },
      }),
    ).toMatchObject({ code: 'not_found' })
    const two = actorLike(owner, 'operator', [acme, other])
    expect(
      await world.refused(two, createConnection, { connector: 'third', credentials: { apiKey: GOOD } }),
    ).toMatchObject({
      code: 'invalid_input',
      where: 'customer',
    })
  })

  test("another organization's connections are not found by any tool, even by id", async () => {
    const { id } = (await connect()).connection
    const stranger = await world.organization()
    for (const [tool, input] of [
      [getConnection, {}],
      [updateConnection, { name: 'x' }],
      [deleteConnection, {}],
      [verifyConnection, {}],
    ] as const) {
      expect(await world.refused(stranger, tool, { connection: id, ...input }), tool.name).toMatchObject({
        code: 'not_found',
      })
    }
    expect(await runRefused({ connection: id }, stranger)).toMatchObject({ code: 'not_found' })
    expect(await world.call(stranger, listConnections)).toMatchObject({ connections: [] })
    expect((await run()).status).toBe(200)
  })

  test('a connector with connections is kept unless forced, and what is deleted is used no more', async () => {
    const { id } = (await connect()).connection
    expect(await world.refused(owner, deleteConnector, { connector: 'third' })).toMatchObject({
      code: 'conflict',
      data: { connections: 1 },
    })
    await run()
    await world.call(owner, deleteConnection, { connection: id })
    expect(await runRefused()).toMatchObject({ code: 'not_found' })
    await connect({ customer: acme })
    await run({ customer: acme })
    await world.call(owner, deleteCustomer, { customer: acme })
    expect(await runRefused({ customer: acme })).toMatchObject({ code: 'not_found' })
    await connect()
    expect(await world.call(owner, deleteConnector, { connector: 'third', force: true })).toMatchObject({
      connections: 1,
    })
    expect(await runRefused()).toMatchObject({ code: 'not_found' })
  })
})
