import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Actor } from '../../core/actor.ts'
import type * as Prepare from '../../runtime/sandbox/prepare.ts'
import { openWorld, type World } from '../connections/testing/world.ts'
import { createWorkflow } from '../workflows/create-workflow.ts'
import { publishWorkflow } from '../workflows/publish-workflow.ts'
import { diffConnectorVersions } from './diff-connector-versions.ts'
import { importSpec } from './import-spec.ts'

const { seen } = vi.hoisted(() => ({ seen: { open: 0, parsedIn: [] as number[] } }))

// The real parser, which notes whether a transaction is open while it works.
vi.mock('../../runtime/sandbox/prepare.ts', async (original) => {
  const real = await original<typeof Prepare>()
  return {
    ...real,
    validateWorkflow: (source: string) => {
      seen.parsedIn.push(seen.open)
      return real.validateWorkflow(source)
    },
  }
})

const spec = (...paths: string[]) =>
  JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Shop', version: '1' },
    servers: [{ url: 'https://shop.example' }],
    paths: Object.fromEntries(
      paths.map((path) => [
        `/${path}`,
        { get: { operationId: path, responses: { 200: { description: 'ok' } } } },
      ]),
    ),
  })

describe('what a change of a connector reaches', () => {
  let world: World
  let owner: Actor

  beforeAll(async () => {
    world = await openWorld()
    owner = await world.organization()
    const counted = <A extends unknown[], T>(work: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        seen.open += 1
        try {
          return await work(...args)
        } finally {
          seen.open -= 1
        }
      }
    }
    world.db.tenant = counted(world.db.tenant) as typeof world.db.tenant
    world.db.read = counted(world.db.read) as typeof world.db.read
  })
  afterAll(() => world.close())

  test('workflows are parsed while no transaction is open, and told with the actions they call', async () => {
    await world.call(owner, importSpec, { spec: spec('orders', 'stock') })
    await world.call(owner, createWorkflow, {
      slug: 'sync',
      name: 'Sync',
      code: 'export default async (ctx) => [await ctx.connectors.shop.stock({}), await ctx.connectors.shop.orders({})]',
    })
    await world.call(owner, publishWorkflow, { workflow: 'sync' })
    const reached = [{ workflow: 'sync', version: 1, deployed: false, actions: ['stock'] }]
    const newer = { spec: spec('orders'), onConflict: 'replace' }
    const calls: [unknown, object][] = [
      [importSpec, { ...newer, preview: true }],
      [importSpec, newer],
      [diffConnectorVersions, { connector: 'shop', from: 1 }],
    ]
    for (const [tool, input] of calls) {
      seen.parsedIn.length = 0
      const { impact } = await world.call<{ impact: object }>(owner, tool, input)
      expect(impact).toMatchObject({ workflows: reached, connections: 0, pinnedCustomers: [] })
      expect(seen.parsedIn).toEqual([0])
    }
  })
})
