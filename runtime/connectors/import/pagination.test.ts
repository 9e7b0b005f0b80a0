import { expect, test } from 'vitest'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import type { ActionDefinition } from '../definition.ts'
import { importSpec } from './index.ts'

type Parameters = Record<string, string>

const array = (item: object = { type: 'object', properties: { id: { type: 'string' } } }) => ({
  type: 'array',
  items: item,
})
const object = (properties: object) => ({ type: 'object', properties })
const text = { type: 'string' }

async function importOne(
  parameters: Parameters,
  response: object,
  extra: { method?: string; path?: string; headers?: object; more?: object[] } = {},
): Promise<ActionDefinition> {
  const { method = 'get', path = '/things', headers, more = [] } = extra
  const operation = {
    parameters: [
      ...Object.entries(parameters).map(([name, type]) => ({ name, in: 'query', schema: { type } })),
      ...more,
    ],
    responses: {
      200: {
        description: 'OK',
        ...(headers === undefined ? {} : { headers }),
        content: { 'application/json': { schema: response } },
      },
    },
  }
  const { definition } = await importSpec({
    text: JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'T', version: '1' },
      servers: [{ url: 'https://a.example' }],
      paths: { [path]: { [method]: operation } },
      components: {
        schemas: {
          Page: object({ paging: { $ref: '#/components/schemas/Paging' }, results: array() }),
          Paging: object({ next: object({ after: text, link: text }) }),
        },
      },
    }),
  })
  const [action] = definition.actions
  if (action === undefined) throw new Error('no action')
  return action
}

test.each<[string, Parameters, object, object]>([
  [
    'page and per_page over a bare list',
    { page: 'integer', per_page: 'integer' },
    array(),
    { type: 'page', parameter: 'page', sizeParameter: 'per_page', items: '' },
  ],
  [
    'offset and limit',
    { offset: 'integer', limit: 'integer' },
    object({ total: { type: 'integer' }, items: array() }),
    { type: 'offset', parameter: 'offset', sizeParameter: 'limit', items: 'items' },
  ],
  [
    'cursor and response_metadata.next_cursor',
    { cursor: 'string', limit: 'integer' },
    object({ channels: array(), response_metadata: object({ next_cursor: text }) }),
    {
      type: 'cursor',
      parameter: 'cursor',
      sizeParameter: 'limit',
      next: 'response_metadata.next_cursor',
      items: 'channels',
    },
  ],
  [
    'starting_after and has_more',
    { starting_after: 'string', limit: 'integer' },
    object({ data: array(), has_more: { type: 'boolean' } }),
    {
      type: 'cursor',
      parameter: 'starting_after',
      sizeParameter: 'limit',
      next: 'data.-1.id',
      items: 'data',
      hasMore: 'has_more',
    },
  ],
  [
    'marker and next_marker',
    { marker: 'string', limit: 'integer' },
    object({ entries: array(), next_marker: text }),
    { type: 'cursor', parameter: 'marker', sizeParameter: 'limit', next: 'next_marker', items: 'entries' },
  ],
  [
    'pageToken and nextPageToken',
    { pageToken: 'string', pageSize: 'integer' },
    object({ files: array(), nextPageToken: text }),
    {
      type: 'cursor',
      parameter: 'pageToken',
      sizeParameter: 'pageSize',
      next: 'nextPageToken',
      items: 'files',
    },
  ],
  [
    'a page that is text and next_page',
    { page: 'string', limit: 'integer' },
    object({ data: array(), next_page: text }),
    { type: 'cursor', parameter: 'page', sizeParameter: 'limit', next: 'next_page', items: 'data' },
  ],
  [
    'the address of the next page in the body',
    { limit: 'integer' },
    object({ data: array(), next_url: { type: ['string', 'null'] } }),
    { type: 'link', sizeParameter: 'limit', next: 'next_url', items: 'data' },
  ],
  [
    'links.next',
    { page: 'integer' },
    object({ data: array(), links: object({ next: text }) }),
    { type: 'link', next: 'links.next', items: 'data' },
  ],
  [
    'paging.next.after behind references',
    { after: 'string', limit: 'integer' },
    { $ref: '#/components/schemas/Page' },
    {
      type: 'cursor',
      parameter: 'after',
      sizeParameter: 'limit',
      next: 'paging.next.after',
      items: 'results',
    },
  ],
  [
    'the list that bears the name of the path among several',
    { page: 'integer' },
    object({ warnings: array(), things: array() }),
    { type: 'page', parameter: 'page', items: 'things' },
  ],
])('%s', async (_name, parameters, response, expected) => {
  expect((await importOne(parameters, response)).pagination).toEqual(expected)
})

test('a Link header that is documented is followed', async () => {
  const action = await importOne({ page: 'integer', per_page: 'integer' }, array(), {
    headers: { Link: { schema: text } },
  })
  expect(action.pagination).toEqual({ type: 'link', sizeParameter: 'per_page', items: '' })
})

test.each<[string, Parameters, object, { method?: string }]>([
  ['no parameter asks for a page', { q: 'string' }, object({ data: array(), next_cursor: text }), {}],
  ['the response has no list', { page: 'integer' }, object({ name: text, next_cursor: text }), {}],
  ['the list is one of several', { page: 'integer' }, object({ left: array(), right: array() }), {}],
  ['an offset has no size', { offset: 'integer' }, array(), {}],
  ['the call changes something', { page: 'integer', limit: 'integer' }, array(), { method: 'post' }],
  [
    'a switch turns the cursor off',
    { marker: 'string', usemarker: 'boolean', offset: 'integer' },
    object({ entries: array(), next_marker: text }),
    {},
  ],
])('nothing is guessed where %s', async (_name, parameters, response, extra) => {
  expect((await importOne(parameters, response, extra)).pagination).toBeUndefined()
})

test('an Idempotency-Key header is the action’s idempotency header, and the input need not have it', async () => {
  const action = await importOne({}, object({}), {
    method: 'post',
    more: [{ name: 'Idempotency-Key', in: 'header', required: true, schema: text }],
  })
  expect(action.idempotencyHeader).toBe('Idempotency-Key')
  expect(action.inputSchema.required).toEqual([])
  expect(action.parameters).toMatchObject([{ name: 'Idempotency-Key', required: false }])
})

test('alternatives within alternatives without end cost no time', async () => {
  const startedAt = cpuMs()
  const names = Array.from({ length: 30 }, (_, index) => `S${index}`)
  const all = names.map((name) => ({ $ref: `#/components/schemas/${name}` }))
  const { definition } = await importSpec({
    text: JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'T', version: '1' },
      paths: Object.fromEntries(
        names.map((name, index) => [
          `/p${index}`,
          {
            get: {
              parameters: [{ name: 'page', in: 'query', schema: { anyOf: all } }],
              responses: {
                200: {
                  description: '',
                  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
                },
              },
            },
          },
        ]),
      ),
      components: {
        schemas: Object.fromEntries(
          names.map((name) => [
            name,
            {
              allOf: all,
              anyOf: all,
              properties: Object.fromEntries(names.map((key) => [key, { oneOf: all }])),
            },
          ]),
        ),
      },
    }),
  })
  expect(definition.actions).toHaveLength(30)
  expect(cpuMs() - startedAt).toBeLessThan(3_000)
})
