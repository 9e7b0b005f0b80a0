import { expect, test } from 'vitest'
import type { AppError } from '../../../core/errors.ts'
import { cpuMs } from '../../../tests/setup/cpu.ts'
import { buildRequest } from '../request.ts'
import { validateInput } from '../validate-input.ts'
import { importSpec } from './index.ts'

const MAX_MS = 5_000

const load = async (fields: Record<string, unknown>) => {
  const startedAt = cpuMs()
  const result = await importSpec({
    text: JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'T', version: '1' },
      servers: [{ url: 'https://a.example' }],
      ...fields,
    }),
  })
  expect(cpuMs() - startedAt).toBeLessThan(MAX_MS)
  return result
}

/** A document with one operation whose body is the first of these schemas. */
const loadSchemas = (schemas: Record<string, unknown>) =>
  load({
    paths: {
      '/a': {
        post: {
          requestBody: {
            content: {
              'application/json': { schema: { $ref: `#/components/schemas/${Object.keys(schemas)[0]}` } },
            },
          },
        },
      },
      '/good': { get: {} },
    },
    components: { schemas },
  })

const chain = (length: number, link: (next: string, index: number) => unknown, last: unknown) =>
  Object.fromEntries(
    Array.from({ length }, (_unused, index) => [
      `S${index}`,
      index === length - 1 ? last : link(`#/components/schemas/S${index + 1}`, index),
    ]),
  )

const refusal = (run: () => unknown): AppError => {
  try {
    run()
  } catch (error) {
    return error as AppError
  }
  throw new Error('expected a refusal')
}

const object = { type: 'object', properties: { a: { type: 'string' } } }

test.each([
  ['references that lead to references', ($ref: string) => ({ $ref })],
  ['parts of parts', ($ref: string, i: number) => ({ allOf: [{ $ref }, { properties: { [`p${i}`]: {} } }] })],
  ['properties of properties', ($ref: string) => ({ type: 'object', properties: { next: { $ref } } })],
  ['alternatives of alternatives', ($ref: string) => ({ oneOf: [{ $ref }, object] })],
])('20,000 schemas, %s, cost no more than moments, and the other operations import', async (_what, link) => {
  const { definition, report } = await loadSchemas(chain(20_000, link, object))
  expect(report.imported + report.skipped.length).toBe(2)
  expect(definition.actions.map(({ path }) => path)).toContain('/good')
})

test('schemas that hold the next one twice, sixty deep, are kept by reference', async () => {
  const twice = ($ref: string) => ({ allOf: [{ $ref }, { $ref }], properties: { again: { $ref } } })
  const { definition } = await loadSchemas(chain(60, twice, object))
  expect(JSON.stringify(definition).length).toBeLessThan(100_000)
})

test.each([
  ['only to itself', { A: { $ref: '#/components/schemas/A' } }],
  ['through itself', { A: { $ref: '#/components/schemas/A/properties/x' } }],
  [
    'to another and back',
    { A: { $ref: '#/components/schemas/B/x' }, B: { $ref: '#/components/schemas/A/x' } },
  ],
])('a reference that leads %s is told of', async (_what, schemas) => {
  const { report } = await loadSchemas(schemas)
  expect(report.imported + report.skipped.length).toBe(2)
  expect(JSON.stringify([report.warnings, report.skipped])).toContain('#/components/schemas/')
})

test('a list of 200,000 values that forty places use is kept once', async () => {
  const values = Array.from({ length: 200_000 }, (_unused, index) => `value${index}`)
  const parameters = [{ name: 'q', in: 'query', schema: { $ref: '#/components/schemas/E' } }]
  const { definition } = await load({
    paths: Object.fromEntries(
      Array.from({ length: 40 }, (_unused, index) => [`/p${index}`, { get: { parameters } }]),
    ),
    components: { schemas: { E: { enum: values } } },
  })
  expect(JSON.stringify(definition).length).toBeLessThan(4_000_000)
  const [action] = definition.actions
  if (action === undefined) throw new Error('no action')
  validateInput(definition.schemas, action, { q: 'value199999' })
  expect(
    refusal(() => validateInput(definition.schemas, action, { q: 'other' })).message.length,
  ).toBeLessThan(2_000)
})

test('parameters, properties and schemas named after members of every object are only names', async () => {
  const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'prototype']
  const { definition } = await load({
    paths: {
      '/a': {
        get: {
          parameters: names.map((name) => ({
            name,
            in: 'query',
            schema: { $ref: `#/components/schemas/${name}` },
          })),
        },
      },
    },
    components: { schemas: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) },
  })
  const [action] = definition.actions
  if (action === undefined) throw new Error('no action')
  const input = Object.fromEntries(names.map((name) => [name, 'v']))
  validateInput(definition.schemas, action, input)
  expect(buildRequest(definition, action, input).url).toBe(
    `https://a.example/a?${names.map((name) => `${name}=v`).join('&')}`,
  )
  expect(buildRequest(definition, action, {}).url).toBe('https://a.example/a')
})

test.each([
  ['/a/../../admin', undefined],
  ['/{id}/..', undefined],
  ['/a/%2e%2E/b', undefined],
  ['/a\r\nHost: b', 'https://a.example/a%0D%0AHost:%20b'],
  ['//b.example/{id}', 'https://a.example//b.example/i'],
  ['/\\\\b.example/', 'https://a.example/%5C%5Cb.example/'],
  ['/@b.example', 'https://a.example/@b.example'],
  [':80@b.example', 'https://a.example/:80@b.example'],
])('the path %j stays on its host and below its base, or is refused', async (path, url) => {
  const { definition } = await load({ paths: { [path]: { get: {} } } })
  const [action] = definition.actions
  if (action === undefined && url === undefined) return
  if (action === undefined) throw new Error('no action')
  const build = () => buildRequest(definition, action, { id: 'i' }).url
  if (url === undefined) expect(refusal(build).code).toBe('invalid_input')
  else {
    expect(build()).toBe(url)
    expect(new URL(build()).href).toBe(url)
  }
})

test('headers that no request may carry are left out, with the reason', async () => {
  const bad = ['X-A\r\nX-Evil: 1', 'Host', 'Transfer-Encoding', 'Content-Length', 'Connection', 'a b', 'é']
  const parameters = [...bad, 'X-Good'].map((name) => ({ name, in: 'header', schema: { type: 'string' } }))
  const { definition, report } = await load({ paths: { '/a': { get: { parameters } } } })
  expect(definition.actions[0]?.parameters.map(({ name }) => name)).toEqual(['X-Good'])
  expect(report.approximated).toHaveLength(bad.length)
})

test('content types with line breaks never become headers', async () => {
  const content = (type: string) => ({ [type]: { schema: object } })
  const { definition } = await load({
    paths: {
      '/a': { post: { requestBody: { required: true, content: content('application/json\r\nX-Evil: 2') } } },
      '/b': { get: { responses: { 200: { content: content('text/x\r\nEvil: 3') } } } },
    },
  })
  for (const action of definition.actions) {
    const input = Object.fromEntries(
      Object.keys(action.inputSchema.properties as object).map((key) => [key, 'v']),
    )
    try {
      expect(JSON.stringify(buildRequest(definition, action, input).headers)).not.toMatch(/\\r|\\n/)
    } catch (error) {
      expect((error as AppError).code).toBe('invalid_input')
    }
  }
})

test.each(['file:///etc/passwd', 'javascript:alert(1)', 'data:text/html,x', 'ftp://a.example/'])(
  'the server %s is none: the address is to be set before a call can be made',
  async (url) => {
    const { definition, report } = await load({ servers: [{ url }], paths: { '/a': { get: {} } } })
    expect(definition.baseUrl).toBe('https://set-the-base-url.invalid')
    expect(JSON.stringify(report.warnings)).toContain('Set baseUrl before calling it')
  },
)

test.each(['<', '[', '![', '[a](', '*', '_', '`', '|a', '# ', '<!--', '<a ', '(', '&', '\n', ' '])(
  'prose and names made of %j cost no more than moments',
  async (piece) => {
    const long = piece.repeat(100_000)
    await load({
      info: { title: long, version: '1', description: long },
      paths: {
        [`/a${long.slice(0, 50_000)}`]: {
          get: {
            operationId: long,
            summary: long,
            description: long,
            tags: [long],
            parameters: [{ name: `q${long}`, in: 'query', description: long, schema: { description: long } }],
            responses: { 200: { description: long } },
          },
        },
      },
    })
  },
)
