import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../definition.ts'
import { compareSchemas } from './compare-schemas.ts'
import { type ConnectorContent, diffConnectors, hasChanges } from './connector-changes.ts'
import { mergeImport } from './merge-import.ts'

const compare = (before: JsonSchema, after: JsonSchema, direction: 'input' | 'output') =>
  compareSchemas({ schema: before, shared: {} }, { schema: after, shared: {} }, direction).map(
    ({ where, what }) => `${where} ${what}`,
  )
const object = (properties: Record<string, JsonSchema>, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
})
const text = { type: 'string' }

describe('what breaks callers (input)', () => {
  test.each<[string, JsonSchema, JsonSchema, string[]]>([
    ['a new required value', object({}), object({ id: text }, ['id']), ['id is new and required']],
    [
      'a value that is required now',
      object({ id: text }),
      object({ id: text }, ['id']),
      ['id is required now'],
    ],
    [
      'a narrower type',
      object({ n: { type: ['string', 'null'] } }),
      object({ n: text }),
      ['n no longer takes null'],
    ],
    [
      'a value of the enum that is gone',
      { enum: ['a', 'b'] },
      { enum: ['a'] },
      ['(whole) no longer takes "b"'],
    ],
    [
      'a lower maximum',
      { type: 'integer', maximum: 100 },
      { type: 'integer', maximum: 50 },
      ['(whole) maximum is 50 now'],
    ],
    [
      'deep inside a list',
      { type: 'array', items: object({ a: text }) },
      { type: 'array', items: object({ a: { type: 'integer' } }) },
      ['[].a no longer takes string'],
    ],
  ])('%s', (_name, before, after, expected) => {
    expect(compare(before, after, 'input')).toEqual(expected)
  })

  test.each<[string, JsonSchema, JsonSchema]>([
    ['a new optional value', object({}), object({ id: text })],
    ['a value no longer required', object({ id: text }, ['id']), object({ id: text })],
    ['a wider type', object({ n: { type: 'integer' } }), object({ n: { type: ['number', 'null'] } })],
    ['a longer enum', { enum: ['a'] }, { enum: ['a', 'b'] }],
    ['a limit that is gone', { type: 'string', maxLength: 5 }, text],
    ['a list of texts that becomes any text', { enum: ['a', 'b'] }, text],
    ['the same said by alternatives', { anyOf: [text, { type: 'null' }] }, { type: ['string', 'null'] }],
    [
      'a property that alternatives name now',
      object({ a: text, b: text }),
      { ...object({ a: text }), allOf: [object({ b: text })] },
    ],
  ])('%s does not', (_name, before, after) => {
    expect(compare(before, after, 'input')).toEqual([])
  })
})

describe('what breaks readers (output)', () => {
  test.each<[string, JsonSchema, JsonSchema, string[]]>([
    ['a property that is gone', object({ a: text, b: text }), object({ a: text }), ['b is gone']],
    [
      'a property that may be missing',
      object({ a: text }, ['a']),
      object({ a: text }),
      ['a may be missing now'],
    ],
    ['a wider type', object({ a: text }), object({ a: { type: ['string', 'null'] } }), ['a may be null now']],
  ])('%s', (_name, before, after, expected) => {
    expect(compare(before, after, 'output')).toEqual(expected)
  })
  test('a new property does not', () => {
    expect(compare(object({ a: text }), object({ a: text, b: text }), 'output')).toEqual([])
  })
})

test('schemas that refer to themselves are compared and come to an end', () => {
  const node = (extra: Record<string, JsonSchema>) => ({
    Node: { type: 'object', properties: { next: { $ref: '#/schemas/Node' }, ...extra } },
  })
  const schema = { $ref: '#/schemas/Node' }
  expect(compareSchemas({ schema, shared: node({}) }, { schema, shared: node({}) }, 'input')).toEqual([])
  expect(
    compareSchemas({ schema, shared: node({ a: text }) }, { schema, shared: node({}) }, 'output'),
  ).toEqual([{ where: 'a', what: 'is gone' }])
})

const schemas: fc.Arbitrary<JsonSchema> = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.record({ type: fc.constantFrom('string', 'integer', 'boolean', 'null') }),
    fc.record({ enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 }) }),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc
      .dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'))
      .map((properties) => ({ type: 'object', properties, required: Object.keys(properties).slice(0, 1) })),
  ),
})).schema

test('a schema is compatible with itself, and one that only became wider breaks no caller', () => {
  fc.assert(
    fc.property(schemas, (schema) => {
      expect(compare(schema, schema, 'input')).toEqual([])
      expect(compare(schema, schema, 'output')).toEqual([])
      expect(compare(schema, widen(schema), 'input')).toEqual([])
      expect(compare(schema, { anyOf: [schema, { type: 'null' }] }, 'input')).toEqual([])
    }),
  )
})

function widen(schema: JsonSchema): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const { type, enum: values, properties, items, ...rest } = schema
  return {
    ...rest,
    required: [],
    ...(typeof type === 'string' ? { type: [type, 'null'] } : {}),
    ...(Array.isArray(values) ? { enum: [...values, 'one more'] } : {}),
    ...(items === undefined ? {} : { items: widen(items as JsonSchema) }),
    ...(properties === undefined
      ? {}
      : {
          properties: {
            ...Object.fromEntries(
              Object.entries(properties as Record<string, JsonSchema>).map(([name, one]) => [
                name,
                widen(one),
              ]),
            ),
            optionalOne: { type: 'string' },
          },
        }),
  }
}

const action = (slug: string, more: Partial<ActionDefinition> = {}): ActionDefinition => ({
  slug,
  name: slug,
  description: '',
  method: 'GET',
  path: `/${slug}`,
  effect: 'read',
  idempotent: true,
  parameters: [],
  inputSchema: { type: 'object', properties: {} },
  tags: [],
  ...more,
})
const content = (actions: ActionDefinition[], head: object = {}): ConnectorContent => ({
  head: {
    name: 'App',
    description: '',
    visibility: 'private',
    baseUrl: 'https://app.example',
    authMethods: [{ slug: 'key', type: 'api_key', name: 'Key' }],
    events: [],
    ...head,
  },
  schemas: {},
  actions: Object.fromEntries(actions.map((one) => [one.slug, one])),
})

test('a connector is equal to itself', () => {
  const one = content([action('a'), action('b')])
  expect(hasChanges(diffConnectors(one, structuredClone(one)))).toBe(false)
})

test('added, removed and changed actions are told, with what breaks', () => {
  const changes = diffConnectors(
    content([action('a'), action('b'), action('c')]),
    content([action('a', { effect: 'write', method: 'POST' }), action('c'), action('d')], {
      authMethods: [{ slug: 'oauth', type: 'oauth2', name: 'OAuth' }],
    }),
  )
  expect(changes).toMatchObject({
    added: ['d'],
    removed: ['b'],
    renamed: [],
    changed: [{ action: 'a', fields: ['effect', 'method'], breaking: true }],
    connector: ['authMethods'],
  })
  expect(changes.breaking.map(({ action: slug, where }) => `${slug} ${where}`)).toEqual([
    'b action',
    'null authMethods.key',
    'a method',
    'a effect',
  ])
})

test('a shared schema that only became wider is a change of every action that leads to it', () => {
  const ref = (name: string) => ({ $ref: `#/schemas/${name}` })
  const one = {
    ...content([
      action('pay', { inputSchema: object({ by: ref('Card') }) }),
      action('ping'),
      action('read', { outputSchema: ref('List') }),
    ]),
    schemas: { List: { type: 'array', items: ref('Card') }, Card: object({ id: text }), Other: text },
  }
  const wider = { ...one, schemas: { ...one.schemas, Card: object({ id: text, brand: text }) } }
  expect(diffConnectors(one, structuredClone(one)).changed).toEqual([])
  expect(diffConnectors(one, wider)).toMatchObject({
    changed: [
      { action: 'pay', fields: ['inputSchema'], breaking: false },
      { action: 'read', fields: ['outputSchema'], breaking: false },
    ],
    connector: [],
    breaking: [],
  })
  const hooked = (content: ConnectorContent): ConnectorContent => ({
    ...content,
    head: {
      ...content.head,
      events: [{ slug: 'paid', name: '', description: '', payloadSchema: ref('Card') }],
    },
  })
  expect(diffConnectors(hooked(one), hooked(wider)).connector).toEqual(['events'])
})

test('an operation that is only called otherwise is renamed, and keeps its slug', () => {
  const named = (operationId: string) =>
    content([action('list_orders', { source: { operationId } as never })])
  expect(diffConnectors(named('listOrders'), named('getOrders'))).toMatchObject({
    added: [],
    removed: [],
    changed: [],
    renamed: [{ action: 'list_orders', from: 'listOrders', to: 'getOrders' }],
    breaking: [],
  })
})

test.each<[string, string[] | undefined, string[] | undefined, string[]]>([
  ['none as before', [], [], []],
  ['none any more', ['key'], [], []],
  ['one more', ['key'], ['key', 'oauth'], []],
  ['any, no longer some', ['key'], undefined, []],
  ['some, no longer none', [], ['key'], ['needs credentials now']],
  ['any, no longer none', [], undefined, ['needs credentials now']],
  ['some, no longer any', undefined, ['oauth'], ['takes only oauth now']],
  ['one less', ['key', 'oauth'], ['oauth'], ['no longer takes key']],
])('of auth methods that an action takes: %s', (_name, before, after, expected) => {
  const taking = (auth: string[] | undefined) => content([action('a', auth === undefined ? {} : { auth })])
  const { breaking } = diffConnectors(taking(before), taking(after))
  expect(breaking.map(({ what }) => what)).toEqual(expected)
})

test('another address, and auth methods that want or send something else, break', () => {
  const method = { slug: 'key', type: 'api_key', name: 'Key' }
  const needing = {
    ...method,
    parameterName: 'X-Other',
    fields: [{ name: 'shop', label: 'Shop', secret: false }],
  }
  const changes = diffConnectors(
    content([action('a')]),
    content([action('a', { path: '/v2/a', description: 'Said better' })], {
      baseUrl: 'https://new.example',
      authMethods: [needing],
    }),
  )
  expect(changes.breaking.map(({ where, what }) => `${where}: ${what}`)).toEqual([
    'baseUrl: is https://new.example now, was https://app.example',
    "authMethods.key: needs 'shop' now, which its connections do not have",
    'authMethods.key: parameterName is X-Other now, was the default',
    'path: is /v2/a now, was /a',
  ])
  const compatible = diffConnectors(content([action('a')]), content([action('a', { description: 'Better' })]))
  expect(compatible).toMatchObject({
    changed: [{ action: 'a', fields: ['description'], breaking: false }],
    breaking: [],
  })
})

describe('a newer import', () => {
  const base = content([action('a'), action('b')])
  const theirs = content([action('a', { description: 'Better said' }), action('b'), action('c')], {
    description: 'New',
  })

  test('takes over everything that was not changed by hand', () => {
    expect(mergeImport(base, base, theirs)).toEqual({ content: theirs, kept: [] })
  })
  test('keeps what was changed, added and deleted by hand, and says so', () => {
    const ours = content([action('a', { idempotencyHeader: 'Idempotency-Key' }), action('mine')], {
      verification: { action: 'a', input: {} },
      authMethods: [{ slug: 'key', type: 'api_key', name: 'Key', parameterName: 'X-Own' }],
    })
    const { content: merged, kept } = mergeImport(base, ours, theirs)
    expect(Object.keys(merged.actions).toSorted()).toEqual(['a', 'c', 'mine'])
    expect(merged.actions.a).toMatchObject({
      description: 'Better said',
      idempotencyHeader: 'Idempotency-Key',
    })
    expect(merged.head).toMatchObject({
      description: 'New',
      verification: { action: 'a' },
      authMethods: [{ slug: 'key', parameterName: 'X-Own' }],
    })
    expect(kept.toSorted()).toEqual(['a.idempotencyHeader', 'authMethods.key', 'b (deleted)', 'mine'])
  })
  test('brings new events and payloads; how one is subscribed to stays as it was defined by hand', () => {
    const event = (slug: string, more: object = {}) => ({ slug, name: slug, description: '', ...more })
    const with_ = (...events: object[]) => content([action('a')], { events })
    const signed = { webhookVerification: { scheme: 'github' } }
    const { content: merged, kept } = mergeImport(
      with_(event('paid'), event('gone'), event('unwanted')),
      with_(event('paid', signed), event('gone'), event('mine', signed)),
      with_(event('paid', { payloadSchema: text }), event('unwanted'), event('new')),
    )
    expect(merged.head.events).toEqual([
      event('paid', { payloadSchema: text, ...signed }),
      event('new'),
      event('mine', signed),
    ])
    expect(kept).toEqual(['events.paid.webhookVerification', 'events.unwanted (deleted)', 'events.mine'])
  })
  test('shared schemas go with the last that refers to them; what is kept by hand keeps its own', () => {
    const ref = (name: string) => ({ $ref: `#/schemas/${name}` })
    const using = (slug: string, name: string) => action(slug, { outputSchema: ref(name) })
    const old = {
      ...content([using('a', 'Old'), action('b')]),
      schemas: { Old: { type: 'array', items: ref('OldItem') }, OldItem: ref('Old') },
    }
    const newer = { ...content([using('a', 'New')]), schemas: { New: text, Spare: text } }
    expect(mergeImport(old, old, newer).content.schemas).toEqual({ New: text, Spare: text })

    const withMine = {
      ...content([using('a', 'Old'), action('b'), using('mine', 'Kept')]),
      schemas: { ...old.schemas, Kept: object({ of: ref('KeptItem') }), KeptItem: text },
    }
    const kept = mergeImport(old, withMine, newer).content.schemas
    expect(Object.keys(kept).toSorted()).toEqual(['Kept', 'KeptItem', 'New', 'Spare'])

    const without = { ...old, actions: { b: action('b') } }
    expect(mergeImport(old, without, newer).content.schemas).toEqual({ Spare: text })
  })
  test('an auth method that connections were made with stays, whatever the document says', () => {
    const oauth = content([action('a')], { authMethods: [{ slug: 'oauth', type: 'oauth2', name: 'OAuth' }] })
    const slugs = (inUse: string[]) =>
      mergeImport(base, base, oauth, new Set(inUse)).content.head.authMethods.map(({ slug }) => slug)
    expect(slugs([])).toEqual(['oauth'])
    expect(slugs(['key'])).toEqual(['oauth', 'key'])
  })
  test('a verification call whose action is gone goes with it', () => {
    const ours = content([action('a'), action('b')], { verification: { action: 'b', input: {} } })
    expect(mergeImport(ours, ours, content([action('a')])).content.head.verification).toBeUndefined()
  })
})
