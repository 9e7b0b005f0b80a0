import { expect, test } from 'vitest'
import type { ActionDefinition } from '../../definition.ts'
import { buildRequest } from '../../request.ts'
import { importSpec } from '../index.ts'

const document = (parts: object) => ({
  swagger: '2.0',
  info: { title: 'Old API', version: '1' },
  host: 'api.old.example',
  basePath: '/v2',
  schemes: ['http', 'https'],
  ...parts,
})
const load = (parts: object) => importSpec({ text: JSON.stringify(document(parts)) })

async function single(operation: object, path = '/things', method = 'post', rest: object = {}) {
  const { definition, report } = await load({ paths: { [path]: { [method]: operation } }, ...rest })
  expect(report.skipped).toEqual([])
  const action = definition.actions[0] as ActionDefinition
  return { definition, report, action }
}

test('host, basePath and schemes make the base URL, https preferred; an operation may have its own scheme', async () => {
  const { definition, report } = await load({
    paths: { '/a': { get: {} }, '/b': { get: { schemes: ['http'] } } },
  })
  expect(report).toMatchObject({ format: 'swagger', version: '2.0', operations: 2, imported: 2 })
  expect(definition.baseUrl).toBe('https://api.old.example/v2')
  expect(definition.actions.map(({ baseUrl }) => baseUrl)).toEqual([undefined, 'http://api.old.example/v2'])
})

test.each([
  [undefined, 'query', '?ids=1,2'],
  ['csv', 'query', '?ids=1,2'],
  ['ssv', 'query', '?ids=1%202'],
  ['pipes', 'query', '?ids=1%7C2'],
  ['multi', 'query', '?ids=1&ids=2'],
  ['csv', 'path', '/1,2'],
])('collectionFormat %s in the %s is sent so', async (collectionFormat, place, expected) => {
  const path = place === 'path' ? '/things/{ids}' : '/things'
  const { definition, action, report } = await single(
    {
      parameters: [
        {
          name: 'ids',
          in: place,
          required: true,
          type: 'array',
          items: { type: 'integer' },
          collectionFormat,
        },
      ],
    },
    path,
    'get',
  )
  expect(report.approximated).toEqual([])
  expect(buildRequest(definition, action, { ids: [1, 2] }).url).toMatch(
    new RegExp(`${expected.replaceAll(/[?|]/g, '\\$&')}$`),
  )
})

test('a list separated by tabs is given as text, and that is reported and described', async () => {
  const { action, report } = await single({
    parameters: [
      {
        name: 'ids',
        in: 'query',
        description: 'Which ones',
        type: 'array',
        items: { type: 'string' },
        collectionFormat: 'tsv',
      },
    ],
  })
  expect(action.inputSchema.properties).toEqual({
    ids: { type: 'string', description: 'Which ones. Values separated by tab characters.' },
  })
  expect(report.approximated).toEqual([{ action: action.slug, what: "'ids' is a list given as tsv text" }])
})

test('form parameters become a form body, files a multipart one', async () => {
  const fields = [
    { name: 'title', in: 'formData', type: 'string', required: true, description: 'The title.' },
    { name: 'tags', in: 'formData', type: 'array', items: { type: 'string' }, collectionFormat: 'multi' },
  ]
  const form = await single({ consumes: ['application/x-www-form-urlencoded'], parameters: fields })
  expect(form.action.body).toMatchObject({ contentType: 'application/x-www-form-urlencoded', required: true })
  expect(form.action.inputSchema).toMatchObject({
    properties: { title: { type: 'string', description: 'The title.' }, tags: { type: 'array' } },
    required: ['title'],
  })
  const request = buildRequest(form.definition, form.action, { title: 'a b', tags: ['x', 'y'] })
  expect(String(request.body)).toBe('title=a%20b&tags=x&tags=y')
  const upload = await single({
    consumes: ['application/x-www-form-urlencoded'],
    parameters: [...fields, { name: 'photo', in: 'formData', type: 'file' }],
  })
  expect(upload.action.body?.contentType).toBe('multipart/form-data')
  expect(JSON.stringify(upload.action.inputSchema.properties)).toContain('base64')
})

test('a body parameter is flattened, x-nullable honoured, consumes and produces inherited or replaced', async () => {
  const { action } = await single(
    {
      consumes: ['application/vnd.old+json'],
      parameters: [
        {
          name: 'payload',
          in: 'body',
          required: true,
          schema: {
            type: 'object',
            discriminator: 'kind',
            required: ['kind'],
            properties: { kind: { type: 'string' }, note: { type: 'string', 'x-nullable': true } },
          },
        },
      ],
      responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/Thing' } } },
    },
    '/things',
    'post',
    {
      consumes: ['application/xml'],
      produces: ['application/json'],
      definitions: { Thing: { type: 'object', properties: { id: { type: 'integer' } } } },
    },
  )
  expect(action.body).toEqual({ contentType: 'application/vnd.old+json', mode: 'merge', required: true })
  expect(action.inputSchema.properties).toEqual({
    kind: { type: 'string' },
    note: { type: ['string', 'null'] },
  })
  expect(action.outputSchema).toEqual({ $ref: '#/schemas/Thing' })
  expect(action.responseContentType).toBe('application/json')
})

test('securityDefinitions of every type and flow become auth methods', async () => {
  const flow = (name: string) => ({
    type: 'oauth2',
    flow: name,
    authorizationUrl: 'https://a.example',
    tokenUrl: 'https://t.example',
    scopes: { read: 'Read things' },
  })
  const { definition } = await load({
    securityDefinitions: {
      code: flow('accessCode'),
      machine: flow('application'),
      page: flow('implicit'),
      secret: flow('password'),
      login: { type: 'basic' },
      key: { type: 'apiKey', in: 'query', name: 'key' },
    },
    security: [{ code: ['read'] }],
    paths: { '/a': { get: {} }, '/b': { get: { security: [{ login: [] }] } } },
  })
  expect(definition.authMethods.map(({ slug, type, flow }) => [slug, type, flow])).toEqual([
    ['code', 'oauth2', 'authorization_code'],
    ['machine', 'oauth2', 'client_credentials'],
    ['page', 'oauth2', 'implicit'],
    ['secret', 'oauth2', 'password'],
    ['login', 'basic_auth', undefined],
    ['key', 'api_key', undefined],
  ])
  expect(definition.authMethods[0]).toMatchObject({
    authorizationUrl: 'https://a.example',
    tokenUrl: 'https://t.example',
    scopes: { read: 'Read things' },
    defaultScopes: ['read'],
  })
  expect(definition.actions.map(({ auth }) => auth)).toEqual([['code'], ['login']])
})

test('parameters, bodies and responses in other files keep what they refer to', async () => {
  const { definition, report } = await importSpec({
    root: 'spec/api.json',
    files: {
      'spec/api.json': JSON.stringify(
        document({
          paths: {
            '/pets': {
              post: {
                operationId: 'addPet',
                parameters: [
                  { $ref: '../shared/parameters.json#/body' },
                  { $ref: '../shared/parameters.json#/limit' },
                ],
                responses: { 200: { $ref: '../shared/responses.json#/ok' } },
              },
            },
          },
        }),
      ),
      'shared/parameters.json': JSON.stringify({
        body: { name: 'pet', in: 'body', required: true, schema: { $ref: 'models/pet.json' } },
        limit: { name: 'limit', in: 'query', type: 'integer' },
      }),
      'shared/responses.json': JSON.stringify({
        ok: { description: '', schema: { $ref: 'models/pet.json' } },
      }),
      'shared/models/pet.json': JSON.stringify({
        type: 'object',
        properties: { name: { type: 'string' }, mother: { $ref: 'pet.json' } },
      }),
    },
  })
  expect(report.warnings).toEqual([
    expect.objectContaining({ where: '#/components/securitySchemes' }) as object,
  ])
  const [action] = definition.actions
  expect(action?.inputSchema.properties).toEqual({
    limit: { type: 'integer' },
    name: { type: 'string' },
    mother: { $ref: '#/schemas/pet' },
  })
  expect(action?.outputSchema).toEqual({ $ref: '#/schemas/pet' })
})
