import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnyTool } from '../../tools/define-tool.ts'
import type { Registry } from '../../tools/registry.ts'
import { startTestServer, type TestServer } from '../http/testing.ts'
import { toMcpTool } from '../mcp/tool-view.ts'
import { renderReference } from './reference.ts'

const guide = readFileSync(new URL('../../docs/adding-a-tool.md', import.meta.url), 'utf8')
let server: TestServer
let url: string
let registry: Registry

/** The file the guide has its reader write, loaded from elsewhere. */
async function toolOfTheGuide(): Promise<AnyTool> {
  const code = /```ts\n([\s\S]+?)```/.exec(guide)?.[1] ?? ''
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'patchbay-guide-'))
  const file = join(folder, 'tag-customer.ts')
  const elsewhere = code
    .replaceAll("'zod'", `'${root}node_modules/zod/index.js'`)
    .replaceAll("'../../", `'${root}`)
    .replaceAll("'../", `'${root}tools/`)
    .replaceAll("'./", `'${root}tools/customers/`)
  writeFileSync(file, elsewhere)
  try {
    const { tagCustomer } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      tagCustomer: AnyTool
    }
    return { ...tagCustomer, toolset: 'customers' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

beforeAll(async () => {
  server = await startTestServer()
  const tool = await toolOfTheGuide()
  registry = { all: [tool], get: () => tool }
  url = `${await server.serve({ registry })}/api/v1`
  await fetch(`${server.url}/api/v1/customers`, request(server.key, { name: 'Acme' }))
})
afterAll(() => server.close())

const request = (key: string, body: object) => ({
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

test('the route of the guide’s tool works, and by its name too', async () => {
  const byRoute = await fetch(`${url}/customers/acme/tags`, request(server.key, { tag: 'pilot' }))
  expect([byRoute.status, await byRoute.json()]).toEqual([200, { tags: ['pilot'] }])
  const byName = await fetch(
    `${url}/tools/tag_customer`,
    request(server.key, { customer: 'acme', tag: 'pilot' }),
  )
  expect(await byName.json()).toEqual({ tags: ['pilot'] })
})

test('it is guarded by its permission', async () => {
  const viewer = await server.makeKey({ role: 'viewer' })
  expect((await fetch(`${url}/customers/acme/tags`, request(viewer, { tag: 'x' }))).status).toBe(403)
})

test('its calls are in the audit log, the refused one too', async () => {
  const rows = await server.db.read({ organizationId: server.organizationId, customerIds: null }, (tx) =>
    tx.rows("SELECT resource, outcome FROM audit_log WHERE action = 'tag_customer' ORDER BY id"),
  )
  expect(rows).toEqual([
    { resource: 'acme', outcome: 'success' },
    { resource: 'acme', outcome: 'success' },
    { resource: null, outcome: 'denied' },
  ])
})

test('it is described in OpenAPI, to MCP clients and in the reference', async () => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> }
  expect(document.paths['/customers/{customer}/tags']).toMatchObject({
    post: { operationId: 'tag_customer' },
  })
  const [tool] = registry.all
  if (tool === undefined) throw new Error('the guide has no tool')
  expect(toMcpTool(tool)).toMatchObject({ name: 'tag_customer', annotations: { idempotentHint: true } })
  expect(renderReference(registry)).toContain('### tag_customer')
})
