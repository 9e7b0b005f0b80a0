import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { permissions, type RoleName, roleNames } from '../core/permissions.ts'
import type { AnyTool } from '../tools/define-tool.ts'
import { startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

/** The role table as the product promises it, written out here apart from the code that implements it. */
const byCategory: Record<string, string> = {
  connectors: 'create read update delete deploy_test deploy_prod',
  connections: 'create read update delete execute share',
  workflows: 'create read update delete execute deploy_test deploy_prod',
  agents: 'create read update delete execute',
  tools: 'create read update delete execute',
  customers: 'read manage',
  activity: 'read',
  events: 'replay',
  secrets: 'manage',
  users: 'manage',
  settings: 'manage',
  billing: 'manage',
  audit: 'read',
  api_keys: 'manage',
}
const every = Object.entries(byCategory).flatMap(([category, names]) =>
  names.split(' ').map((name) => `${category}.${name}`),
)
const forOwners = ['users.manage', 'settings.manage', 'billing.manage', 'audit.read', 'api_keys.manage']
const promised: Record<RoleName, readonly string[]> = {
  owner: every,
  admin: every,
  developer: every.filter((permission) => !forOwners.includes(permission)),
  operator: [
    'connectors.read',
    'connectors.deploy_test',
    ...every.filter((permission) => permission.startsWith('connections.')),
    'workflows.read',
    'workflows.execute',
    'workflows.deploy_test',
    'agents.read',
    'agents.execute',
    'tools.read',
    'tools.execute',
    'customers.read',
    'activity.read',
    'events.replay',
  ],
  end_user: [
    'connections.create',
    'connections.read',
    'connections.update',
    'connections.delete',
    'connections.execute',
    'workflows.read',
    'workflows.execute',
    'agents.execute',
    'activity.read',
  ],
  viewer: ['connectors', 'connections', 'workflows', 'agents', 'tools', 'customers', 'activity'].map(
    (category) => `${category}.read`,
  ),
}

let server: TestPlatform
let tenant: Tenant
let tools: readonly AnyTool[]
const keys = {} as Record<RoleName, string>

beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
  tools = server.platform.registry.all
  const { customer } = await tenant.ok('create_customer', { name: 'Only' })
  for (const role of roleNames) {
    keys[role] = await tenant.key({ role, ...(role === 'end_user' ? { customerIds: [customer.id] } : {}) })
  }
})
afterAll(() => server.close())

const audited = async (actorKey: string, action: string) => {
  const actor = await server.platform.apiKeys.authenticate(actorKey, { door: 'http', ip: undefined })
  return server.platform.db.read({ organizationId: tenant.organizationId, customerIds: null }, (tx) =>
    tx.rows<{ outcome: string }>('SELECT outcome FROM audit_log WHERE actor_id = $1 AND action = $2', [
      actor.id,
      action,
    ]),
  )
}

test('there are 39 permissions, and the roles hold 39, 39, 34, 18, 9 and 7 of them', () => {
  expect([...permissions].sort()).toEqual([...every].sort())
  expect(every).toHaveLength(39)
  expect(roleNames.map((role) => promised[role].length)).toEqual([39, 39, 34, 18, 9, 7])
})

test('every tool needs one of the 39 permissions, or says that any key will do', () => {
  expect(tools.length).toBeGreaterThan(50)
  for (const tool of tools)
    expect(tool.permission === null || every.includes(tool.permission), tool.name).toBe(true)
})

describe.each(roleNames)('%s', (role) => {
  const allowed = (tool: AnyTool) => tool.permission === null || promised[role].includes(tool.permission)

  test('calls the tools its permissions allow, is refused the others, and either is audited', async () => {
    // A field no tool has: allowed calls get as far as their input and change nothing.
    const input = { __never: true }
    const wrong: string[] = []
    for (const tool of tools) {
      const { status } = await tenant.call(tool.name, allowed(tool) ? {} : input, keys[role])
      const refused = status === 403
      if (refused === allowed(tool)) wrong.push(`${tool.name}: ${status}`)
      const rows = await audited(keys[role], tool.name)
      const mustBeAudited = !allowed(tool) || tool.effect !== 'read'
      if (mustBeAudited && rows.length === 0) wrong.push(`${tool.name}: not audited`)
      if (!allowed(tool) && rows.some(({ outcome }) => outcome !== 'denied'))
        wrong.push(`${tool.name}: audited as ${rows[0]?.outcome}`)
      if (allowed(tool) && rows.some(({ outcome }) => outcome === 'denied'))
        wrong.push(`${tool.name}: audited as denied`)
    }
    expect(wrong).toEqual([])
  })

  test('finds in its MCP list exactly the tools it may call', async () => {
    const client = new Client({ name: 'roles', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${server.url}/mcp?toolsets=all`), {
        requestInit: { headers: { authorization: `Bearer ${keys[role]}` } },
      }),
    )
    const listed = (await client.listTools()).tools.map(({ name }) => name)
    await client.close()
    expect(listed.sort()).toEqual(
      tools
        .filter(allowed)
        .map(({ name }) => name)
        .sort(),
    )
  })
})

test('deploying to production needs more than deploying to a test environment', async () => {
  const deploy = (environment: string) =>
    tenant.call('deploy_workflow', { workflow: 'none', environment }, keys.operator)
  expect((await deploy('production')).status).toBe(403)
  expect((await deploy('staging')).status).toBe(404)
})
