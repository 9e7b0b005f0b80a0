import { expect, test } from 'vitest'
import { cpuMs } from '../../../../tests/setup/cpu.ts'
import { buildRequest } from '../../request.ts'
import { type ImportOptions, importSpec } from '../index.ts'

const SCHEMA = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json'
const collection = (parts: object, schema = SCHEMA) => ({ info: { name: 'My API', schema }, ...parts })
const load = (parts: object, options?: ImportOptions, schema?: string) =>
  importSpec({ text: JSON.stringify(collection(parts, schema)) }, options)

const get = (name: string, url: unknown, rest: object = {}) => ({
  name,
  request: { method: 'GET', url, ...rest },
})

test('folders give tags and readable unique slugs; the same request twice is numbered', async () => {
  const { definition, report } = await load({
    item: [
      {
        name: 'Users',
        item: [
          get('List', 'https://a.example/users'),
          get('List', 'https://a.example/users'),
          get('List users', 'https://a.example/users'),
          { name: 'Keys', item: [get('Create', 'https://a.example/users/keys')] },
        ],
      },
      get('Ping', 'https://a.example/ping'),
    ],
  })
  expect(report).toMatchObject({ format: 'postman', version: '2.1.0', operations: 5, imported: 5 })
  expect(definition.actions.map(({ slug, tags }) => [slug, tags])).toEqual([
    ['users_list', ['Users']],
    ['users_list_2', ['Users']],
    ['list_users', ['Users']],
    ['keys_create', ['Users', 'Keys']],
    ['ping', []],
  ])
  expect(definition.actions[4]?.description).toBe('Ping. List ping (GET /ping).')
})

test('variables: a whole address is filled in, parts of one become server variables, secrets never', async () => {
  const { definition } = await load({
    variable: [
      { key: 'base', value: 'https://api.example/{{version}}' },
      { key: 'version', value: 'v2' },
      { key: 'token', value: 'sesame' },
    ],
    item: [get('A', '{{base}}/things/{{token}}'), get('B', 'https://{{shop}}.example.com/b')],
  })
  expect(definition.baseUrl).toBe('https://api.example/v2')
  expect(definition.actions[0]?.path).toBe('/things/{token}')
  expect(JSON.stringify(definition)).not.toContain('sesame')
  const shops = await load({
    variable: [{ key: 'shop', value: 'demo' }],
    item: [get('B', 'https://{{shop}}.example.com/b')],
  })
  expect(shops.definition.baseUrl).toBe('https://{shop}.example.com')
  expect(shops.definition.variables).toEqual({ shop: { default: 'demo' } })
})

test("an exported environment beside the collection gives its variables, and wins over the collection's", async () => {
  const { definition, report } = await importSpec({
    root: 'collection.json',
    files: {
      'collection.json': JSON.stringify(collection({ variable: [], item: [get('A', '{{host}}/a')] })),
      'prod.json': JSON.stringify({ name: 'Prod', values: [{ key: 'host', value: 'https://prod.example' }] }),
      'notes.txt': '- a note',
    },
  })
  expect(definition.baseUrl).toBe('https://prod.example')
  expect(report.warnings.map(({ where }) => where)).toContain('notes.txt')
})

test('path variables, query and headers become parameters; disabled ones are optional, fixed ones required', async () => {
  const { definition } = await load({
    item: [
      get(
        'Things',
        {
          raw: 'https://a.example/shops/:shop_id/things?kind=big&limit=20',
          host: ['a', 'example'],
          path: ['shops', ':shop_id', 'things'],
          query: [
            { key: 'kind', value: 'big', description: { content: 'Which kind' } },
            { key: 'limit', value: '20' },
            { key: 'archived', value: 'true', disabled: true },
            { key: 'id', value: '1' },
            { key: 'id', value: '2' },
          ],
          variable: [{ key: 'shop_id', value: '7', description: 'Of the shop' }],
        },
        {
          header: [
            { key: 'X-Version', value: '3' },
            { key: 'Accept', value: 'application/json' },
          ],
        },
      ),
    ],
  })
  const [action] = definition.actions
  expect(action?.inputSchema).toMatchObject({
    properties: {
      shop_id: { type: ['integer', 'string'], description: 'Of the shop', examples: [7] },
      kind: { type: 'string', description: 'Which kind', examples: ['big'] },
      limit: { type: ['integer', 'string'] },
      archived: { type: ['boolean', 'string'] },
      id: { type: 'array', items: { type: ['integer', 'string'] } },
      'X-Version': { default: '3' },
    },
    required: ['shop_id', 'kind', 'id'],
  })
  expect(action?.responseContentType).toBe('application/json')
  if (action === undefined) throw new Error('no action')
  expect(buildRequest(definition, action, { shop_id: 7, kind: 'big', id: [1, 2] }).url).toBe(
    'https://a.example/shops/7/things?kind=big&id=1&id=2',
  )
})

test('auth is inherited: collection, folder, request, noauth; a header written by hand counts too', async () => {
  const { definition } = await load({
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{t}}' }] },
    item: [
      get('Inherits', 'https://a.example/1'),
      get('Public', 'https://a.example/2', { auth: { type: 'noauth' } }),
      {
        name: 'Folder',
        auth: { type: 'apikey', apikey: { key: 'X-Key', value: '{{k}}', in: 'query' } },
        item: [get('In folder', 'https://a.example/3')],
      },
      get('By hand', 'https://a.example/4', {
        auth: { type: 'noauth' },
        header: [
          { key: 'Authorization', value: 'Token {{t}}' },
          { key: 'x-api-key', value: '{{k}}' },
        ],
      }),
      get('Digest', 'https://a.example/5', { auth: { type: 'digest' } }),
      get('OAuth', 'https://a.example/6', {
        auth: {
          type: 'oauth2',
          oauth2: [
            { key: 'authUrl', value: 'https://a.example/authorize' },
            { key: 'accessTokenUrl', value: 'https://a.example/token' },
            { key: 'scope', value: 'read write' },
            { key: 'grant_type', value: 'authorization_code_with_pkce' },
          ],
        },
      }),
      get('Both, of which the auth is sent', 'https://a.example/7', {
        header: [{ key: 'Authorization', value: 'Token {{t}}' }],
      }),
    ],
  })
  const methods = new Map(definition.authMethods.map((method) => [method.slug, method]))
  const auth = definition.actions.map((action) => action.auth?.map((slug) => methods.get(slug)))
  expect(auth[0]).toMatchObject([{ type: 'bearer_token' }])
  expect(auth[1]).toEqual([])
  expect(auth[2]).toMatchObject([{ type: 'api_key', in: 'query', parameterName: 'X-Key' }])
  expect(auth[3]).toMatchObject([
    {
      type: 'api_key',
      parameterName: 'Authorization',
      prefix: 'Token ',
      alsoSends: [{ in: 'header', parameterName: 'x-api-key' }],
    },
  ])
  expect(auth[4]).toMatchObject([{ type: 'custom' }])
  expect(auth[5]).toMatchObject([
    {
      type: 'oauth2',
      flow: 'authorization_code',
      defaultScopes: ['read', 'write'],
      tokenUrl: 'https://a.example/token',
    },
  ])
  expect(auth[6]).toMatchObject([{ type: 'bearer_token' }])
  // Credentials are the connection's: none of these headers is in an input.
  expect(definition.actions[3]?.parameters).toEqual([])
})

test('examples become schemas: types of the body and of the saved responses are merged', async () => {
  const { definition } = await load({
    item: [
      {
        name: 'Create thing',
        request: {
          method: 'POST',
          url: 'https://a.example/things',
          body: {
            mode: 'raw',
            raw: '{"name": "A", // a comment\n "count": {{count}}, "tags": ["x"], "at": "<dateTime>", "size": "<integer>",}',
          },
        },
        response: [
          {
            code: 201,
            header: [{ key: 'Content-Type', value: 'application/json; charset=utf-8' }],
            body: '{"id": 1, "owner": null, "price": 2}',
            originalRequest: { body: { mode: 'raw', raw: '{"name": null, "extra": true}' } },
          },
          { code: 200, body: '{"id": 2, "owner": {"name": "B"}, "price": 2.5}' },
          { code: 404, body: '{"error": "none"}' },
        ],
      },
    ],
  })
  const [action] = definition.actions
  expect(action?.inputSchema).toEqual({
    type: 'object',
    properties: {
      name: { type: ['string', 'null'], examples: ['A'] },
      count: {},
      tags: { type: 'array', items: { type: 'string', examples: ['x'] } },
      at: { type: 'string' },
      size: { type: 'integer' },
      extra: { type: 'boolean' },
    },
    required: [],
    additionalProperties: true,
  })
  expect(action?.outputSchema).toEqual({
    type: 'object',
    properties: {
      id: { type: 'integer', examples: [1] },
      owner: { type: ['null', 'object'], properties: { name: { type: 'string', examples: ['B'] } } },
      price: { type: 'number', examples: [2] },
    },
  })
})

test.each([
  [
    { mode: 'urlencoded', urlencoded: [{ key: 'a', value: '1', description: 'An a' }] },
    'application/x-www-form-urlencoded',
    { a: { type: ['integer', 'string'], description: 'An a' } },
  ],
  [
    { mode: 'formdata', formdata: [{ key: 'f', type: 'file', src: [] }] },
    'multipart/form-data',
    { f: { anyOf: [{ type: 'string' }, { required: ['base64'] }, { required: ['file'] }] } },
  ],
  [{ mode: 'file', file: { src: 'x' } }, 'application/octet-stream', { body: { anyOf: [{}, {}, {}] } }],
  [
    { mode: 'graphql', graphql: { query: 'query Q { me { id } }', variables: '{"n": 1}' } },
    'application/json',
    {
      query: { type: 'string', default: 'query Q { me { id } }' },
      variables: { type: 'object', properties: { n: { type: 'integer' } } },
    },
  ],
])('body %j is sent as %s', async (body, contentType, properties) => {
  const { definition } = await load({
    item: [{ name: 'Do', request: { method: 'POST', url: 'https://a.example/x', body } }],
  })
  expect(definition.actions[0]?.body?.contentType).toBe(contentType)
  expect(definition.actions[0]?.inputSchema).toMatchObject({ properties })
})

test('format 2.0: urls, headers and forms as text, auth as objects', async () => {
  const { definition, report } = await load(
    {
      item: [
        {
          name: 'Send',
          request: {
            method: 'POST',
            url: 'https://a.example/send?to=1',
            header: 'X-Trace: 5\nContent-Type: application/x-www-form-urlencoded',
            auth: { type: 'basic', basic: { username: 'u', password: 'p' } },
            body: { mode: 'urlencoded', urlencoded: 'a=1&b=two' },
          },
        },
        { name: 'Bare', request: 'https://a.example/bare' },
      ],
    },
    {},
    SCHEMA.replace('v2.1.0', 'v2.0.0'),
  )
  expect(report.version).toBe('2.0.0')
  expect(Object.keys(definition.actions[0]?.inputSchema.properties as object)).toEqual([
    'to',
    'X-Trace',
    'a',
    'b',
  ])
  expect(definition.authMethods[0]?.type).toBe('basic_auth')
  expect(definition.actions[1]).toMatchObject({ method: 'GET', path: '/bare', auth: [] })
})

test('items that are no requests are listed with the reason, scripts are counted', async () => {
  const { report } = await load({
    event: [{ listen: 'prerequest', script: { exec: ['pm.sign()'] } }],
    item: [
      null,
      { name: 'Empty' },
      { name: 'No url', request: { method: 'GET' } },
      { name: 'Odd method', request: { method: 'G ET', url: 'https://a.example' } },
      get('Good', 'https://a.example/good', { method: null }),
    ],
  })
  expect(report.imported).toBe(1)
  expect(report.operations).toBe(5)
  expect(report.skipped.map(({ path, reason }) => [path, reason])).toEqual([
    ['#/item/0', 'the item is not an object'],
    ['Empty', 'the item has neither a request nor items'],
    ['No url', 'the request has no url'],
    ['Odd method', 'its method is not a word'],
  ])
  expect(JSON.stringify(report.warnings)).toContain('1 pre-request and 0 test scripts; scripts are not run')
})

test("a collection in Postman's API envelope is read; thousands of requests of one name take moments", async () => {
  const item = Array.from({ length: 2_000 }, () => get('Same', 'https://a.example/same'))
  const startedAt = cpuMs()
  const { report } = await importSpec({ text: JSON.stringify({ collection: collection({ item }) }) })
  expect(report.imported).toBe(2_000)
  expect(cpuMs() - startedAt).toBeLessThan(4_000)
})
