import fc from 'fast-check'
import { expect, test } from 'vitest'
import { profileOf } from './settings.ts'
import { standardTokenResponse } from './token-response.ts'

const client = { clientId: 'c', clientSecret: 's', settings: {} }
const profile = (method: object = {}) =>
  profileOf(
    { slug: 'oauth', type: 'oauth2', name: 'OAuth', tokenUrl: 'https://a.example/token', ...method },
    client,
  )

const read = async (body: unknown, method: object = {}, status = 200, type = 'application/json') => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = standardTokenResponse(
    {
      status,
      headers: { 'content-type': type },
      body: Buffer.from(text),
      url: 'https://a.example/token',
      durationMs: 1,
    },
    profile(method),
  )
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('a standard response stays what it is', async () => {
  expect(
    await read({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r', expires_in: 60, scope: 'x y' }),
  ).toEqual({
    status: 200,
    body: { access_token: 'a', token_type: 'bearer', refresh_token: 'r', expires_in: 60, scope: 'x y' },
  })
})

test('tokens are found where dot paths say, and scopes between commas', async () => {
  const tokenFields = {
    accessToken: 'authed_user.access_token',
    refreshToken: 'authed_user.refresh_token',
    expiresIn: 'data.ttl',
    scope: 'authed_user.scope',
  }
  const body = {
    ok: true,
    authed_user: { access_token: 'u', refresh_token: 'r', scope: 'chat:write,users:read' },
    data: { ttl: '43200' },
  }
  expect((await read(body, { tokenFields, scopeSeparator: ',' })).body).toEqual({
    access_token: 'u',
    token_type: 'bearer',
    refresh_token: 'r',
    expires_in: 43_200,
    scope: 'chat:write users:read',
  })
})

test('a form-encoded response is read like JSON', async () => {
  const form = 'access_token=gho_1&scope=repo%2Cgist&token_type=bearer'
  const { body } = await read(form, { scopeSeparator: ',' }, 200, 'application/x-www-form-urlencoded')
  expect(body).toMatchObject({ access_token: 'gho_1', scope: 'repo gist' })
})

test.each([
  [{ error: 'bad_verification_code', error_description: 'expired' }, 'bad_verification_code'],
  [{ ok: false, error: 'invalid_grant' }, 'invalid_grant'],
  [{ error: { code: 'invalid_grant', message: 'gone' } }, 'invalid_grant'],
  [{ ok: false }, 'error'],
])('an error inside a 200 is an error: %j', async (body, error) => {
  expect(await read(body)).toMatchObject({ status: 400, body: { error } })
})

test('a failure without a body that says why keeps its status', async () => {
  expect(await read('<h1>Bad gateway</h1>', {}, 502, 'text/html')).toEqual({
    status: 502,
    body: { error: 'status_502' },
  })
})

test('an empty refresh token and an expiry of zero are none', async () => {
  const { body } = await read({ access_token: 'a', refresh_token: '', expires_in: 0 })
  expect(body).toEqual({ access_token: 'a', token_type: 'bearer' })
})

test('whatever a provider sends, a token comes out only where there is one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.constantFrom(200, 201, 400, 401, 500), async (value, status) => {
      const { body, status: told } = await read(value, {}, status)
      const given = Object(value)?.access_token
      if (status >= 400) expect(told).toBeGreaterThanOrEqual(400)
      else if (typeof given === 'string' && given !== '') expect(body.access_token).toBe(given)
      else expect(typeof body.access_token).not.toBe('string')
    }),
    { numRuns: 200 },
  )
})
