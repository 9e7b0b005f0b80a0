import { type MutableResponse, OAuth2Server } from 'oauth2-mock-server'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from '../setup/platform.ts'
import { startUpstream, type Upstream } from '../setup/upstream.ts'

let platform: TestPlatform
let tenant: Tenant
let provider: OAuth2Server
let api: Upstream
let tokenRequests: { form: Record<string, string>; authorization: string | undefined }[] = []
/** Changes the next answers of the token endpoint. */
let spoil: (answer: MutableResponse) => void = () => {}

beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
  api = await startUpstream()
  provider = new OAuth2Server()
  await provider.issuer.keys.generate('ES256')
  await provider.start(0, '127.0.0.1')
  provider.service.on('beforeResponse', (answer: MutableResponse, request) => {
    tokenRequests.push({ form: request.body, authorization: request.headers.authorization })
    spoil(answer)
  })
})
afterEach(() => {
  tokenRequests = []
  spoil = () => {}
})
afterAll(async () => {
  await provider.stop()
  await api.close()
  await platform.close()
})

let made = 0
/** A connector whose provider has these quirks, with an OAuth app; gives its slug. */
async function connectorWith(quirks: object): Promise<string> {
  tokenRequests = []
  api.received.length = 0
  const url = `http://127.0.0.1:${provider.address().port}`
  made += 1
  const slug = `quirk${made}`
  await tenant.ok('create_connector', {
    name: slug,
    slug,
    baseUrl: api.url,
    authMethods: [
      {
        slug: 'oauth',
        type: 'oauth2',
        name: 'Sign in',
        authorizationUrl: `${url}/authorize`,
        tokenUrl: `${url}/token`,
        ...quirks,
      },
    ],
  })
  await tenant.ok('create_action', { connector: slug, slug: 'me', name: 'Me', method: 'GET', path: '/me' })
  await tenant.ok('create_oauth_app', {
    name: slug,
    clientId: 'id of ours',
    clientSecret: 'secret: of ours',
    connectors: [{ connector: slug }],
  })
  return slug
}

const consent = async (connector: string): Promise<{ asked: URL; callback: Response }> => {
  const asked = new URL((await tenant.ok('start_oauth', { connector })).url)
  return { asked, callback: await fetch(asked) }
}
const connected = async (connector: string): Promise<Body> => {
  const { callback } = await consent(connector)
  expect([callback.status, await callback.text()]).toEqual([200, expect.stringContaining('Connected')])
  return (await tenant.ok('list_connections', { connector })).connections[0]
}

test('extra parameters, comma-separated scopes, and the client in the form', async () => {
  spoil = (answer) => Object.assign(answer.body, { scope: 'read,write' })
  const slug = await connectorWith({
    defaultScopes: ['read', 'write', 'admin'],
    scopeSeparator: ',',
    clientAuthentication: 'client_secret_post',
    authorizationParameters: { access_type: 'offline', state: 'not ours to change' },
    tokenParameters: { audience: 'https://api.example' },
  })
  const { asked, callback } = await consent(slug)
  expect(callback.status).toBe(200)
  expect(asked.searchParams.get('scope')).toBe('read,write,admin')
  expect(asked.searchParams.get('access_type')).toBe('offline')
  expect(tokenRequests[0]).toMatchObject({
    form: { audience: 'https://api.example', client_id: 'id of ours', client_secret: 'secret: of ours' },
    authorization: undefined,
  })
  const { connections } = await tenant.ok('list_connections', { connector: slug })
  expect(connections[0].scopes).toEqual(['read', 'write'])
})

test('client_secret_basic is form-encoded before it is base64 (RFC 6749, 2.3.1)', async () => {
  await connected(await connectorWith({}))
  const [, basic = ''] = (tokenRequests[0]?.authorization ?? '').split(' ')
  expect(Buffer.from(basic, 'base64').toString()).toBe('id+of+ours:secret%3A+of+ours')
})

test('a token in fields of its own, with no expiry given, sent in a header of its own', async () => {
  spoil = (answer) => {
    answer.body = { ok: true, authed_user: { access_token: 'xoxp-1', token_type: 'user' } }
  }
  const slug = await connectorWith({
    tokenFields: { accessToken: 'authed_user.access_token' },
    expiresInSeconds: 1800,
    parameterName: 'X-Access-Token',
    prefix: '',
  })
  const connection = await connected(slug)
  const seconds = (Date.parse(connection.expiresAt) - Date.now()) / 1000
  expect(seconds).toBeGreaterThan(1700)
  expect(seconds).toBeLessThanOrEqual(1800)
  await tenant.ok('run_action', { connector: slug, action: 'me' })
  expect(api.received[0]?.headers).toMatchObject({ 'x-access-token': 'xoxp-1' })
  expect(api.received[0]?.headers.authorization).toBeUndefined()
})

test('a provider that never tells an expiry gives a connection without one', async () => {
  spoil = (answer) => {
    answer.body = { access_token: 'forever', token_type: 'bearer' }
  }
  expect((await connected(await connectorWith({ prefix: 'token ' }))).expiresAt).toBeNull()
})

test('an error inside a 200 stores nothing, and is told in the provider’s words', async () => {
  spoil = (answer) => {
    answer.body = { error: 'bad_verification_code', error_description: 'The code passed is incorrect.' }
  }
  const slug = await connectorWith({})
  const { callback } = await consent(slug)
  expect([callback.status, await callback.text()]).toEqual([
    400,
    expect.stringContaining('bad_verification_code: The code passed is incorrect.'),
  ])
  expect((await tenant.ok('list_connections', { connector: slug })).connections).toEqual([])
})

test.each([400, 500])(
  'a refusal (%i) that quotes what was sent shows no secret of the client',
  async (status) => {
    const slug = await connectorWith({ clientAuthentication: 'client_secret_post' })
    spoil = (answer) => {
      const { client_secret: secret, code } = tokenRequests.at(-1)?.form ?? {}
      answer.statusCode = status
      answer.body = { error: 'invalid_client', error_description: `bad secret '${secret}' for ${code}` }
    }
    const { callback } = await consent(slug)
    const text = await callback.text()
    expect(text).toContain('bad secret')
    expect(text).not.toContain('secret: of ours')
    expect(text).not.toContain(tokenRequests[0]?.form.code ?? 'no code was sent')
  },
)

test('an answer without a token is no success', async () => {
  spoil = (answer) => {
    answer.body = { token_type: 'bearer' }
  }
  const slug = await connectorWith({})
  expect((await consent(slug)).callback.status).toBe(400)
  expect((await tenant.ok('list_connections', { connector: slug })).connections).toEqual([])
})

test('an error inside a 200 that ends the grant expires the connection', async () => {
  spoil = (answer) => Object.assign(answer.body, { refresh_token: 'r-1' })
  const slug = await connectorWith({})
  const { id } = await connected(slug)
  api.answer = () => ({ status: 401, body: {} })
  spoil = (answer) => {
    answer.body = { ok: false, error: 'invalid_refresh_token' }
  }
  const { body } = await tenant.call('run_action', { connector: slug, action: 'me' })
  api.answer = () => ({ status: 200, body: {} })
  expect(body).toMatchObject({ code: 'unauthenticated', data: { status: 'expired' } })
  expect((await tenant.ok('get_connection', { connection: id })).connection.status).toBe('expired')
})

test('given tokens are kept, used, and refreshed with the connector’s app', async () => {
  const slug = await connectorWith({})
  const { connection } = await tenant.ok('create_connection', {
    connector: slug,
    credentials: { accessToken: 'given', refreshToken: 'given-refresh' },
    expiresAt: new Date(Date.now() - 1000).toISOString(),
  })
  spoil = (answer) => Object.assign(answer.body, { access_token: 'newer' })
  await tenant.ok('run_action', { connector: slug, action: 'me', connection: connection.id })
  expect(tokenRequests[0]?.form).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'given-refresh',
  })
  expect(api.received.at(-1)?.headers.authorization).toBe('Bearer newer')
})

test('several accounts of one customer: the default is used, another when it is named', async () => {
  const slug = await connectorWith({})
  const { customer } = await tenant.ok('create_customer', { name: 'Acme', slug: 'acme' })
  const connect = (name: string) =>
    tenant.ok('create_connection', {
      connector: slug,
      customer: customer.id,
      name,
      credentials: { accessToken: `token of ${name}` },
    })
  await connect('Sales')
  await connect('Support')
  const used = async (connection?: string) => {
    const named = connection === undefined ? {} : { connection }
    await tenant.ok('run_action', { connector: slug, action: 'me', customer: 'acme', ...named })
    return api.received.at(-1)?.headers.authorization
  }
  expect(await used()).toBe('Bearer token of Sales')
  expect(await used('Support')).toBe('Bearer token of Support')
})
