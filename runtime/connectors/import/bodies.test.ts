import { expect, test } from 'vitest'
import { importSpec } from './import-spec.ts'

const form = (type: string, schema: object, extra: object = {}) => ({
  post: {
    requestBody: { required: true, content: { [type]: { schema, ...extra } } },
    responses: { 200: { description: 'OK' } },
  },
})
const load = (paths: object) =>
  importSpec({
    text: JSON.stringify({
      openapi: '3.1.0',
      info: { title: 'T', version: '1' },
      servers: [{ url: 'https://api.example' }],
      paths,
    }),
  })

const UPLOAD = {
  type: 'object',
  properties: {
    image: { type: 'array', items: { type: 'string', format: 'binary' } },
    expires: { type: 'object', properties: { seconds: { type: 'integer' } } },
    session: { type: 'object', properties: { id: { type: 'string' } } },
    'tags[]': { type: 'array', items: { type: 'string' } },
    name: { type: 'string' },
  },
}
const SAMPLE = 'curl https://api.example/edits \\\n  -F "image[]=@a.png" \\\n  -F name=x'

test('lists and objects of multipart forms are in brackets where the API’s own samples have them so', async () => {
  const extra = { encoding: { session: { contentType: 'application/json' } } }
  const edits = form('multipart/form-data', UPLOAD, extra)
  const sampled = { post: { ...edits.post, 'x-samples': [{ request: { curl: SAMPLE } }] } }
  const { definition } = await load({ '/other': form('multipart/form-data', UPLOAD), '/edits': sampled })
  const brackets = { brackets: true }
  expect(definition.actions.map(({ body }) => body?.encoding)).toEqual([
    { image: brackets, expires: brackets, session: brackets },
    { image: brackets, expires: brackets, session: { contentType: 'application/json' } },
  ])
})

test.each([
  'curl -F "image=@a.png" -F "image=@b.png"',
  "curl -d 'image[]=a' https://api.example",
  'image[]=a in a form, -F',
])('lists repeat the name where no sample says otherwise: %s', async (curl) => {
  const { post } = form('multipart/form-data', UPLOAD)
  const { definition } = await load({ '/edits': { post: { ...post, description: curl } } })
  expect(definition.actions[0]?.body).not.toHaveProperty('encoding')
})

test('a field that is said to be required and is described nowhere may be given, and is told of', async () => {
  const schema = { type: 'object', required: ['token', 'ghost'], properties: { token: { type: 'string' } } }
  const { definition, report } = await load({
    '/revoke': form('application/x-www-form-urlencoded', schema),
  })
  expect(definition.actions[0]?.inputSchema).toMatchObject({ required: ['token'], properties: { ghost: {} } })
  expect(report.approximated.map(({ what }) => what).join()).toContain("'ghost' is said to be required")
})

test('a form without fields needs no byte, whatever its description says', async () => {
  const schema = { type: 'object', properties: {}, additionalProperties: false }
  const { definition } = await load({ '/ping': form('application/x-www-form-urlencoded', schema) })
  expect(definition.actions[0]?.body?.required).toBe(false)
})
