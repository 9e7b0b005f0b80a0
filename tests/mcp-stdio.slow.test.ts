import { fileURLToPath } from 'node:url'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from './setup/database.ts'
import type { Body } from './setup/platform.ts'

const INFO = { name: 'patchbay-test', version: '1.0.0' }

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase('embedded')
})
afterAll(() => database.drop())

const command = (...options: string[]) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL('../server/cli.ts', import.meta.url)), 'stdio', ...options],
  env: { PATH: process.env.PATH ?? '', PATCHBAY_DATA_DIR: database.dataDir, PATCHBAY_LOG_LEVEL: 'error' },
  stderr: 'inherit' as const,
})
const customersOf = async (client: ClientV2): Promise<Body[]> => {
  const { structuredContent } = await client.callTool({ name: 'list_customers', arguments: {} })
  return (structuredContent as Body).customers
}

test('MCP over stdio: both clients work on one data folder, one after the other and at once', async () => {
  const v1 = new ClientV1(INFO)
  await v1.connect(new StdioV1(command()))
  const v2 = new ClientV2(INFO)
  await v2.connect(new StdioV2(command()))
  expect(v1.getServerVersion()?.name).toBe('patchbay')
  const created = await v1.callTool({ name: 'create_customer', arguments: { name: 'Stdio Ltd' } })
  expect((created.structuredContent as Body).customer.slug).toBe('stdio-ltd')
  expect((await customersOf(v2)).map(({ slug }) => slug)).toContain('stdio-ltd')
  await v2.close()
  await v1.close()
  const again = new ClientV2(INFO)
  await again.connect(new StdioV2(command('--toolsets', 'customers')))
  expect((await again.listTools()).tools.map(({ name }) => name)).toContain('delete_customer')
  expect(await customersOf(again)).toHaveLength(1)
  await again.close()
}, 180_000)
