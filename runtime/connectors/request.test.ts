import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ActionDefinition, ActionParameter } from './action-definition.ts'
import { buildRequest } from './request.ts'

const connector = { baseUrl: 'https://api.example.com/v1' }

const parameter = (
  name: string,
  place: ActionParameter['in'],
  extra: Partial<ActionParameter> = {},
): ActionParameter => ({
  name,
  in: place,
  inputKey: name,
  required: place === 'path',
  style: place === 'path' || place === 'header' ? 'simple' : 'form',
  explode: place === 'query' || place === 'cookie',
  ...extra,
})

const action = (overrides: Partial<ActionDefinition>): ActionDefinition => ({
  slug: 'do_it',
  name: 'Do it',
  description: '',
  method: 'POST',
  path: '/things',
  effect: 'write',
  idempotent: false,
  parameters: [],
  inputSchema: { type: 'object' },
  tags: [],
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

test('a flat input is spread over path, query, headers, cookies and body', () => {
  const request = buildRequest(
    connector,
    action({
      path: '/repos/{owner}/{repo}/issues',
      parameters: [
        parameter('owner', 'path'),
        parameter('repo', 'path'),
        parameter('dry', 'query'),
        parameter('X-Mode', 'header'),
        parameter('sid', 'cookie'),
        parameter('id', 'query', { inputKey: 'query_id' }),
      ],
      body: {
        contentType: 'application/json',
        mode: 'merge',
        required: true,
        properties: { body_owner: 'owner' },
      },
    }),
    {
      owner: 'a b',
      repo: 'c/d',
      dry: true,
      'X-Mode': 'm',
      sid: '1',
      query_id: 7,
      title: 'T',
      body_owner: 'o',
      gone: null,
    },
  )
  expect(request).toEqual({
    method: 'POST',
    url: 'https://api.example.com/v1/repos/a%20b/c%2Fd/issues?dry=true&id=7',
    headers: { 'x-mode': 'm', cookie: 'sid=1', accept: '*/*', 'content-type': 'application/json' },
    body: '{"title":"T","owner":"o","gone":null}',
  })
})

test('a whole body is the value under its key', () => {
  const whole = action({
    body: { contentType: 'application/json', mode: 'whole', inputKey: 'body', required: true },
  })
  expect(buildRequest(connector, whole, { body: [1, 2] }).body).toBe('[1,2]')
  expect(buildRequest(connector, whole, {}).body).toBeUndefined()
})

test('a required body without fields is an empty object, an optional one is not sent', () => {
  const merge = (required: boolean) =>
    action({ body: { contentType: 'application/json', mode: 'merge', required } })
  expect(buildRequest(connector, merge(true), {}).body).toBe('{}')
  expect(buildRequest(connector, merge(false), {})).not.toHaveProperty('body')
})

test.each(['.', '..', '', null])('the path value %j cannot lead to another path', (id) => {
  const one = action({ path: '/things/{id}', parameters: [parameter('id', 'path')] })
  const error = failure(() => buildRequest(connector, one, { id }))
  expect(error.code).toBe('invalid_input')
  expect(error.where).toBe('input.id')
})

test('whatever a path value holds, the request stays under its path on its host', () => {
  const one = action({ path: '/things/{id}/parts', parameters: [parameter('id', 'path')] })
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (id) => {
      fc.pre(id !== '.' && id !== '..')
      const url = new URL(buildRequest(connector, one, { id }).url)
      expect(url.origin).toBe('https://api.example.com')
      expect(url.pathname.split('/')).toHaveLength(5)
      expect(url.pathname).toMatch(/^\/v1\/things\/[^/]+\/parts$/)
      expect(url.search + url.hash).toBe('')
    }),
  )
})

test('a query in the base URL or path is kept', () => {
  const request = buildRequest(
    { baseUrl: 'https://a.example/x/?k=1' },
    action({ path: '/do?fixed=2', parameters: [parameter('q', 'query')] }),
    { q: 3 },
  )
  expect(request.url).toBe('https://a.example/x/do?k=1&fixed=2&q=3')
})

test("an action's own base URL replaces the connector's", () => {
  expect(buildRequest(connector, action({ baseUrl: 'https://files.example.com' }), {}).url).toBe(
    'https://files.example.com/things',
  )
})

test('variables of the base URL are filled in, and cannot change the host', () => {
  const build = (value: string) =>
    buildRequest(
      {
        baseUrl: 'https://{shop}.example.com/{version}',
        variables: { shop: { default: value }, version: { default: 'v1' } },
      },
      action({}),
      {},
    )
  expect(build('acme').url).toBe('https://acme.example.com/v1/things')
  for (const value of ['evil.test/', 'evil.test#', 'evil.test?', 'a@evil.test', '', 'a\\b']) {
    expect(failure(() => build(value)).where).toBe('variables.shop')
  }
})

test('a variable must be one of its values', () => {
  const variables = { scheme: { default: 'ftp', enum: ['http', 'https'] } }
  expect(
    failure(() => buildRequest({ baseUrl: '{scheme}://a.example', variables }, action({}), {})).hint,
  ).toContain('http, https')
})

test('where one of some fields is needed, a body without any is refused', () => {
  const either = action({
    body: {
      contentType: 'application/json',
      mode: 'merge',
      required: true,
      alternatives: [[['a'], ['b', 'c']]],
    },
  })
  for (const input of [{ a: 1 }, { b: 1, c: 2 }]) {
    expect(buildRequest(connector, either, input).body).toBe(JSON.stringify(input))
  }
  for (const input of [{}, { b: 1 }])
    expect(failure(() => buildRequest(connector, either, input)).message).toContain('a, or b with c')
})

test('a required list that is empty, and so would not be sent, is missing', () => {
  const listed = action({ parameters: [parameter('ids', 'query', { required: true })] })
  expect(failure(() => buildRequest(connector, listed, { ids: [] })).where).toBe('input.ids')
  expect(buildRequest(connector, listed, { ids: ['a', 'b'] }).url).toContain('?ids=a&ids=b')
})

test('a header that belongs to the connection, or is none, is refused', () => {
  for (const name of ['Host', 'transfer-encoding', 'X-A\r\nX-B', 'a b']) {
    const odd = action({ parameters: [parameter(name, 'header')] })
    expect(failure(() => buildRequest(connector, odd, { [name]: 'v' })).message).toContain('cannot set')
  }
})

test('a header value with a line break is refused', () => {
  const withHeader = action({ parameters: [parameter('X-A', 'header')] })
  expect(failure(() => buildRequest(connector, withHeader, { 'X-A': 'a\r\nX-B: c' })).where).toBe('input.X-A')
})

test('input keys of the prototype are not taken for input', () => {
  const odd = action({ parameters: [parameter('constructor', 'query'), parameter('toString', 'query')] })
  expect(buildRequest(connector, odd, {} as JsonObject).url).toBe('https://api.example.com/v1/things')
})

test.each([
  ['application/octet-stream', 'whole', { body: { base64: '' } }, 'input.body'],
  ['application/octet-stream', 'whole', { body: { file: 'file_0' } }, 'input.body'],
  ['text/plain', 'whole', { body: '' }, 'input.body'],
  ['application/x-www-form-urlencoded', 'merge', {}, 'input'],
  ['multipart/form-data', 'merge', { list: [] }, 'input'],
] as const)(
  'a body of %s that is required and has no byte is refused before it leaves',
  (contentType, mode, input, where) => {
    const files = new Map([['file_0', { name: 'a', contentType: 'a/b', bytes: new Uint8Array() }]])
    const build = (required: boolean) =>
      buildRequest(
        connector,
        action({ body: { contentType, mode, required } }),
        input as unknown as JsonObject,
        files,
      )
    const error = failure(() => build(true))
    expect(error).toMatchObject({ code: 'invalid_input', where })
    expect(error.message).toContain("'do_it' requires one")
    expect(error.hint).toContain('body.required')
    expect(build(false).body ?? '').toHaveLength(0)
  },
)
