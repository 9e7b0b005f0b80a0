import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { buildLogger } from '../../core/log.ts'
import { getSealedConnection } from '../../db/connections.ts'
import { findConnector } from '../../db/connectors.ts'
import type { Database } from '../../db/database.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { buildCredentialSource } from '../../runtime/connections/refresh.ts'
import { buildTokenRequests } from '../../runtime/oauth/token-requests.ts'
import { createConnection } from '../../tools/connections/create-connection.ts'
import { deleteConnection } from '../../tools/connections/delete-connection.ts'
import { openWorld, type World } from '../../tools/connections/testing/world.ts'
import { createAction } from '../../tools/connectors/create-action.ts'
import { createConnector } from '../../tools/connectors/create-connector.ts'
import { startUpstream, type Upstream } from '../setup/upstream.ts'

let world: World
let owner: Actor
let provider: Upstream
/** What the provider answers a refresh with. */
let granted: object

beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
  provider = await startUpstream()
  provider.answer = ({ path }) => ({ status: 200, body: path === '/token' ? granted : { path } })
  await world.call(owner, createConnector, {
    name: 'App',
    slug: 'app',
    baseUrl: provider.url,
    authMethods: [
      {
        slug: 'oauth',
        type: 'oauth2',
        name: 'Sign in',
        authorizationUrl: `${provider.url}/auth`,
        tokenUrl: `${provider.url}/token`,
        revocationUrl: `${provider.url}/revoke`,
        fields: [
          { name: 'clientId', label: 'Client', secret: false, optional: true },
          { name: 'clientSecret', label: 'Secret', secret: true, optional: true },
        ],
      },
    ],
  })
  await world.call(owner, createAction, {
    connector: 'app',
    slug: 'me',
    name: 'Me',
    method: 'GET',
    path: '/me',
  })
})
beforeEach(() => {
  provider.received.length = 0
  granted = {
    access_token: 'new-access',
    refresh_token: 'new-refresh',
    token_type: 'Bearer',
    expires_in: 3600,
  }
})
afterAll(async () => {
  await world.close()
  await provider.close()
})

/** A connection whose token has expired. */
const expired = async (name: string): Promise<string> => {
  const { connection } = await world.call<{ connection: { id: string } }>(owner, createConnection, {
    connector: 'app',
    name,
    credentials: { accessToken: 'old', refreshToken: 'old-refresh', clientId: 'us', clientSecret: 'sssh' },
    expiresAt: new Date(Date.now() - 1_000).toISOString(),
    verify: false,
  })
  return connection.id
}
const sql = (text: string, params: unknown[]) =>
  world.db.tenant(scopeOf(owner), (tx) => tx.rows<Record<string, unknown>>(text, params))
const stateOf = async (id: string) =>
  (await sql('SELECT status, status_reason, credentials_revision FROM connections WHERE id = $1', [id]))[0]
const asked = (path: string) => provider.received.filter((request) => request.path === path)
const revoked = () => asked('/revoke').map(({ body }) => new URLSearchParams(body).get('token'))

/** Refreshes as a process does whose database refuses to store the first `failures` times. */
const refresh = async (id: string, failures: number, storingMs = 10_000) => {
  let left = failures
  const db: Database = {
    ...world.db,
    tenant: (scope, fn) =>
      world.db.tenant(scope, (tx) =>
        fn({
          ...tx,
          row: (text, params) => {
            if (!text.includes('credentials_revision + 1') || left <= 0) return tx.row(text, params)
            left -= 1
            return Promise.reject(new Error('could not write block'))
          },
        }),
      ),
  }
  const source = buildCredentialSource({
    db,
    vault: world.vault,
    tokens: buildTokenRequests(world.services.http),
    log: buildLogger('silent'),
    changed: () => undefined,
    storingMs,
    reconnectHint: async () => 'Connect it again.',
  })
  const scope = scopeOf(owner)
  const account = await world.db.read(scope, async (tx) => {
    const connection = await getSealedConnection(tx, id)
    const connector = await findConnector(tx, 'app')
    const [authMethod] = connector === undefined ? [] : headOf(connector).authMethods
    if (connection === undefined || connector === undefined || authMethod === undefined) throw new Error(id)
    return { connection, connector, authMethod }
  })
  return source.current(scope, account)
}

test('a refreshed token that the database refuses for a moment is stored when it takes it', async () => {
  const id = await expired('Hiccup')
  const { credentials } = await refresh(id, 2)
  expect(credentials.reveal()).toMatchObject({ accessToken: 'new-access', refreshToken: 'new-refresh' })
  expect(await stateOf(id)).toMatchObject({ status: 'active', credentials_revision: 2 })
  expect([asked('/token').length, revoked()]).toEqual([1, []])
})

test('a rotated token that cannot be kept is revoked, and the connection says that it has expired', async () => {
  const id = await expired('Lost')
  await expect(refresh(id, Number.POSITIVE_INFINITY, 200)).rejects.toMatchObject({
    code: 'unauthenticated',
    message: expect.stringContaining('could not be stored'),
  })
  expect(revoked()).toEqual(['new-refresh'])
  expect(await stateOf(id)).toMatchObject({
    status: 'expired',
    status_reason: expect.stringContaining('could not be stored'),
  })
})

test('where the old refresh token stays good nothing is lost: the call has its token, the connection is active', async () => {
  granted = { access_token: 'new-access', token_type: 'Bearer', expires_in: 3600 }
  const id = await expired('Unrotated')
  const { credentials } = await refresh(id, Number.POSITIVE_INFINITY, 200)
  expect(credentials.reveal().accessToken).toBe('new-access')
  expect(revoked()).toEqual([])
  expect(await stateOf(id)).toMatchObject({ status: 'active', credentials_revision: 1 })
})

test('a token granted for a connection that was deleted meanwhile is revoked', async () => {
  const id = await expired('Gone')
  const answer = provider.answer
  const refreshing = Promise.withResolvers<void>()
  provider.answer = (request) => {
    if (request.path === '/token') refreshing.resolve()
    return answer(request)
  }
  const slow = refresh(id, 2)
  await refreshing.promise
  await world.call(owner, deleteConnection, { connection: id })
  await expect(slow).rejects.toMatchObject({ code: 'not_found' })
  expect(revoked()).toEqual(['new-refresh'])
  provider.answer = answer
})

test('a call waits for another process’s refresh only as long as it may', async () => {
  const id = await expired('Waiting')
  await sql(
    "UPDATE connections SET refresh_lease = 'another', refresh_lease_until = now() + interval '1 minute' WHERE id = $1",
    [id],
  )
  const scope = scopeOf(owner)
  const request = { connector: 'app', action: 'me', input: {}, customerId: null, connection: id }
  const run = (timeoutMs: number, signal?: AbortSignal) =>
    world.services.connections.runAction(scope, { ...request, timeoutMs }, signal)
  await expect(run(200)).rejects.toMatchObject({ code: 'timeout' })
  await expect(run(60_000, AbortSignal.timeout(200))).rejects.toMatchObject({ code: 'cancelled' })
  await expect(run(60_000, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })

  // Those who gave up took nothing from one who waits on.
  const patient = run(20_000)
  await expect(run(100)).rejects.toMatchObject({ code: 'timeout' })
  await sql('UPDATE connections SET refresh_lease_until = now() WHERE id = $1', [id])
  expect((await patient).status).toBe(200)
  expect(asked('/token')).toHaveLength(1)
})
