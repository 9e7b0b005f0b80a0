import { expect, test } from 'vitest'
import type { AppError } from '../../../core/errors.ts'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import type { ActionDefinition } from '../definition.ts'
import type { ImportOptions } from './import-spec.ts'
import { importSpec } from './index.ts'

const document = (parts: object) => ({
  openapi: '3.0.3',
  info: { title: 'Test API', version: '1' },
  servers: [{ url: 'https://api.test.example/v1' }],
  paths: {},
  ...parts,
})
const load = (parts: object, options?: ImportOptions) =>
  importSpec({ text: JSON.stringify(document(parts)) }, options)

/** The one action of a document with one operation. */
async function single(
  operation: object,
  rest: object = {},
  path = '/things',
  method = 'post',
): Promise<ActionDefinition> {
  const { definition, report } = await load({ paths: { [path]: { [method]: operation } }, ...rest })
  expect(report.skipped).toEqual([])
  const [action] = definition.actions
  if (action === undefined) throw new Error('no action')
  return action
}

const jsonBody = (schema: object, required?: boolean) => ({
  requestBody: {
    ...(required === undefined ? {} : { required }),
    content: { 'application/json': { schema } },
  },
})
const refusal = async (promise: Promise<unknown>): Promise<AppError> =>
  promise.then(
    () => {
      throw new Error('the import was expected to be refused')
    },
    (error: AppError) => error,
  )

test('parameters and body become one flat input, collisions prefixed by their place', async () => {
  const action = await single(
    {
      operationId: 'updateThing',
      parameters: [
        { name: 'id', in: 'query', schema: { type: 'string' } },
        { name: 'X-Id', in: 'header', schema: { type: 'integer' }, required: true },
        { name: 'filter[status]', in: 'query', style: 'deepObject', schema: { type: 'object' } },
        { name: 'Authorization', in: 'header', schema: { type: 'string' } },
      ],
      ...jsonBody({
        type: 'object',
        required: ['id', 'name'],
        properties: { id: { type: 'integer' }, name: { type: 'string' } },
      }),
    },
    {},
    '/things/{id}',
    'put',
  )
  expect(action.slug).toBe('update_thing')
  expect(
    action.parameters.map(({ name, in: place, inputKey, style, explode }) => [
      name,
      place,
      inputKey,
      style,
      explode,
    ]),
  ).toEqual([
    ['id', 'path', 'id', 'simple', false],
    ['id', 'query', 'query_id', 'form', true],
    ['filter[status]', 'query', 'filter_status', 'deepObject', true],
    ['X-Id', 'header', 'X-Id', 'simple', false],
  ])
  expect(action.body).toEqual({
    contentType: 'application/json',
    mode: 'merge',
    properties: { body_id: 'id' },
    required: false,
  })
  expect(Object.keys(action.inputSchema.properties as object)).toEqual([
    'id',
    'query_id',
    'filter_status',
    'X-Id',
    'body_id',
    'name',
  ])
  expect(action.inputSchema.required).toEqual(['id', 'X-Id', 'body_id', 'name'])
  expect(action.inputSchema.additionalProperties).toBe(false)
  expect([action.effect, action.idempotent]).toEqual(['write', true])
})

test("a path item's parameters are overridden by the operation's", async () => {
  const { definition } = await load({
    paths: {
      '/a/{x}': {
        parameters: [
          { name: 'x', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'n', in: 'query', schema: { type: 'string' } },
        ],
        get: { parameters: [{ name: 'n', in: 'query', required: true, schema: { type: 'integer' } }] },
      },
    },
  })
  const [action] = definition.actions
  expect(action?.inputSchema.properties).toEqual({ x: { type: 'string' }, n: { type: 'integer' } })
  expect(action?.inputSchema.required).toEqual(['x', 'n'])
  expect(action?.slug).toBe('get_a_by_x')
})

test('3.0 schemas become 2020-12: nullable, exclusive bounds, enums; annotations that help nobody are gone', async () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', nullable: true, enum: ['x', 'y'] },
      b: { type: 'number', minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false },
      c: { nullable: true, allOf: [{ $ref: '#/components/schemas/C' }] },
      d: { $ref: '#/components/schemas/C', nullable: true },
      e: { type: 'string', pattern: '(?<bad', xml: {}, 'x-internal': 1, example: { large: 'object' } },
    },
  }
  const action = await single(jsonBody(schema), { components: { schemas: { C: { type: 'object' } } } })
  expect(action.inputSchema.properties).toEqual({
    a: { type: ['string', 'null'], enum: ['x', 'y', null] },
    b: { type: 'number', exclusiveMinimum: 1, maximum: 9 },
    c: { anyOf: [{ allOf: [{ $ref: '#/schemas/C' }] }, { type: 'null' }] },
    d: { anyOf: [{ $ref: '#/schemas/C' }, { type: 'null' }] },
    e: { type: 'string' },
  })
})

test('3.1 keeps type arrays, numeric bounds, const and siblings of $ref', async () => {
  const { definition } = await load({
    openapi: '3.1.0',
    paths: {
      '/a': {
        post: jsonBody({
          type: 'object',
          properties: {
            a: { type: ['string', 'null'] },
            b: { exclusiveMinimum: 3 },
            c: { const: 'k' },
            d: { $ref: '#/components/schemas/D', description: 'the D' },
          },
        }),
      },
    },
    components: { schemas: { D: { type: 'string' } } },
  })
  expect(definition.actions[0]?.inputSchema.properties).toEqual({
    a: { type: ['string', 'null'] },
    b: { exclusiveMinimum: 3 },
    c: { const: 'k' },
    d: { $ref: '#/schemas/D', description: 'the D' },
  })
})

test('allOf of objects is flattened; read-only properties leave the input and that is reported', async () => {
  const { definition, report } = await load({
    paths: {
      '/a': {
        post: jsonBody({
          allOf: [
            { $ref: '#/components/schemas/Base' },
            { type: 'object', required: ['b'], properties: { b: { type: 'string' } } },
          ],
        }),
      },
    },
    components: {
      schemas: {
        Base: {
          type: 'object',
          required: ['id', 'a'],
          properties: { id: { type: 'string', readOnly: true }, a: { type: 'integer' } },
        },
      },
    },
  })
  expect(definition.actions[0]?.inputSchema).toMatchObject({
    properties: { a: {}, b: {} },
    required: ['a', 'b'],
  })
  expect(report.approximated).toEqual([
    { action: 'post_a', what: "read-only property 'id' left out of the input" },
  ])
})

test.each([
  [
    'oneOf',
    {
      oneOf: [
        { type: 'object', properties: { a: {} } },
        { type: 'object', properties: { b: {} } },
      ],
    },
  ],
  ['an array', { type: 'array', items: { type: 'string' } }],
  ['a map', { type: 'object', additionalProperties: { type: 'string' } }],
])('a body that is %s is given whole', async (_name, schema) => {
  const action = await single(jsonBody(schema, true))
  expect(action.body).toMatchObject({ mode: 'whole', inputKey: 'body' })
  expect(action.inputSchema).toMatchObject({ properties: { body: schema }, required: ['body'] })
})

test('a body with named and free properties takes both', async () => {
  const action = await single(
    jsonBody({ type: 'object', properties: { a: {} }, additionalProperties: { type: 'integer' } }),
  )
  expect(action.inputSchema.additionalProperties).toEqual({ type: 'integer' })
})

test('form bodies keep their encoding, multipart files become text or base64', async () => {
  const form = await single({
    requestBody: {
      content: {
        'application/x-www-form-urlencoded': {
          schema: { type: 'object', properties: { metadata: { type: 'object' } } },
          encoding: { metadata: { style: 'deepObject', explode: true } },
        },
      },
    },
  })
  expect(form.body).toMatchObject({
    mode: 'merge',
    encoding: { metadata: { style: 'deepObject', explode: true } },
  })
  const upload = await single({
    requestBody: {
      content: {
        'multipart/form-data': {
          schema: { type: 'object', properties: { file: { type: 'string', format: 'binary' } } },
        },
      },
    },
  })
  expect(upload.inputSchema).toMatchObject({
    properties: { file: { anyOf: [{ type: 'string' }, { required: ['base64'] }, { required: ['file'] }] } },
  })
})

test('JSON is chosen among several content types, and the others are reported', async () => {
  const { definition, report } = await load({
    paths: {
      '/a': {
        post: {
          requestBody: {
            content: {
              'text/xml': {},
              'application/json': { schema: { type: 'object', properties: { a: {} } } },
            },
          },
        },
      },
    },
  })
  expect(definition.actions[0]?.body?.contentType).toBe('application/json')
  expect(report.approximated[0]?.what).toContain('text/xml')
})

test('security schemes become auth methods; operations name theirs, public ones none', async () => {
  const { definition, report } = await load({
    security: [{ bearer: [] }],
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'query', name: 'api_key' },
        basic: { type: 'http', scheme: 'Basic' },
        bearer: { type: 'http', scheme: 'bearer' },
        oauth: {
          type: 'oauth2',
          flows: {
            authorizationCode: {
              authorizationUrl: 'https://a',
              tokenUrl: 'https://t',
              scopes: { read: 'Read' },
            },
          },
        },
        oidc: { type: 'openIdConnect', openIdConnectUrl: 'https://o' },
        digest: { type: 'http', scheme: 'digest' },
      },
    },
    paths: {
      '/a': {
        get: { parameters: [{ name: 'api_key', in: 'query', schema: { type: 'string' } }] },
        post: { security: [] },
        put: { security: [{ key: [], basic: [] }, { unknown: [] }] },
      },
    },
  })
  expect(definition.authMethods.map(({ slug, type }) => [slug, type])).toEqual([
    ['bearer', 'bearer_token'],
    ['oauth', 'oauth2'],
    ['oidc', 'oauth2'],
    ['digest', 'custom'],
    // key and basic are only ever asked for together.
    ['basic_and_key', 'basic_auth'],
  ])
  expect(definition.authMethods[4]?.alsoSends).toEqual([
    { field: 'key', label: 'key', in: 'query', parameterName: 'api_key' },
  ])
  expect(definition.authMethods[2]).toMatchObject({ issuer: 'https://o', flow: 'authorization_code' })
  expect(definition.authMethods[1]).toMatchObject({
    flow: 'authorization_code',
    scopes: { read: 'Read' },
    tokenUrl: 'https://t',
  })
  const auth = Object.fromEntries(definition.actions.map((action) => [action.method, action.auth]))
  expect(auth).toEqual({ GET: ['bearer'], POST: [], PUT: ['basic_and_key'] })
  expect(definition.actions.find((action) => action.method === 'GET')?.parameters).toEqual([])
  expect(report.approximated.map(({ what }) => what).join('\n')).toMatch(/'unknown'/)
  expect(JSON.stringify(report.warnings)).toMatch(/'digest' is kept as a custom method/)
})

test('server variables are kept; a relative server needs a base URL and is reported without one', async () => {
  const servers = [
    { url: 'https://{shop}.example.com', variables: { shop: { default: 'acme', enum: ['acme', 'other'] } } },
  ]
  expect((await load({ servers })).definition.variables).toEqual({
    shop: { default: 'acme', enum: ['acme', 'other'] },
  })

  const relative = await load({ servers: [{ url: '/api/v3' }] })
  expect(relative.definition.baseUrl).toBe('https://set-the-base-url.invalid/api/v3')
  expect(JSON.stringify(relative.report.warnings)).toContain('Set baseUrl')
  const based = (baseUrl: string) => load({ servers: [{ url: '/api/v3' }] }, { baseUrl })
  expect((await based('https://pets.example')).definition.baseUrl).toBe('https://pets.example/api/v3')
  expect((await based('https://pets.example/mock/')).definition.baseUrl).toBe('https://pets.example/mock')
  expect((await refusal(based('/nope'))).where).toBe('baseUrl')
})

test("an operation's own server is used for it alone", async () => {
  const action = await single({ servers: [{ url: 'https://files.example.com/' }] })
  expect(action.baseUrl).toBe('https://files.example.com')
})

test('webhooks and callbacks become events', async () => {
  const event = { post: { summary: 'Order paid', ...jsonBody({ type: 'object', properties: { id: {} } }) } }
  const { definition } = await load({
    openapi: '3.1.0',
    webhooks: { 'order.paid': event },
    paths: {
      '/a': {
        post: { callbacks: { onDone: { '{$request.body#/url}': { post: jsonBody({ type: 'string' }) } } } },
      },
    },
  })
  expect(definition.events.map(({ slug, name }) => [slug, name])).toEqual([
    ['order_paid', 'Order paid'],
    ['on_done', 'On done'],
  ])
  expect(definition.events[0]?.payloadSchema).toEqual({ type: 'object', properties: { id: {} } })
})

test('several files are read through relative references; schemas of the same name stay apart', async () => {
  const { definition, report } = await importSpec({
    root: 'spec/openapi.yaml',
    files: {
      'spec/openapi.yaml':
        'openapi: 3.0.0\ninfo: {title: T, version: "1"}\nservers: [{url: https://a.example}]\npaths:\n  /a: {$ref: paths/a.yaml}\n',
      'spec/paths/a.yaml':
        'post:\n  operationId: makeA\n  requestBody: {content: {application/json: {schema: {$ref: ../../models/pet.yaml}}}}\n  responses:\n    "200": {description: ok, content: {application/json: {schema: {$ref: pet.yaml}}}}\n',
      'models/pet.yaml': 'type: object\nproperties:\n  parent: {$ref: pet.yaml}\n  name: {type: string}\n',
      'spec/paths/pet.yaml': 'type: string\n',
    },
  })
  expect(report.warnings.filter(({ where }) => !where.includes('security'))).toEqual([])
  expect(definition.actions[0]?.inputSchema.properties).toMatchObject({
    parent: { $ref: '#/schemas/pet' },
    name: { type: 'string' },
  })
  expect(definition.actions[0]?.outputSchema).toEqual({ $ref: '#/schemas/pet_2' })
  expect(definition.schemas.pet_2).toEqual({ type: 'string' })
})

test('a path whose reference is missing is warned about; an operation with a missing parameter is skipped by name', async () => {
  const { definition, report } = await load({
    paths: {
      '/gone': { $ref: '#/components/pathItems/Gone' },
      '/a': {
        get: { operationId: 'getA', parameters: [{ $ref: '#/components/parameters/Nope' }] },
        post: {},
      },
    },
  })
  expect(definition.actions.map(({ slug }) => slug)).toEqual(['post_a'])
  expect(report.skipped).toEqual([
    {
      method: 'GET',
      path: '/a',
      operationId: 'getA',
      reason: expect.stringContaining('#/components/parameters/Nope') as string,
    },
  ])
  expect(JSON.stringify(report.warnings)).toContain('#/components/pathItems/Gone')
  expect(report.operations).toBe(report.imported + report.skipped.length)
})

test('references to outside addresses are not fetched', async () => {
  const { report } = await load({
    paths: { '/a': { post: jsonBody({ $ref: 'http://169.254.169.254/x.json' }) } },
  })
  expect(JSON.stringify(report.warnings)).toContain('not fetched')
})

test('a $ref key in an example is data', async () => {
  const { report } = await load({
    components: { securitySchemes: { b: { type: 'http', scheme: 'basic' } } },
    paths: {
      '/a': {
        post: jsonBody({
          type: 'object',
          properties: { a: { type: 'string' } },
          example: { $ref: 'https://x' },
        }),
      },
    },
  })
  expect(report.warnings).toEqual([])
})

test('only what is asked for is imported, the rest is listed with the reason', async () => {
  const paths = {
    '/a': { get: { operationId: 'listA', tags: ['x'] }, post: { operationId: 'makeA', tags: ['y'] } },
    '/b': { get: { tags: ['x'] } },
  }
  const names = async (include: ImportOptions['include'] & object) =>
    (await load({ paths }, { include })).definition.actions.map(({ slug }) => slug)
  expect(await names({ tags: ['X'] })).toEqual(['list_a', 'get_b'])
  expect(await names({ operations: ['makeA', 'GET /b'] })).toEqual(['make_a', 'get_b'])
  expect(await names({ methods: ['POST'], tags: ['y'] })).toEqual(['make_a'])
  const { report } = await load({ paths }, { include: { methods: ['post'] } })
  expect(report.skipped.map(({ reason }) => reason)).toEqual(
    Array(2).fill('its method is not among the included ones'),
  )
})

test('slugs are readable, unique, bounded, and the same when the document grows', async () => {
  const long = `do${'SomethingVery'.repeat(10)}Long`
  const paths = {
    '/a': { get: { operationId: 'v1.items.list' }, post: { operationId: 'v1.items.create' } },
    '/items/{item_id}': { get: { operationId: 'v1_read_item_items__item_id__get' } },
    '/c': { get: { operationId: `v1.${long}` }, put: { operationId: 'v1.items/list' } },
  }
  const slugs = (await load({ paths })).definition.actions.map(({ slug }) => slug)
  // FastAPI's appended path and method are dropped; equal names fall back to method and path.
  expect(slugs.slice(0, 3)).toEqual(['get_a', 'items_create', 'read_item'])
  expect(slugs[3]).toMatch(/^put_c|^do_something/)
  expect(new Set(slugs).size).toBe(5)
  expect(Math.max(...slugs.map((slug) => slug.length))).toBeLessThanOrEqual(64)
  const grown = (await load({ paths: { ...paths, '/z': { get: { operationId: 'v1.zebra.get' } } } }))
    .definition.actions
  expect(grown.map(({ slug }) => slug).slice(0, 5)).toEqual(slugs)
})

test.each([
  ['{"swagger":"1.2"}', /Swagger 1\.2/],
  ['{"requests":[],"order":[]}', /Postman Collection of format 1/],
  ['asyncapi: 3.0.0', /AsyncAPI/],
  ['{"a":1}', /no 'openapi', 'swagger' or Postman/],
  ['openapi: 4.0.0', /OpenAPI '4\.0\.0'/],
  ['<!doctype html>', /HTML/],
  ['', /empty/],
  ['[]', /not an object/],
])('%s is refused, saying what it is', async (text, message) => {
  const error = await refusal(importSpec({ text }))
  expect(error.code).toBe('invalid_input')
  expect(error.message).toMatch(message)
})

test('the formats that are supported are named in the hint', async () => {
  expect((await refusal(importSpec({ text: '{"swagger":"1.2"}' }))).hint).toContain(
    'OpenAPI 3.0 and 3.1, Swagger 2.0, Postman Collection 2.0 and 2.1',
  )
})

test('syntax errors name line and column', async () => {
  expect(
    (await refusal(importSpec({ text: '{\n  "openapi": "3.0.0",\n  "info": oops\n}' }))).message,
  ).toContain('line 3, column 11')
  expect((await refusal(importSpec({ text: 'openapi: 3.0.0\ninfo:\n  title: a: b\n' }))).message).toContain(
    'line 3',
  )
})

test('JSON that is cut anywhere says that it ends early; a comment does not', async () => {
  const whole = JSON.stringify(document({ paths: { '/a': { get: { deprecated: true, tags: ['x'] } } } }))
  for (let length = 1; length < whole.length; length += 1) {
    expect((await refusal(importSpec({ text: whole.slice(0, length) }))).message).toContain('ends early')
  }
  expect((await refusal(importSpec({ text: '['.repeat(200_000) }))).message).toContain('ends early')
  expect((await refusal(importSpec({ text: '{\n// no\n"openapi": "3.0.0"}' }))).message).toContain('line 2')
})

test('an alias bomb, deep nesting and large text are refused within moments', async () => {
  const startedAt = cpuMs()
  const bomb = ['openapi: 3.0.0', 'a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 10; level += 1)
    bomb.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(',')}]`,
    )
  expect((await refusal(importSpec({ text: bomb.join('\n') }))).message).toContain('aliases')
  const cyclic = 'openapi: 3.0.0\npaths: &p\n  /a: *p\n'
  expect((await refusal(importSpec({ text: cyclic }))).code).toBe('invalid_input')
  for (const deep of [
    `{"openapi":"3.0.0","a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    `a: ${'['.repeat(50_000)}`,
  ]) {
    expect((await refusal(importSpec({ text: deep }))).code).toBe('invalid_input')
  }
  expect(
    (await refusal(importSpec({ text: 'x'.repeat(100) }, { limits: { maxBytes: 50 } }))).message,
  ).toContain('too large')
  expect(cpuMs() - startedAt).toBeLessThan(5_000)
})

test('keys that aim at prototypes change nothing', async () => {
  const text = JSON.stringify(
    document({
      paths: {
        '/a': {
          post: jsonBody({ type: 'object', properties: { constructor: { type: 'string' }, toString: {} } }),
        },
      },
    }),
  ).replace('"toString":{}', '"__proto__":{"polluted":true}')
  const { definition, report } = await importSpec({ text })
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  expect(Object.keys(definition.actions[0]?.inputSchema.properties as object)).toEqual(['constructor'])
  expect(JSON.stringify(report.warnings)).toContain('__proto__')
})

test('operations over the limit are listed, an aborted import stops', async () => {
  const paths = Object.fromEntries(Array.from({ length: 5 }, (_unused, index) => [`/p${index}`, { get: {} }]))
  const { report } = await load({ paths }, { limits: { maxOperations: 2 } })
  expect([report.operations, report.imported, report.skipped.length]).toEqual([5, 2, 3])
  expect((await refusal(load({ paths }, { signal: AbortSignal.abort() }))).code).toBe('cancelled')
  expect((await refusal(load({ paths }, { limits: { maxMs: -1 } }))).code).toBe('timeout')
})

test('a key written twice in YAML is reported', async () => {
  const { report } = await importSpec({
    text: 'openapi: 3.0.0\ninfo: {title: T, version: "1"}\nservers: [{url: https://a.example}]\npaths:\n  /a: {get: {}}\n  /a: {post: {}}\n',
  })
  expect(report.warnings).toContainEqual({
    where: 'specification:6',
    message: expect.stringContaining("'/a' appears twice") as string,
  })
})

test('descriptions are plain text for an agent that must choose, and bounded', async () => {
  const action = await single({
    summary: 'Make a thing',
    description: `<p>See [the **guide**](https://x) for ${'long prose. '.repeat(200)}</p>`,
    responses: {
      201: { description: 'The new thing.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  })
  expect(action.name).toBe('Make a thing')
  expect(action.description).toMatch(
    /^Make a thing\. See the guide for long prose\..*Returns: The new thing\.$/,
  )
  expect(action.description.length).toBeLessThanOrEqual(620)
})

test('operations of an earlier import keep their slugs, whatever else changes', async () => {
  const before = await load({
    paths: {
      '/a': { get: { operationId: 'v1.list' }, post: {} },
      '/b': { get: { operationId: 'v1.other' } },
    },
  })
  const paths = {
    '/renamed': { get: { operationId: 'v1.list' } },
    '/a': { post: { operationId: 'createIt' } },
    '/z': { get: { operationId: 'list' } },
  }
  const after = await load({ paths }, { previous: before.definition.actions })
  const [list, create] = before.definition.actions
  expect(after.definition.actions.map(({ slug }) => slug).slice(0, 2)).toEqual([list?.slug, create?.slug])
  expect(new Set(after.definition.actions.map(({ slug }) => slug)).size).toBe(3)
})

test('bodies kept in a place of their own are found behind their reference', async () => {
  const { definition } = await importSpec({
    text: JSON.stringify({
      openapi: '3.0.3',
      info: { title: 'T', version: '1' },
      servers: [{ url: 'https://api.example' }],
      paths: {
        '/a': {
          post: {
            operationId: 'a',
            requestBody: { content: { $ref: '#/x-bodies' } },
            responses: { 200: { description: 'OK', content: { $ref: '#/x-bodies' } } },
          },
        },
      },
      'x-bodies': {
        'application/json': { schema: { type: 'object', properties: { name: { type: 'string' } } } },
      },
    }),
  })
  expect(definition.actions[0]).toMatchObject({
    body: { contentType: 'application/json' },
    inputSchema: { properties: { name: { type: 'string' } } },
    outputSchema: { properties: { name: { type: 'string' } } },
    responseContentType: 'application/json',
  })
})
