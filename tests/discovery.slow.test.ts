import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

let platform: TestPlatform
let tenant: Tenant
let site: Server
let url: string
const agents = new Set<string | undefined>()

beforeAll(async () => {
  platform = await startTestPlatform()
  tenant = await platform.organization()
  site = createServer((request, response) => {
    agents.add(request.headers['user-agent'])
    if (request.url === '/docs/') {
      response.setHeader('content-type', 'text/html')
      response.end('<title>Docs</title><redoc spec-url="../files/described"></redoc>')
    } else if (request.url === '/files/described') {
      const get = { operationId: 'listShops', responses: { 200: { description: 'OK' } } }
      response.end(
        JSON.stringify({
          openapi: '3.1.0',
          info: { title: 'Shops', version: '3' },
          paths: { '/shops': { get } },
        }),
      )
    } else response.writeHead(404).end()
  })
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
})
afterAll(async () => {
  await platform.close()
  site.closeAllConnections()
  site.close()
})

test('a description is found from a documentation page, in this server’s name', async () => {
  const found = await tenant.ok('discover_spec', { target: `${url}/docs/` })
  expect(found.candidates).toEqual([
    {
      url: `${url}/files/described`,
      format: 'openapi',
      formatVersion: '3.1.0',
      title: 'Shops',
      version: '3',
      operations: 1,
      foundBy: `configuration of Redoc in ${url}/docs/`,
      alsoAt: [],
    },
  ])
  expect(found.tried[0]).toMatchObject({ url: `${url}/docs/`, outcome: "a page, 'Docs'" })
  expect([...agents]).toEqual([expect.stringMatching(/^Patchbay \(.*\+https?:\/\/.+\)$/)])
})

test('import_spec imports what it finds, and the connector calls the host it was found on', async () => {
  const { connector, report } = await tenant.ok('import_spec', { discover: `${url}/docs/` })
  expect(connector).toMatchObject({ slug: 'shops', actionCount: 1, baseUrl: url })
  expect(report.imported).toBe(1)
})

test('where nothing is found, what was tried is told', async () => {
  const { status, body } = await tenant.call('import_spec', { discover: `${url}/` })
  expect(status).toBe(404)
  expect(JSON.stringify(body)).toContain('/swagger/v1/swagger.json')
  expect(JSON.stringify(body)).toContain('create_connector')
})
