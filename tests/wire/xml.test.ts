import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sample } from 'openapi-sampler'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json, JsonObject } from '../../core/json.ts'
import { Secret } from '../../core/secret.ts'
import { callAction } from '../../runtime/connectors/call.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { importSpec } from '../../runtime/connectors/import/import-spec.ts'
import { parseXml, type XmlElement } from '../../runtime/connectors/xml/parse-xml.ts'
import { buildHttpClient } from '../../runtime/http/client.ts'
import { specifications } from './specifications.ts'

/** The petstore as an API of XML alone: it offers JSON too, which would be taken. */
const petstore = specifications().find(({ name }) => name.endsWith('swagger-petstore.yaml'))
const document = (baseUrl: string): JsonObject => {
  const text = JSON.stringify(parse(readFileSync(petstore?.path ?? '', 'utf8')), (key, value: unknown) =>
    key === 'application/json' || key === 'application/x-www-form-urlencoded' ? undefined : value,
  )
  return { ...(JSON.parse(text) as JsonObject), servers: [{ url: baseUrl }] }
}

describe.skipIf(petstore === undefined)('XML on the wire (needs ../shared/data)', () => {
  const http = buildHttpClient({ allowedPrivateHosts: ['127.0.0.1'] })
  const bodies: string[] = []
  let answer = ''
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      response.setHeader('content-type', 'application/xml').end(answer)
    })
  })
  let spec: JsonObject = {}
  let connector: ConnectorDefinition
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    spec = document(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    connector = (await importSpec({ text: JSON.stringify(spec) })).definition
  })
  afterAll(async () => {
    await http.close()
    server.close()
  })

  /** A value of a schema, and how Redocly's sampler writes it. */
  const sampled = (schema: object) => ({
    value: sample(schema as never, {}, spec) as Json,
    xml: sample(schema as never, { format: 'xml' } as never, spec) as string,
  })
  const call = (slug: string, input: JsonObject) => {
    const action = connector.actions.find((candidate) => candidate.slug === slug)
    if (action === undefined) throw new Error(`There is no ${slug}.`)
    return callAction({
      http,
      connector,
      action: { ...action, auth: [] },
      authMethod: { slug: 'none', type: 'no_auth', name: 'None' },
      credentials: new Secret({}),
      input,
    })
  }
  const meaning = (text: string): object => {
    const strip = ({ text: inner, children, ...element }: XmlElement): object => ({
      ...element,
      children: children.map(strip),
      text: children.length > 0 ? '' : inner.trim(),
    })
    const root = parseXml(text)
    if ('problem' in root) throw new Error(root.problem)
    return strip(root)
  }

  test.each([
    ['add_pet', 'Pet', {}],
    ['update_pet', 'Pet', {}],
    ['place_order', 'Order', {}],
    ['create_user', 'User', {}],
    ['update_user', 'User', { username: 'ada', body_username: 'theUser' }],
  ])('%s sends, and reads, what an independent sampler writes of a %s', async (slug, name, parameters) => {
    const { value, xml } = sampled({ $ref: `#/components/schemas/${name}` })
    answer = xml
    const { output, warnings } = await call(slug, { ...(value as JsonObject), ...parameters })
    expect(meaning(bodies.at(-1) ?? '')).toEqual(meaning(xml))
    expect(output).toEqual(
      connector.actions.find((action) => action.slug === slug)?.outputSchema === undefined ? xml : value,
    )
    expect(warnings).toEqual([])
  })

  test('a list of pets is read from its document', async () => {
    const { value, xml } = sampled({ $ref: '#/components/schemas/Pet' })
    const one = xml.replace(/^<\?xml[^>]*>\s*/, '')
    answer = `<pets>${one}${one}</pets>`
    expect((await call('find_pets_by_status', { status: 'available' })).output).toEqual([value, value])
  })
})
