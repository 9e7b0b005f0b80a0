import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../tests/setup/platform.ts'

/** An app with one list, at /things only. */
const app = createServer((request, response) => {
  const found = request.url === '/things' && request.method === 'GET'
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(found ? { things: [] } : { message: 'There is nothing here.' }))
})
let server: TestPlatform
let tenant: Tenant
let spec: string
beforeAll(async () => {
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done))
  server = await startTestPlatform()
  tenant = await server.organization()
  const operation = (operationId: string) => ({ operationId, responses: { 200: { description: 'OK' } } })
  spec = JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'App', version: '1' },
    servers: [{ url: `http://127.0.0.1:${(app.address() as AddressInfo).port}` }],
    paths: { '/things': { get: operation('listThings') }, '/others': { get: operation('listOthers') } },
  })
  await tenant.ok('import_spec', { spec, slug: 'app' })
  await tenant.ok('create_connection', { connector: 'app', verify: false })
})
afterAll(async () => {
  await server.close()
  app.close()
})

const target = { connector: 'app', action: 'list_things' }
const propose = (input: object = {}) => tenant.ok('propose_action_fix', { ...target, ...input })
const breakIt = () => tenant.ok('update_action', { ...target, path: '/thing' })

test('a failing action is mended by its proposal, which cites the call and the operation, and changes nothing itself', async () => {
  await breakIt()
  expect((await tenant.call('run_action', target)).status).toBe(502)
  const proposal = await propose({ spec })
  expect(proposal.patch).toEqual([{ op: 'replace', path: '/path', value: '/things' }])
  expect(proposal).toMatchObject({
    update: { ...target, path: '/things' },
    connectorUpdate: null,
    evidence: {
      description: { source: 'spec', operationId: 'listThings', pointer: '#/paths/~1things/get' },
      calls: [{ status: 404, message: expect.stringContaining('There is nothing here.') }],
    },
  })
  expect((await tenant.ok('get_action', target)).action.path).toBe('/thing')
  await tenant.ok('update_action', proposal.update)
  expect((await tenant.ok('run_action', target)).output).toEqual({ things: [] })
  // What failed before the last success is no evidence of what the action is now.
  expect(await propose({ spec })).toMatchObject({ patch: [], update: null, evidence: { calls: [] } })
})

test('without a description, what the last import made is compared with, unless that is not wanted', async () => {
  await breakIt()
  expect(await propose()).toMatchObject({
    update: { path: '/things' },
    evidence: { description: { source: 'import' } },
  })
  expect(await propose({ compareWithImport: false })).toMatchObject({
    patch: [],
    evidence: { description: null },
  })
  await tenant.ok('update_action', (await propose()).update)
})

test('calls of another action are refused as evidence, and those of another organization are not there', async () => {
  const { traceId } = await tenant.ok('run_action', target)
  const asked = { connector: 'app', action: 'list_others', traces: [traceId] }
  expect(await tenant.call('propose_action_fix', asked)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('app.list_things') },
  })
  const other = await server.organization('Other')
  await other.ok('import_spec', { spec, slug: 'app' })
  expect((await other.call('propose_action_fix', { ...target, traces: [traceId] })).status).toBe(404)
})
