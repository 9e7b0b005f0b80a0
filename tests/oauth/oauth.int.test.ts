import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { type AuthorizationServer, CLIENT, startAuthorizationServer } from '../setup/authorization-server.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../setup/platform.ts'

let platform: TestPlatform
let tenant: Tenant
let server: AuthorizationServer

beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
  server = await startAuthorizationServer(`${platform.url}/oauth/callback`)
  await describeApp('app', server.url)
})
afterAll(async () => {
  await server.close()
  await platform.close()
})

/** A connector to the server's API, with its OAuth as data, and an OAuth app for it. */
async function describeApp(slug: string, url: string, method: object = {}, app: object = {}): Promise<void> {
  await tenant.ok('create_connector', {
    name: slug,
    slug,
    baseUrl: `${url}/api`,
    authMethods: [
      {
        slug: 'oauth',
        type: 'oauth2',
        name: 'Sign in',
        flow: 'authorization_code',
        authorizationUrl: `${url}/auth`,
        tokenUrl: `${url}/token`,
        revocationUrl: `${url}/token/revocation`,
        issuer: url,
        defaultScopes: ['openid', 'offline_access', 'things.read'],
        ...method,
      },
    ],
  })
  await tenant.ok('create_action', {
    connector: slug,
    slug: 'me',
    name: 'Who am I',
    method: 'GET',
    path: '/me',
    effect: 'read',
  })
  await tenant.ok('update_connector', { connector: slug, verification: { action: 'me', input: {} } })
  await tenant.ok('create_oauth_app', {
    name: slug,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    connectors: [{ connector: slug }],
    ...app,
  })
}

const connect = async (connector: string, to = server, settings: object = {}): Promise<Body> => {
  const { url } = await tenant.ok('start_oauth', { connector, ...settings })
  const callback = await fetch(await to.consent(url), { redirect: 'manual' })
  const html = await callback.text()
  if (callback.status >= 400) throw new Error(html)
  const { connections } = await tenant.ok('list_connections', { connector })
  return connections[0]
}
const me = (connector: string, connection?: string): Promise<Body> =>
  tenant.ok('run_action', { connector, action: 'me', ...(connection === undefined ? {} : { connection }) })

test('a person consents, and the account is connected, verified and used', async () => {
  const connection = await connect('app')
  expect(connection).toMatchObject({ status: 'active', isDefault: true, authMethod: 'oauth' })
  // What was granted, which is less than what was asked for.
  expect(connection.scopes).toEqual(['openid', 'things.read'])
  expect(Date.parse(connection.expiresAt) - Date.now()).toBeGreaterThan(3_000_000)
  expect(connection.verifiedAt).not.toBeNull()
  expect((await me('app')).output.sub).toBe('ann')
})

test('the authorization request carries PKCE, a state, the exact redirect URI and the scopes', async () => {
  const { url } = await tenant.ok('start_oauth', { connector: 'app', scopes: ['openid'] })
  const parameters = Object.fromEntries(new URL(url).searchParams)
  expect(parameters).toMatchObject({
    response_type: 'code',
    client_id: CLIENT.id,
    redirect_uri: `${platform.url}/oauth/callback`,
    scope: 'openid',
    code_challenge_method: 'S256',
  })
  expect(parameters.state?.length).toBeGreaterThan(40)
})

test('a callback works once; an unknown, used or tampered one is refused and stores nothing', async () => {
  const { url } = await tenant.ok('start_oauth', { connector: 'app', name: 'Once' })
  const callback = await server.consent(url)
  const count = async () => (await tenant.ok('list_connections', { connector: 'app' })).connections.length
  const before = await count()
  const wrongIssuer = new URL(callback)
  wrongIssuer.searchParams.set('state', `${wrongIssuer.searchParams.get('state')}x`)
  expect((await fetch(wrongIssuer)).status).toBe(403)
  expect((await fetch(`${platform.url}/oauth/callback?code=abc`)).status).toBe(403)
  expect((await fetch(callback)).status).toBe(200)
  expect((await fetch(callback)).status).toBe(403)
  expect(await count()).toBe(before + 1)
})

test('a callback that names another issuer is refused (RFC 9207)', async () => {
  const { url } = await tenant.ok('start_oauth', { connector: 'app', name: 'Mixed up' })
  const callback = new URL(await server.consent(url))
  expect(callback.searchParams.get('iss')).toBe(server.url)
  callback.searchParams.set('iss', 'https://evil.example')
  const answer = await fetch(callback)
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain('iss')
})

test('a person who declines is told so, and nothing is stored', async () => {
  const { url } = await tenant.ok('start_oauth', { connector: 'app', name: 'Declined' })
  const answer = await fetch(await server.consent(url, 'deny'))
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain('access_denied')
  const { connections } = await tenant.ok('list_connections', { connector: 'app' })
  expect(connections.map(({ name }: Body) => name)).not.toContain('Declined')
})

test('a token the API calls expired is refreshed once for all calls, and the rotated refresh token kept', async () => {
  const connection = await connect('app', server, { name: 'Rotated' })
  for (const round of [1, 2]) {
    await me('app', connection.id)
    await server.expireAccessTokens()
    const before = server.tokenRequests.length
    const answers = await Promise.all(Array.from({ length: 25 }, () => me('app', connection.id)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 25 }, () => 200))
    expect([round, server.tokenRequests.length - before]).toEqual([round, 1])
  }
  const [first, second] = server.tokenRequests.slice(-2).map((request) => request.get('refresh_token'))
  expect(first).not.toBe(second)
})

test('a refresh response without a refresh token keeps the old one', async () => {
  const connection = await connect('app', server, { name: 'Kept' })
  await me('app', connection.id)
  await server.expireAccessTokens()
  server.breakTokenEndpoint({
    status: 200,
    body: '{"access_token":"a-token-the-api-does-not-know","token_type":"Bearer","expires_in":3600}',
  })
  await tenant.call('run_action', { connector: 'app', action: 'me', connection: connection.id })
  server.breakTokenEndpoint(false)
  // The next refusal is answered with the refresh token there was.
  expect((await me('app', connection.id)).status).toBe(200)
})

test('a provider that fails in passing is asked again, and does not expire the connection', async () => {
  const connection = await connect('app', server, { name: 'Passing' })
  await me('app', connection.id)
  const down = { status: 503, body: '{"error":"temporarily_unavailable"}' }
  await server.expireAccessTokens()
  server.breakTokenEndpoint(down, 1)
  expect((await me('app', connection.id)).status).toBe(200)

  await server.expireAccessTokens()
  server.breakTokenEndpoint(down)
  const failed = await tenant.call('run_action', {
    connector: 'app',
    action: 'me',
    connection: connection.id,
  })
  expect(failed.body).toMatchObject({ code: 'upstream_error', retryable: true })
  server.breakTokenEndpoint(false)
  expect((await tenant.ok('get_connection', { connection: connection.id })).connection.status).toBe('active')
  expect((await me('app', connection.id)).status).toBe(200)
})

/** Changes the stored facts of a connection, as time or another process would. */
const alter = async (connection: string, change: string): Promise<void> => {
  const { platform: running } = platform
  const scope = { organizationId: tenant.organizationId, customerIds: null }
  await running.db.tenant(scope, (tx) =>
    tx.run(`UPDATE connections SET ${change} WHERE id = $1`, [connection]),
  )
  await tenant.ok('update_connection', { connection, isDefault: true }) // forgets what is remembered
}

test('a token about to expire is refreshed before the call; one with time left is not', async () => {
  const { id } = await connect('app', server, { name: 'Ahead' })
  const before = server.tokenRequests.length
  await alter(id, "expires_at = now() + interval '10 minutes'")
  await me('app', id)
  expect(server.tokenRequests.length).toBe(before)
  await alter(id, "expires_at = now() + interval '20 seconds', refreshed_at = now() - interval '1 hour'")
  await me('app', id)
  expect(server.tokenRequests.length).toBe(before + 1)
  const { connection } = await tenant.ok('get_connection', { connection: id })
  expect(Date.parse(connection.expiresAt) - Date.now()).toBeGreaterThan(3_000_000)
  expect(Date.now() - Date.parse(connection.refreshedAt)).toBeLessThan(60_000)
})

test('the lease of a process that died while it refreshed runs out, and another refreshes', async () => {
  const { id } = await connect('app', server, { name: 'Orphan' })
  await alter(
    id,
    "expires_at = now(), refresh_lease = 'dead', refresh_lease_until = now() + interval '400 milliseconds'",
  )
  const before = server.tokenRequests.length
  const startedAt = performance.now()
  const answers = await Promise.all([me('app', id), me('app', id)])
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
  expect(performance.now() - startedAt).toBeGreaterThan(200)
  expect(server.tokenRequests.length).toBe(before + 1)
})

test('a deleted connection is revoked at the provider', async () => {
  const connection = await connect('app', server, { name: 'Revoked' })
  const before = server.revoked.length
  const deleted = await tenant.ok('delete_connection', { connection: connection.id })
  expect(deleted).toMatchObject({ deleted: true, revoked: true })
  expect(server.revoked.length).toBe(before + 1)
})

describe('tokens that were granted and are not stored', () => {
  /** What consent gives while the database refuses the first `failures` tries to store a connection. */
  const connectRefused = async (name: string, failures: number, error: Error): Promise<number> => {
    const { url } = await tenant.ok('start_oauth', { connector: 'app', name })
    const { db } = platform.platform
    const { tenant: transaction } = db
    let left = failures
    db.tenant = (scope, fn) =>
      transaction(scope, (tx) =>
        fn({
          ...tx,
          run: (text, params) => {
            if (!text.includes('INSERT INTO connections') || left <= 0) return tx.run(text, params)
            left -= 1
            return Promise.reject(error)
          },
        }),
      )
    try {
      return (await fetch(await server.consent(url))).status
    } finally {
      db.tenant = transaction
    }
  }
  const named = async (name: string): Promise<Body[]> =>
    (await tenant.ok('list_connections', { connector: 'app' })).connections.filter(
      (connection: Body) => connection.name === name,
    )

  test('are stored when the database takes them a moment later', async () => {
    const before = server.tokenRequests.length
    expect(await connectRefused('Later', 2, new Error('could not write block'))).toBe(200)
    expect(await named('Later')).toMatchObject([{ status: 'active' }])
    expect(server.tokenRequests.length).toBe(before + 1)
  })

  test('are revoked when they cannot be kept', async () => {
    const before = server.revoked.length
    expect(await connectRefused('Never', 1, new AppError('forbidden', 'Not here.'))).toBe(403)
    expect(await named('Never')).toEqual([])
    expect(server.revoked.length).toBe(before + 1)
  })

  test('are not even asked for when the name is taken', async () => {
    await connect('app', server, { name: 'Taken' })
    const { url } = await tenant.ok('start_oauth', { connector: 'app', name: 'Taken too' })
    const [other] = await named('Taken')
    await tenant.ok('update_connection', { connection: other?.id, name: 'Taken too' })
    const before = server.tokenRequests.length
    expect((await fetch(await server.consent(url))).status).toBe(409)
    expect(server.tokenRequests.length).toBe(before)
  })
})

test('the client credentials grant gets its tokens without a person, and anew when they expire', async () => {
  await describeApp('robot', server.url, { flow: 'client_credentials', defaultScopes: [] }, { slug: 'robot' })
  const { connection } = await tenant.ok('create_connection', { connector: 'robot' })
  expect(connection).toMatchObject({ status: 'active' })
  const { token, sub } = (await me('robot')).output
  expect(sub).toBe(CLIENT.id)
  await server.expireAccessTokens()
  const again = (await me('robot')).output
  expect(again.sub).toBe(CLIENT.id)
  expect(again.token).not.toBe(token)
})

test('a token of the organization’s own client is sent to no address that a customer’s key gives', async () => {
  const { customer } = await tenant.ok('create_customer', { name: 'Curious' })
  const key = await tenant.key({ role: 'end_user', customerIds: [customer.id] })
  const elsewhere = { baseUrl: 'https://attacker.example', verify: false }
  const create = (input: object) => tenant.call('create_connection', { connector: 'robot', ...input }, key)
  const refused = await create(elsewhere)
  expect([refused.status, refused.body.code, refused.body.where]).toEqual([403, 'forbidden', 'baseUrl'])
  const made = await create({ verify: false })
  expect(made.status).toBe(201)
  const { id } = made.body.connection
  const moved = { connection: id, credentials: {}, ...elsewhere }
  expect((await tenant.call('update_connection', moved, key)).status).toBe(403)
  // A client of the customer's own may go where the customer says.
  const own = { credentials: { clientId: CLIENT.id, clientSecret: CLIENT.secret } }
  expect((await tenant.call('update_connection', { ...moved, ...own }, key)).status).toBe(200)
  // And then its address is not kept for a token of the organization's.
  const back = { connection: id, credentials: {}, verify: false }
  expect((await tenant.call('update_connection', back, key)).status).toBe(403)
  await tenant.ok('delete_connection', { connection: id })
})

test('one OAuth app serves several connectors, and its secret is shown to nobody', async () => {
  const { oauthApp } = await tenant.ok('update_oauth_app', {
    oauthApp: 'app',
    connectors: [{ connector: 'app' }, { connector: 'robot' }],
  })
  expect(oauthApp.connectors).toHaveLength(2)
  expect(JSON.stringify([oauthApp, await tenant.ok('list_oauth_apps')])).not.toContain(CLIENT.secret)
  const { status, body } = await tenant.call('delete_oauth_app', { oauthApp: 'app' })
  expect([status, body.code]).toEqual([409, 'conflict'])
})

test('a dead grant expires the connection; reconnecting makes the same connection active again', async () => {
  const own = await startAuthorizationServer(`${platform.url}/oauth/callback`)
  try {
    await describeApp('dying', own.url)
    const connection = await connect('dying', own)
    await me('dying')
    await own.expireAccessTokens()
    own.endGrants()
    const { body } = await tenant.call('run_action', { connector: 'dying', action: 'me' })
    expect(body).toMatchObject({ code: 'unauthenticated', data: { status: 'expired' } })
    expect(body.hint).toMatch(/Reconnect the account .*http.*connect/)
    const expired = (await tenant.ok('get_connection', { connection: connection.id })).connection
    expect(expired).toMatchObject({
      status: 'expired',
      statusReason: expect.stringContaining('invalid_grant'),
    })
    const again = await tenant.call('run_action', { connector: 'dying', action: 'me' })
    expect(again.body.data).toMatchObject({ status: 'expired' })

    const { url } = await tenant.ok('start_oauth', { connection: connection.id })
    expect((await fetch(await own.consent(url))).status).toBe(200)
    const back = (await tenant.ok('get_connection', { connection: connection.id })).connection
    expect(back).toMatchObject({ status: 'active', statusReason: null })
    expect((await me('dying')).status).toBe(200)
  } finally {
    await own.close()
  }
})

test('client_secret_post and a public client are spoken to as their providers want', async () => {
  for (const clientAuthentication of ['client_secret_post', 'none'] as const) {
    const own = await startAuthorizationServer(`${platform.url}/oauth/callback`, { clientAuthentication })
    const slug = clientAuthentication === 'none' ? 'publicClient' : 'postClient'
    try {
      await describeApp(
        slug,
        own.url,
        { clientAuthentication },
        clientAuthentication === 'none' ? { clientSecret: null } : {},
      )
      await connect(slug, own)
      expect((await me(slug)).status).toBe(200)
    } finally {
      await own.close()
    }
  }
})
