import { deserialize, serialize } from 'node:v8'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../core/actor.ts'
import { AppError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

const CODE = 'export default async (ctx) => ({ got: ctx.input })'
const METHOD = { slug: 'none', type: 'no_auth', name: 'None' }
const SPEC = JSON.stringify({
  openapi: '3.0.3',
  info: { title: 'Things', version: '1' },
  servers: [{ url: 'https://things.example' }],
  paths: {
    '/things': { get: { operationId: 'list_things', responses: { 200: { description: 'ok' } } } },
  },
})

let platform: TestPlatform
let upstream: Upstream
let tenant: Tenant
let actor: Actor
beforeAll(async () => {
  platform = await startTestPlatform()
  upstream = await startUpstream()
  tenant = await platform.organization()
  actor = await platform.platform.apiKeys.authenticate(tenant.ownerKey, { door: 'agent', ip: undefined })
})
afterAll(async () => {
  await platform.close()
  await upstream.close()
})

/** Calls a tool as a run does, and again as the process does that takes the run over: with what was kept, no answer. */
async function callTwice(tool: string, input: JsonObject): Promise<[Body, Body]> {
  let kept: Buffer | undefined
  const call = () =>
    platform.platform.services.catalog.call(tool, input, {
      actor,
      signal: new AbortController().signal,
      keeper: {
        before: async () => (kept === undefined ? undefined : { gave: deserialize(kept) }),
        keep: async (_tx, gave) => {
          kept = serialize(gave)
        },
      },
    })
  return [await call(), await call()]
}

/** Steps build on what earlier ones made. What comes after an effect may change by itself: `but` names it. */
const CALLS: { tool: string; input: () => JsonObject; but?: (answer: Body) => unknown }[] = [
  { tool: 'create_customer', input: () => ({ name: 'Acme' }) },
  { tool: 'create_connector', input: () => ({ name: 'App', baseUrl: upstream.url, authMethods: [METHOD] }) },
  { tool: 'update_connector', input: () => ({ connector: 'app', description: 'Mended.' }) },
  {
    tool: 'create_action',
    input: () => ({ connector: 'app', slug: 'a', name: 'A', method: 'GET', path: '/a' }),
  },
  { tool: 'update_action', input: () => ({ connector: 'app', action: 'a', path: '/b' }) },
  { tool: 'import_spec', input: () => ({ spec: SPEC, slug: 'things' }) },
  { tool: 'import_spec', input: () => ({ spec: SPEC, slug: 'things', onConflict: 'replace' }) },
  {
    tool: 'index_api_docs',
    input: () => ({ text: '# Things\n\nThere are things.', title: 'Things', connector: 'things' }),
  },
  { tool: 'create_workflow', input: () => ({ name: 'Flow', code: CODE }) },
  { tool: 'create_workflow', input: () => ({ name: 'Instant', code: CODE, tier: 'instant' }) },
  { tool: 'update_workflow', input: () => ({ workflow: 'flow', code: `${CODE} // mended` }) },
  { tool: 'publish_workflow', input: () => ({ workflow: 'flow' }) },
  { tool: 'publish_workflow', input: () => ({ workflow: 'instant' }) },
  { tool: 'deploy_workflow', input: () => ({ workflow: 'flow', environment: 'dev' }) },
  { tool: 'run_workflow', input: () => ({ workflow: 'flow', environment: 'dev', waitSeconds: 20 }) },
  {
    tool: 'run_workflow',
    input: () => ({ workflow: 'instant', environment: 'dev', version: 1, waitSeconds: 20 }),
  },
  {
    tool: 'create_webhook',
    input: () => ({ name: 'Hook', routes: [{ workflow: 'flow', environment: 'dev' }] }),
  },
  {
    tool: 'create_scheduler',
    input: () => ({
      name: 'Daily',
      routes: [{ workflow: 'flow', environment: 'dev' }],
      timetable: { type: 'daily', at: '06:00' },
      timeZone: 'UTC',
    }),
  },
  {
    tool: 'test_connector',
    input: () => ({ connector: 'app' }),
    // It goes on meanwhile.
    but: ({ run }) => run.id,
  },
]

test('a call whose process died before it answered changes nothing when it is made again, and answers the same', async () => {
  for (const { tool, input, but = (answer: Body) => answer as unknown } of CALLS) {
    const before = await successes(tool)
    const [first, again] = await callTwice(tool, input())
    expect(but(again), tool).toEqual(but(first))
    expect((await successes(tool)) - before, `${tool}: audited`).toBe(1)
  }
  const { executions } = await tenant.ok('list_executions')
  const { execution } = await tenant.ok('get_execution', { execution: executions[0].id })
  const [replayed, repeated] = await callTwice('replay_execution', {
    execution: execution.id,
    version: 'same',
  })
  expect(repeated.execution.id).toBe(replayed.execution.id)

  const count = async (tool: string, list: string, given: object = {}) =>
    (await tenant.ok(tool, given))[list].length
  expect(await count('list_customers', 'customers')).toBe(1)
  expect(await count('list_connectors', 'connectors')).toBe(2)
  // The second import brought nothing new.
  expect(await count('list_connector_versions', 'versions', { connector: 'things' })).toBe(1)
  expect(await count('list_workflow_versions', 'versions', { workflow: 'flow' })).toBe(1)
  expect(await count('list_triggers', 'triggers')).toBe(2)
  expect(await count('list_executions', 'executions')).toBe(3)
  expect(await count('list_agent_runs', 'runs')).toBe(1)
}, 180_000)

test('what is kept commits with the effect, or neither does', async () => {
  const lost = new AppError('cancelled', 'The run is in the hands of another process.')
  const call = platform.platform.services.catalog.call(
    'create_customer',
    { name: 'Nobody' },
    {
      actor,
      signal: new AbortController().signal,
      keeper: { before: async () => undefined, keep: () => Promise.reject(lost) },
    },
  )
  await expect(call).rejects.toMatchObject({ code: 'cancelled' })
  const { customers } = await tenant.ok('list_customers')
  expect(customers.map(({ name }: Body) => name)).not.toContain('Nobody')
})

const successes = async (action: string): Promise<number> =>
  (await tenant.ok('list_audit_log', { action, outcome: 'success', limit: 100 })).entries.length
