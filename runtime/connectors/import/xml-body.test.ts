import { expect, test } from 'vitest'
import type { JsonObject } from '../../../core/json.ts'
import { buildRequest } from '../request.ts'
import { importSpec } from './import-spec.ts'

const pet = {
  type: 'object',
  required: ['name'],
  properties: {
    id: { type: 'integer', xml: { attribute: true } },
    name: { type: 'string' },
    tags: { type: 'array', items: { $ref: 'TAG' }, xml: { wrapped: true } },
    secret: { type: 'string', readOnly: true },
  },
}
const tag = { type: 'object', properties: { name: { type: 'string' } }, xml: { name: 'tag' } }

const openapi = (version: string, content: JsonObject, schemas: JsonObject, response: JsonObject = {}) => ({
  openapi: version,
  info: { title: 'Pets', version: '1' },
  servers: [{ url: 'https://a.example' }],
  paths: {
    '/pets': {
      post: { requestBody: { content }, responses: { 200: { description: '', content: response } } },
    },
  },
  components: { schemas },
})

const withTag = (place: string) => JSON.parse(JSON.stringify(pet).replace('TAG', place)) as JsonObject

async function load(document: object) {
  const { definition, report } = await importSpec({ text: JSON.stringify(document) })
  const [action] = definition.actions
  if (action === undefined) throw new Error('nothing was imported')
  const sent = (input: JsonObject) =>
    String(buildRequest(definition, action, input).body).replace(/^<\?xml[^>]*>/, '')
  return { definition, report, action, sent }
}

const input = { id: 1, name: 'Rex & Co', tags: [{ name: 'dog' }] }
const written = (root: string) =>
  `<${root} id="1"><name>Rex &amp; Co</name><tags><tag><name>dog</name></tag></tags></${root}>`

test.each(['3.0.3', '3.1.0'])(
  'OpenAPI %s: an XML body is built from the fields of its schema',
  async (version) => {
    const schemas = { Pet: withTag('#/components/schemas/Tag'), Tag: tag }
    const content = { 'application/xml': { schema: { $ref: '#/components/schemas/Pet' } } }
    const { action, report, sent } = await load(openapi(version, content, schemas))
    expect(report.approximated.map(({ what }) => what)).toEqual([
      "read-only property 'secret' left out of the input",
    ])
    expect(Object.keys(action.inputSchema.properties ?? {})).toEqual(['id', 'name', 'tags'])
    expect(action.body?.xml).toEqual({ name: 'Pet' })
    expect(sent(input)).toBe(written('Pet'))
  },
)

test('Swagger 2.0: an XML body is built from the fields of its schema, its element named by it', async () => {
  const { sent } = await load({
    swagger: '2.0',
    info: { title: 'Pets', version: '1' },
    host: 'a.example',
    consumes: ['text/xml'],
    paths: {
      '/pets': {
        post: {
          parameters: [{ in: 'body', name: 'pet', schema: { $ref: '#/definitions/Pet' } }],
          responses: { 200: { description: '' } },
        },
      },
    },
    definitions: {
      Pet: { ...withTag('#/definitions/Tag'), xml: { name: 'pet', namespace: 'urn:pets', prefix: 'p' } },
      Tag: tag,
    },
  })
  expect(sent(input)).toBe(written('p:pet').replace('<p:pet ', '<p:pet xmlns:p="urn:pets" '))
})

test('a list as the body is wrapped in the element of its name', async () => {
  const schema = {
    type: 'array',
    items: { type: 'integer', xml: { name: 'id' } },
    xml: { name: 'ids', wrapped: true },
  }
  const { sent } = await load(openapi('3.1.0', { 'application/vnd.ids+xml': { schema } }, {}))
  expect(sent({ body: [1, 2] })).toBe('<ids><id>1</id><id>2</id></ids>')
})

test.each([[{}], [{ schema: { type: 'string' } }], [{ schema: {} }]])(
  'XML of which the description says nothing (%j) is given as text, and sent as it is',
  async (media) => {
    const { action, report, sent } = await load(openapi('3.0.3', { 'application/xml': media }, {}))
    expect(action.body).toEqual({
      contentType: 'application/xml',
      mode: 'whole',
      inputKey: 'body',
      required: false,
    })
    expect(sent({ body: '<a><b/></a>' })).toBe('<a><b/></a>')
    expect(report.approximated).toEqual([])
  },
)

test('JSON is taken where the API has both, and its schemas say nothing of XML', async () => {
  const schemas = { Pet: withTag('#/components/schemas/Tag'), Tag: tag }
  const media = { schema: { $ref: '#/components/schemas/Pet' } }
  const both = { 'application/xml': media, 'application/json': media }
  const { action, definition } = await load(openapi('3.0.3', both, schemas, both))
  expect(action.body?.contentType).toBe('application/json')
  expect(JSON.stringify(definition)).not.toContain('"xml":{')
})

test('XML answers have the output schema of what they are read as', async () => {
  const schemas = { Pet: withTag('#/components/schemas/Tag'), Tag: tag }
  const media = { schema: { $ref: '#/components/schemas/Pet' } }
  const { action, definition } = await load(
    openapi('3.0.3', { 'application/json': media }, schemas, { 'text/xml': media, 'text/plain': {} }),
  )
  expect(action.responseContentType).toBe('text/xml')
  expect(action.outputSchema).toEqual({ $ref: '#/schemas/Pet' })
  expect(definition.schemas.Tag).toMatchObject({ xml: { name: 'tag' } })
})
