import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createAction } from '../connectors/create-action.ts'
import { createConnector } from '../connectors/create-connector.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { listAuditLog } from '../organization/list-audit-log.ts'
import { createWorkflow } from './create-workflow.ts'
import { deleteWorkflow } from './delete-workflow.ts'
import { deployWorkflow } from './deploy-workflow.ts'
import { getWorkflow } from './get-workflow.ts'
import { getWorkflowVersion } from './get-workflow-version.ts'
import { listDeployments } from './list-deployments.ts'
import { listWorkflowVersions } from './list-workflow-versions.ts'
import { listWorkflows } from './list-workflows.ts'
import { publishWorkflow } from './publish-workflow.ts'
import { rollbackWorkflow } from './rollback-workflow.ts'
import { runWorkflow } from './run-workflow.ts'
import { updateWorkflow } from './update-workflow.ts'
import { validateWorkflow } from './validate-workflow.ts'

const CODE = 'export default async (ctx) => ({ hello: ctx.input.name })'

let world: World
let owner: Actor
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
})
afterAll(() => world.close())

interface WorkflowOutput {
  workflow: {
    id: string
    slug: string
    timeoutMs: number
    tier: string
    unpublishedChanges?: boolean
    deployments?: { environment: string; version: number }[]
  }
}

let made = 0
/** A workflow with so many published versions. */
async function workflowWith(versions: number, actor = owner): Promise<WorkflowOutput['workflow']> {
  made += 1
  const { workflow } = await world.call<WorkflowOutput>(actor, createWorkflow, {
    name: `Flow ${made}`,
    code: CODE,
  })
  for (let version = 1; version <= versions; version += 1) {
    await world.call(actor, updateWorkflow, { workflow: workflow.id, code: `${CODE} // ${version}` })
    await world.call(actor, publishWorkflow, { workflow: workflow.id })
  }
  return workflow
}

test('a workflow gets the defaults of its tier, and is found by id and slug', async () => {
  const { workflow } = await world.call<WorkflowOutput>(owner, createWorkflow, {
    name: 'Sync orders',
    code: CODE,
    retry: {},
    inputSchema: { type: 'object', required: ['name'] },
  })
  expect(workflow).toMatchObject({
    slug: 'sync-orders',
    tier: 'standard',
    timeoutMs: 120_000,
    retry: { maxAttempts: 3, initialIntervalMs: 5_000, backoffCoefficient: 2, maxIntervalMs: 60_000 },
    latestVersion: 0,
  })
  for (const ref of [workflow.id, 'sync-orders'])
    expect(await world.call(owner, getWorkflow, { workflow: ref })).toMatchObject({
      workflow: {
        id: workflow.id,
        code: CODE,
        unpublishedChanges: true,
        newestVersion: null,
        deployments: [],
      },
    })
  expect(await world.refused(owner, createWorkflow, { name: 'Sync Orders', code: CODE })).toMatchObject({
    code: 'conflict',
    where: 'slug',
  })
  expect(await world.call(owner, listWorkflows, { query: 'sync' })).toMatchObject({
    workflows: [{ id: workflow.id }],
    nextCursor: null,
  })
})

test.each<[string, object, string]>([
  ['code that does not parse', { code: 'export default async (ctx) => {' }, 'code'],
  ['a timeout beyond the tier', { code: CODE, tier: 'instant', timeoutMs: 60_001 }, 'timeoutMs'],
  ['an input schema that cannot be used', { code: CODE, inputSchema: { type: 'nothing' } }, 'inputSchema'],
  [
    'an input schema that refers elsewhere',
    { code: CODE, inputSchema: { $ref: 'https://x.test/s' } },
    'inputSchema',
  ],
  ['too many attempts', { code: CODE, retry: { maxAttempts: 11 } }, 'retry.maxAttempts'],
])('%s is refused, and nothing is kept', async (name, input, where) => {
  const refusal = await world.refused(owner, createWorkflow, { name, ...input })
  expect(refusal.code).toBe('invalid_input')
  if (where !== 'code') expect(refusal.where).toBe(where)
  expect(await world.call(owner, listWorkflows, { query: name })).toMatchObject({ workflows: [] })
})

test('a change touches the draft only; another tier brings its own timeout', async () => {
  const { id } = await workflowWith(1)
  const before = await world.call<WorkflowOutput>(owner, getWorkflow, { workflow: id })
  expect(before.workflow.unpublishedChanges).toBe(false)
  const { workflow } = await world.call<WorkflowOutput>(owner, updateWorkflow, {
    workflow: id,
    tier: 'instant',
  })
  expect(workflow).toMatchObject({ tier: 'instant', timeoutMs: 30_000, name: expect.stringMatching(/^Flow/) })
  await world.call(owner, updateWorkflow, { workflow: id, code: CODE, retry: { maxAttempts: 2 } })
  expect(await world.call(owner, updateWorkflow, { workflow: id, retry: null })).toMatchObject({
    workflow: { retry: null, tier: 'instant' },
  })
  expect(await world.call(owner, getWorkflow, { workflow: id })).toMatchObject({
    workflow: { code: CODE, unpublishedChanges: true },
  })
  expect(await world.call(owner, getWorkflowVersion, { workflow: id, version: 1 })).toMatchObject({
    version: { tier: 'standard', code: `${CODE} // 1` },
  })
  expect(
    (await world.refused(owner, updateWorkflow, { workflow: id, code: 'export default 1 +' })).code,
  ).toBe('invalid_input')
})

test('versions count up, never change, and one without changes says so', async () => {
  const { id } = await workflowWith(2)
  expect(await world.call(owner, publishWorkflow, { workflow: id })).toMatchObject({
    version: { version: 3 },
    unchanged: true,
  })
  await world.call(owner, updateWorkflow, { workflow: id, timeoutMs: 1_000 })
  expect(await world.call(owner, publishWorkflow, { workflow: id })).toMatchObject({ unchanged: false })
  const { versions } = await world.call<{ versions: { version: number }[] }>(owner, listWorkflowVersions, {
    workflow: id,
  })
  expect(versions.map(({ version }) => version)).toEqual([4, 3, 2, 1])
  await expect(
    world.db.tenant(scopeOf(owner), (tx) =>
      tx.run("UPDATE workflow_versions SET code = '' WHERE workflow_id = $1", [id]),
    ),
  ).rejects.toThrow(/append-only/)
})

test('publishing at the same time gives each its own number', async () => {
  const { id } = await workflowWith(0)
  const published = await Promise.all(
    Array.from({ length: 4 }, () =>
      world.call<{ version: { version: number } }>(owner, publishWorkflow, { workflow: id }),
    ),
  )
  expect(published.map(({ version }) => version.version).sort()).toEqual([1, 2, 3, 4])
})

test('one version is active per environment; deploying it again changes nothing', async () => {
  const { id, slug } = await workflowWith(2)
  const deploy = (input: object) => world.call(owner, deployWorkflow, { workflow: slug, ...input })
  expect(await deploy({ environment: 'dev', version: 1 })).toMatchObject({ unchanged: false })
  expect(await deploy({ environment: 'dev', version: 1 })).toMatchObject({ unchanged: true })
  expect(await deploy({ environment: 'dev' })).toMatchObject({ deployment: { version: 2, active: true } })
  await deploy({ environment: 'production', version: 1 })
  const { workflow } = await world.call<WorkflowOutput>(owner, getWorkflow, { workflow: id })
  expect(workflow.deployments?.map(({ environment, version }) => `${environment} ${version}`)).toEqual([
    'dev 2',
    'production 1',
  ])
  expect(await world.call(owner, listDeployments, { workflow: id, environment: 'dev' })).toMatchObject({
    deployments: [
      { version: 2, active: true },
      { version: 1, active: false },
    ],
  })
})

test('a rollback puts the version before back, or the one named', async () => {
  const { id } = await workflowWith(3)
  const rollback = (input: object = {}) => ({ workflow: id, environment: 'dev', ...input })
  expect((await world.refused(owner, rollbackWorkflow, rollback())).code).toBe('conflict')
  await world.call(owner, deployWorkflow, { workflow: id, environment: 'dev', version: 1 })
  expect(await world.refused(owner, rollbackWorkflow, rollback())).toMatchObject({ code: 'conflict' })
  await world.call(owner, deployWorkflow, { workflow: id, environment: 'dev', version: 3 })
  expect(await world.call(owner, rollbackWorkflow, rollback())).toMatchObject({
    deployment: { version: 1, active: true },
    replacedVersion: 3,
  })
  expect(await world.call(owner, rollbackWorkflow, rollback({ version: 2 }))).toMatchObject({
    deployment: { version: 2 },
  })
  expect((await world.refused(owner, rollbackWorkflow, rollback({ version: 2 }))).code).toBe('conflict')
  expect((await world.refused(owner, rollbackWorkflow, rollback({ version: 9 }))).code).toBe('not_found')
})

test('production takes deploy_prod and a live key, in custom environments too', async () => {
  const { id } = await workflowWith(1)
  await world.db.tenant(scopeOf(owner), (tx) =>
    tx.run(
      "INSERT INTO environments (organization_id, slug, name, production) VALUES ($1, 'eu', 'EU', true)",
      [owner.organizationId],
    ),
  )
  const operator = actorLike(owner, 'operator')
  const testKey: Actor = { ...owner, mode: 'test' }
  for (const environment of ['production', 'eu']) {
    for (const actor of [operator, testKey])
      expect((await world.refused(actor, deployWorkflow, { workflow: id, environment })).code).toBe(
        'forbidden',
      )
    await world.call(owner, deployWorkflow, { workflow: id, environment })
    expect((await world.refused(operator, rollbackWorkflow, { workflow: id, environment })).code).toBe(
      'forbidden',
    )
    expect((await world.refused(testKey, runWorkflow, { workflow: id, environment })).code).toBe('forbidden')
  }
  for (const actor of [operator, testKey])
    await world.call(actor, deployWorkflow, { workflow: id, environment: 'staging' })
  expect(await world.refused(owner, deployWorkflow, { workflow: id, environment: 'mars' })).toMatchObject({
    code: 'not_found',
  })
  const unpublished = await workflowWith(0)
  expect(
    (await world.refused(owner, deployWorkflow, { workflow: unpublished.id, environment: 'dev' })).code,
  ).toBe('conflict')
})

test('a key limited to some customers reads workflows and changes none', async () => {
  const { customer } = await world.call<{ customer: { id: string } }>(owner, createCustomer, { name: 'Acme' })
  const { id } = await workflowWith(1)
  const limited = actorLike(owner, 'developer', [customer.id])
  expect(await world.call(limited, getWorkflow, { workflow: id })).toMatchObject({ workflow: { id } })
  const changes: [unknown, object][] = [
    [createWorkflow, { name: 'Mine', code: CODE }],
    [updateWorkflow, { workflow: id, code: CODE }],
    [publishWorkflow, { workflow: id }],
    [deployWorkflow, { workflow: id, environment: 'dev' }],
    [rollbackWorkflow, { workflow: id, environment: 'dev' }],
    [deleteWorkflow, { workflow: id }],
  ]
  for (const [tool, input] of changes)
    expect((await world.refused(limited, tool, input)).code).toBe('forbidden')
})

test('validation names the line of an error, and connectors and actions that do not exist', async () => {
  await world.call(owner, createConnector, { name: 'Shop', baseUrl: 'https://shop.test' })
  await world.call(owner, createAction, {
    connector: 'shop',
    slug: 'get_order',
    name: 'Get an order',
    path: '/order',
  })
  const broken = await world.call<{ issues: { line: number }[] }>(owner, validateWorkflow, {
    code: 'export default async (ctx) => {\n  const = 1\n}',
  })
  expect(broken).toMatchObject({ valid: false })
  expect(broken.issues[0]?.line).toBe(2)
  const report = await world.call<{ valid: boolean; issues: { message: string }[] }>(
    owner,
    validateWorkflow,
    {
      code: `export default async ({ connectors: { shop, nowhere } }) => {
      await shop.get_order({})
      await shop.buy({})
      await nowhere.go({})
    }`,
    },
  )
  expect(report).toMatchObject({
    valid: false,
    connectors: [
      { slug: 'shop', action: 'get_order', exists: true },
      { slug: 'shop', action: 'buy', exists: false },
      { slug: 'nowhere', action: 'go', exists: false },
    ],
  })
  expect(report.issues.map(({ message }) => message)).toEqual([
    "There is no connector 'nowhere'.",
    "The connector 'shop' has no action 'buy'.",
  ])
  const { id } = await workflowWith(0)
  expect(await world.call(owner, validateWorkflow, { workflow: id })).toEqual({
    valid: true,
    issues: [],
    typesUnchecked: null,
    reaches: [],
    connectors: [],
  })
  expect((await world.refused(owner, validateWorkflow, { workflow: id, code: CODE })).code).toBe(
    'invalid_input',
  )
  expect((await world.refused(owner, validateWorkflow, {})).code).toBe('invalid_input')
})

test('a version knows the connectors its code calls', async () => {
  const { workflow } = await world.call<WorkflowOutput>(owner, createWorkflow, {
    name: 'Uses connectors',
    code: 'export default async (ctx) => { await ctx.connectors.b.x(); await ctx.connectors.a.y(); await ctx.connectors.b.z() }',
  })
  expect(await world.call(owner, publishWorkflow, { workflow: workflow.id })).toMatchObject({
    version: { connectors: ['a', 'b'] },
  })
})

test("another organization's workflows are not found, by any tool", async () => {
  const stranger = await world.organization()
  const { id, slug } = await workflowWith(1)
  await world.call(owner, deployWorkflow, { workflow: id, environment: 'dev' })
  for (const workflow of [id, slug]) {
    for (const [tool, rest] of [
      [getWorkflow, {}],
      [updateWorkflow, { name: 'Mine' }],
      [deleteWorkflow, {}],
      [validateWorkflow, {}],
      [publishWorkflow, {}],
      [listWorkflowVersions, {}],
      [getWorkflowVersion, { version: 1 }],
      [deployWorkflow, { environment: 'dev' }],
      [rollbackWorkflow, { environment: 'dev' }],
      [listDeployments, {}],
    ] as const)
      expect((await world.refused(stranger, tool, { workflow, ...rest })).code).toBe('not_found')
  }
  expect(await world.call(stranger, listWorkflows)).toMatchObject({ workflows: [] })
  expect(await world.call(owner, getWorkflow, { workflow: id })).toMatchObject({ workflow: { id } })
})

test('deleting a workflow takes its versions and deployments with it, and is audited', async () => {
  const { id } = await workflowWith(2)
  await world.call(owner, deployWorkflow, { workflow: id, environment: 'dev' })
  await world.call(owner, deleteWorkflow, { workflow: id })
  expect((await world.refused(owner, getWorkflow, { workflow: id })).code).toBe('not_found')
  const left = await world.db.read(scopeOf(owner), (tx) =>
    tx.rows('SELECT id FROM workflow_versions WHERE workflow_id = $1', [id]),
  )
  expect(left).toEqual([])
  expect(await world.call(owner, listAuditLog, { limit: 1 })).toMatchObject({
    entries: [{ action: 'delete_workflow', resource: id, outcome: 'success' }],
  })
})

test('a run for a customer there is not is refused before anything starts', async () => {
  const { id } = await workflowWith(1)
  expect(
    await world.refused(owner, runWorkflow, { workflow: id, customer: newId('customer') }),
  ).toMatchObject({ code: 'not_found' })
})
