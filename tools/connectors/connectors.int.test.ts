import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { listAuditLog } from '../organization/list-audit-log.ts'
import { createAction } from './create-action.ts'
import { createConnector } from './create-connector.ts'
import { deleteAction } from './delete-action.ts'
import { deleteConnector } from './delete-connector.ts'
import { exportConnector } from './export-connector.ts'
import { getAction } from './get-action.ts'
import { getConnector } from './get-connector.ts'
import { importConnector } from './import-connector.ts'
import { importSpec } from './import-spec.ts'
import { listActions } from './list-actions.ts'
import { listConnectors } from './list-connectors.ts'
import { storeConnector } from './store-connector.ts'
import { updateAction } from './update-action.ts'
import { updateConnector } from './update-connector.ts'

interface Shown {
  connector: { id: string; slug: string; actionCount: number; revision: number }
}

let world: World
let owner: Actor
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
})
afterAll(() => world.close())

const shop = { name: 'Shop', baseUrl: 'https://shop.example.com/v1' }
const order = {
  slug: 'get_order',
  name: 'Get an order',
  path: '/orders/{id}',
  parameters: [{ name: 'id', in: 'path' }],
  inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
}

describe('a connector made by hand', () => {
  test('gets a slug from its name, lists what a connection needs, and a taken slug is a conflict', async () => {
    const authMethods = [
      { slug: 'key', type: 'api_key', name: 'Key', parameterName: 'X-Key' },
      { slug: 'login', type: 'basic_auth', name: 'Login' },
    ]
    const made = await world.call<Shown>(owner, createConnector, {
      ...shop,
      name: 'Acme Billing API v2',
      authMethods,
    })
    expect(made.connector.slug).toBe('acmeBilling')
    expect(await world.call(owner, getConnector, { connector: 'acmeBilling' })).toMatchObject({
      connector: {
        authMethods: [
          { slug: 'key', credentialFields: [{ name: 'apiKey', secret: true, optional: false }] },
          { slug: 'login', credentialFields: [{ name: 'username' }, { name: 'password', optional: true }] },
        ],
      },
    })
    const again = { ...shop, name: 'x', slug: 'acmeBilling' }
    expect(await world.refused(owner, createConnector, again)).toMatchObject({
      code: 'conflict',
      where: 'slug',
    })
  })

  test('an action is added with defaults filled in, changed in part, and taken out', async () => {
    const connector = 'byHand'
    await world.call(owner, createConnector, { ...shop, slug: connector })
    const added = await world.call(owner, createAction, { connector, ...order })
    expect(added.action).toMatchObject({
      effect: 'read',
      idempotent: true,
      parameters: [{ inputKey: 'id', required: true, style: 'simple', explode: false }],
    })
    await world.call(owner, updateAction, { connector, action: 'get_order', description: 'One order.' })
    const shown = await world.call(owner, getAction, { connector, action: 'get_order' })
    expect(shown).toMatchObject({
      action: { description: 'One order.', path: '/orders/{id}' },
      inputSchema: order.inputSchema,
      outputSchema: null,
    })
    await world.call(owner, deleteAction, { connector, action: 'get_order' })
    expect(await world.refused(owner, getAction, { connector, action: 'get_order' })).toMatchObject({
      code: 'not_found',
    })
  })

  test('a change that would break an action is refused and nothing changes', async () => {
    const connector = 'holds'
    await world.call(owner, createConnector, { ...shop, slug: connector })
    await world.call(owner, createAction, { connector, ...order })
    for (const change of [
      { path: '/orders/{orderId}' },
      { path: '/orders' },
      { auth: ['nope'] },
      { inputSchema: { type: 'array' } },
    ]) {
      const error = await world.refused(owner, updateAction, { connector, action: 'get_order', ...change })
      expect(error.code).toBe('invalid_input')
    }
    expect(await world.call(owner, getAction, { connector, action: 'get_order' })).toMatchObject({
      action: { path: '/orders/{id}' },
    })
    expect(await world.refused(owner, createAction, { connector, ...order })).toMatchObject({
      code: 'conflict',
    })
  })

  test('a part left out of an update stays, null takes the verification away', async () => {
    const connector = 'parts'
    await world.call(owner, createConnector, { ...shop, slug: connector, domain: 'shop.example.com' })
    await world.call(owner, createAction, { connector, ...order, slug: 'me', path: '/me', parameters: [] })
    await world.call(owner, updateConnector, { connector, verification: { action: 'me' } })
    const renamed = await world.call(owner, updateConnector, { connector, name: 'Renamed' })
    expect(renamed.connector).toMatchObject({
      name: 'Renamed',
      domain: 'shop.example.com',
      baseUrl: shop.baseUrl,
      verification: { action: 'me', input: {} },
    })
    expect(await world.refused(owner, deleteAction, { connector, action: 'me' })).toMatchObject({
      code: 'conflict',
    })
    const without = await world.call(owner, updateConnector, { connector, verification: null })
    expect(without.connector).toMatchObject({ verification: null })
    expect(
      await world.refused(owner, updateConnector, { connector, verification: { action: 'none' } }),
    ).toMatchObject({ code: 'invalid_input' })
  })

  test('every change of a connector or its actions counts a revision and names it in the audit log', async () => {
    const connector = 'counted'
    const { connector: made } = await world.call<Shown>(owner, createConnector, { ...shop, slug: connector })
    await world.call(owner, createAction, { connector, ...order })
    await world.call(owner, updateAction, { connector, action: 'get_order', name: 'x' })
    await world.call(owner, deleteAction, { connector, action: 'get_order' })
    const { connector: after } = await world.call<Shown>(owner, updateConnector, { connector, name: 'y' })
    expect(after.revision - made.revision).toBe(4)
    const log = await world.call<{ entries: { resource: string }[] }>(owner, listAuditLog, {
      action: 'update_connector',
    })
    expect(log.entries[0]?.resource).toBe(made.id)
  })
})

describe('import and export', () => {
  test('what is exported imports as the same document', async () => {
    await importPetstore(owner, 'exported')
    const { definition } = await world.call<{ definition: object }>(owner, exportConnector, {
      connector: 'exported',
    })
    const other = await world.organization()
    await world.call(other, importConnector, { definition })
    expect(await world.call(other, exportConnector, { connector: 'exported' })).toEqual({ definition })
  })

  test('a definition that does not hold together is refused whole, naming each problem', async () => {
    await importPetstore(owner, 'broken')
    const { definition } = await world.call<{ definition: { actions: { path: string }[] } }>(
      owner,
      exportConnector,
      { connector: 'broken' },
    )
    const actions = definition.actions.map((action) => ({ ...action, path: '/other/{nope}' }))
    const error = await world.refused(owner, importConnector, {
      definition: { ...definition, slug: 'half', actions },
    })
    expect(error).toMatchObject({ code: 'invalid_input' })
    expect(error.message).toContain('{nope}')
    expect(await world.refused(owner, getConnector, { connector: 'half' })).toMatchObject({
      code: 'not_found',
    })
  })

  test('a connector is stored whole or not at all', async () => {
    const stranger = await world.organization()
    await importPetstore(stranger, 'whole')
    const { definition } = await world.call<{ definition: ConnectorDefinition }>(stranger, exportConnector, {
      connector: 'whole',
    })
    // The second of two actions of one slug breaks the insert, after the connector's own.
    const broken = { ...definition, slug: 'half', actions: [...definition.actions, ...definition.actions] }
    await expect(
      world.db.tenant(scopeOf(stranger), (tx) => storeConnector(tx, stranger, broken, 'fail')),
    ).rejects.toMatchObject({ code: '23505' })
    expect(await world.call(stranger, listConnectors)).toMatchObject({ connectors: [{ slug: 'whole' }] })
  })

  test('a slug that exists is a conflict; replace keeps the id, the ids of its actions, and the verification', async () => {
    const { connector } = await importPetstore(owner, 'again')
    await world.call(owner, updateConnector, { connector: 'again', verification: { action: 'list_pets' } })
    const before = await world.call(owner, getAction, { connector: 'again', action: 'list_pets' })
    expect(await world.refused(owner, importSpec, { spec: petstore(), slug: 'again' })).toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining("onConflict: 'replace'"),
    })
    const replaced = await world.call<Shown & { replaced: boolean }>(owner, importSpec, {
      spec: petstore(),
      slug: 'again',
      onConflict: 'replace',
      include: { operations: ['listPets'] },
    })
    expect(replaced).toMatchObject({
      replaced: true,
      connector: { id: connector.id, actionCount: 1, verification: { action: 'list_pets' } },
      report: { imported: 1, excluded: 2, skipped: [] },
    })
    const after = await world.call(owner, getAction, { connector: 'again', action: 'list_pets' })
    expect((after.action as { id: string }).id).toBe((before.action as { id: string }).id)
  })

  test('replacing takes the permission to update', async () => {
    const maker = { ...actorLike(owner, 'developer'), permissions: new Set(['connectors.create'] as const) }
    expect(
      await world.refused(maker, importSpec, { spec: petstore(), slug: 'again', onConflict: 'replace' }),
    ).toMatchObject({ code: 'forbidden' })
  })

  test('a document is fetched by address, and its relative server is on that host', async () => {
    const { url, server } = await serve((path) =>
      path === '/petstore.yaml'
        ? { status: 200, body: petstore().replace('http://petstore.swagger.io/v1', '/api/v1') }
        : { status: 404, body: 'gone' },
    )
    const { connector } = await world.call<{ connector: { baseUrl: string } }>(owner, importSpec, {
      url: `${url}/petstore.yaml`,
      slug: 'fetched',
    })
    expect(connector.baseUrl).toBe(`${url}/api/v1`)
    expect(await world.refused(owner, importSpec, { url: `${url}/none`, slug: 'none' })).toMatchObject({
      code: 'upstream_error',
      data: { status: 404 },
    })
    server.close()
  })

  test('an address that cannot be fetched is told by the field that named it', async () => {
    const { url, server } = await serve(() => ({ status: 200, body: '' }))
    await new Promise((resolve) => server.close(resolve))
    expect(await world.refused(owner, importSpec, { url: `${url}/openapi.json` })).toMatchObject({
      code: 'upstream_error',
      where: 'url',
      hint: expect.stringMatching(/^Check the address/),
      retryable: true,
    })
  })

  test('an address inside the network is refused, and so are two sources at once', async () => {
    expect(await world.refused(owner, importSpec, { url: 'http://169.254.169.254/spec' })).toMatchObject({
      code: 'forbidden',
    })
    expect(await world.refused(owner, importSpec, { url: 'http://a.example/x', spec: 'x' })).toMatchObject({
      code: 'invalid_input',
    })
  })
})

const githubSpec = 'node_modules/@octokit/openapi/generated/api.github.com.json'
describe.skipIf(!existsSync(githubSpec))("GitHub's whole API (needs @octokit/openapi)", () => {
  test('is imported, searched by what one wants to do, and every action read in bounded size', async () => {
    const spec = readFileSync(githubSpec, 'utf8')
    const { report, connector } = await world.call<
      Shown & { report: { operations: number; imported: number; skipped: unknown[] } }
    >(owner, importSpec, { spec, slug: 'github' })
    expect(report.imported + report.skipped.length).toBe(report.operations)
    expect(connector.actionCount).toBe(report.imported)
    expect(report.imported).toBeGreaterThan(500)
    expect(JSON.stringify(report).length).toBeLessThan(40_000)

    for (const [query, wanted] of [
      ['create an issue comment', 'issues_create_comment'],
      ['list repository webhooks', 'repos_list_webhooks'],
      ['merge a pull request', 'pulls_merge'],
    ] as const) {
      const { actions } = await world.call<{ actions: { slug: string }[] }>(owner, listActions, {
        connector: 'github',
        query,
        limit: 5,
      })
      expect(actions.map(({ slug }) => slug)).toContain(wanted)
    }
    const action = await world.call(owner, getAction, { connector: 'github', action: 'pulls_get' })
    expect(JSON.stringify(action).length).toBeLessThan(100_000)
    expect(JSON.stringify(action)).not.toContain('#/schemas/')
  })

  test('pages through all actions, each once', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: { actions: { slug: string }[]; nextCursor: string | null } = await world.call(
        owner,
        listActions,
        { connector: 'github', limit: 200, cursor },
      )
      seen.push(...page.actions.map(({ slug }) => slug))
      cursor = page.nextCursor
    } while (cursor !== null)
    const { connector } = await world.call<Shown>(owner, getConnector, { connector: 'github' })
    expect(new Set(seen).size).toBe(connector.actionCount)
    expect(seen).toHaveLength(connector.actionCount)
  })
})

test('a part of a word finds actions when no whole word does', async () => {
  await importPetstore(owner, 'fragments')
  const { actions } = await world.call<{ actions: { slug: string }[] }>(owner, listActions, {
    connector: 'fragments',
    query: 'ist_pe',
  })
  expect(actions.map(({ slug }) => slug)).toEqual(['list_pets'])
})

test("another organization's connectors and actions are not found by any tool", async () => {
  const { connector } = await importPetstore(owner, 'ours')
  const stranger = await world.organization()
  const action = 'list_pets'
  for (const ref of ['ours', connector.id]) {
    for (const [tool, input] of [
      [getConnector, {}],
      [updateConnector, { name: 'x' }],
      [deleteConnector, { force: true }],
      [exportConnector, {}],
      [createAction, order],
      [listActions, {}],
      [getAction, { action }],
      [updateAction, { action, name: 'x' }],
      [deleteAction, { action }],
    ] as const) {
      expect(await world.refused(stranger, tool, { connector: ref, ...input }), tool.name).toMatchObject({
        code: 'not_found',
      })
    }
  }
  expect(await world.call(stranger, listConnectors)).toMatchObject({ connectors: [] })
  expect(await world.call(owner, getConnector, { connector: 'ours' })).toMatchObject({
    connector: { id: connector.id },
  })
})

function petstore(): string {
  return readFileSync(new URL('./testing/petstore.yaml', import.meta.url), 'utf8')
}

const importPetstore = (actor: Actor, slug: string) =>
  world.call<Shown>(actor, importSpec, { spec: petstore(), slug })

async function serve(
  answer: (path: string) => { status: number; body: string },
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '')
    response.writeHead(status).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}
