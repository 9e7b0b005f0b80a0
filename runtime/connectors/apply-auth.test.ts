import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import { applyAuth } from './apply-auth.ts'
import { type AuthMethod, credentialFields } from './auth-method.ts'

const request = { method: 'GET', url: 'https://a.example/x', headers: { accept: '*/*' } }
const method = (overrides: Partial<AuthMethod>): AuthMethod => ({
  slug: 'm',
  type: 'api_key',
  name: 'M',
  ...overrides,
})

const failure = (run: () => unknown): AppError => {
  try {
    run()
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected a refusal')
}

test.each([
  [method({ type: 'no_auth' }), {}, {}, 'https://a.example/x'],
  [
    method({ type: 'basic_auth' }),
    { username: 'ü', password: 'p:w' },
    { authorization: `Basic ${Buffer.from('ü:p:w').toString('base64')}` },
    'https://a.example/x',
  ],
  [
    method({ type: 'basic_auth' }),
    { username: 'key' },
    { authorization: 'Basic a2V5Og==' },
    'https://a.example/x',
  ],
  [method({ type: 'bearer_token' }), { token: 't' }, { authorization: 'Bearer t' }, 'https://a.example/x'],
  [method({ type: 'oauth2' }), { accessToken: 'o' }, { authorization: 'Bearer o' }, 'https://a.example/x'],
  [
    method({ parameterName: 'X-Key', prefix: 'Token ' }),
    { apiKey: 'k' },
    { 'x-key': 'Token k' },
    'https://a.example/x',
  ],
  [method({ in: 'query', parameterName: 'key' }), { apiKey: 'a&b' }, {}, 'https://a.example/x?key=a%26b'],
  [
    method({ in: 'cookie', parameterName: 'sid' }),
    { apiKey: 'k' },
    { cookie: 'sid=k' },
    'https://a.example/x',
  ],
])('$type $in sends its credential where it belongs', (authMethod, credentials, headers, url) => {
  expect(applyAuth(request, authMethod, credentials as Record<string, string>)).toEqual({
    method: 'GET',
    url,
    headers: { accept: '*/*', ...headers },
  })
})

test('the request it is given is left as it was', () => {
  applyAuth(request, method({ type: 'bearer_token' }), { token: 't' })
  expect(request.headers).toEqual({ accept: '*/*' })
})

test('a query key follows a query, a cookie key the other cookies', () => {
  const busy = { method: 'GET', url: 'https://a.example/x?q=1', headers: { cookie: 'a=1' } }
  expect(applyAuth(busy, method({ in: 'query', parameterName: 'k' }), { apiKey: 'v' }).url).toBe(
    'https://a.example/x?q=1&k=v',
  )
  expect(applyAuth(busy, method({ in: 'cookie', parameterName: 'k' }), { apiKey: 'v' }).headers).toEqual({
    cookie: 'a=1; k=v',
  })
})

test('a missing credential is named, with what to do', () => {
  const error = failure(() => applyAuth(request, method({ type: 'bearer_token' }), {}))
  expect(error.code).toBe('unauthenticated')
  expect(error.where).toBe('credentials.token')
  expect(error.hint).toContain("'token'")
})

test('a credential with a line break is refused without being shown', () => {
  const error = failure(() => applyAuth(request, method({ type: 'bearer_token' }), { token: 'sec\nret' }))
  expect(error.code).toBe('unauthenticated')
  expect(JSON.stringify([error.message, error.hint, error.data])).not.toContain('ret"')
})

test('every method names what a connection must supply', () => {
  const names = (type: AuthMethod['type']) => credentialFields(method({ type })).map((field) => field.name)
  expect(names('no_auth')).toEqual([])
  expect(names('api_key')).toEqual(['apiKey'])
  expect(names('basic_auth')).toEqual(['username', 'password'])
  expect(names('bearer_token')).toEqual(['token'])
  expect(names('oauth2')).toEqual(['accessToken', 'refreshToken'])
})
