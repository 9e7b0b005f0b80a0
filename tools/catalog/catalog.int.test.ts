import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Actor } from '../../core/actor.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import type { AnyTool } from '../define-tool.ts'
import { mayCall } from '../invoke.ts'
import { loadTools, type Registry } from '../registry.ts'
import { toolSchema } from '../tool-schema.ts'
import { callTool } from './call-tool.ts'
import { describeTool } from './describe-tool.ts'
import { rankTools } from './rank-tools.ts'
import { searchTools } from './search-tools.ts'

let world: World
let owner: Actor
let viewer: Actor
let registry: Registry
beforeAll(async () => {
  registry = await loadTools()
  world = await openWorld()
  owner = await world.organization()
  viewer = actorLike(owner, 'viewer')
  world.services.catalog = {
    visibleTo: (actor) => registry.all.filter((tool) => mayCall(actor, tool)),
    call: (name, input, { actor }) => world.call(actor, registry.get(name), input),
  }
})
afterAll(() => world.close())

interface Found {
  tools: { name: string; description: string }[]
}

const search = async (query: string, actor = owner, more: object = {}): Promise<string[]> =>
  (await world.call<Found>(actor, searchTools, { query, ...more })).tools.map(({ name }) => name)

test.each([
  ['run a workflow', 'run_workflow'],
  ['retry a failed run', 'replay_execution'],
  ['replay what failed for good', 'replay_dead_letter'],
  ['remove a tenant', 'delete_customer'],
  ['roll back', 'rollback_workflow'],
  ['new customer', 'create_customer'],
  ['webhok secret', 'rotate_webhook_secret'],
  ['why did the execution fail', 'get_execution'],
  ['publish version', 'publish_workflow'],
  ['who am I', 'whoami'],
])('“%s” finds %s among the first three', async (query, name) => {
  expect((await search(query)).slice(0, 3)).toContain(name)
})

test('search shows a sentence each, as many as asked for, of one toolset', async () => {
  const { tools } = await world.call<Found>(owner, searchTools, {
    query: 'workflow',
    limit: 2,
    toolset: 'workflows',
  })
  expect(tools).toHaveLength(2)
  for (const { description } of tools) expect(description).toMatch(/^[^.]*\.$/)
  const inActivity = await search('workflow', owner, { toolset: 'activity', limit: 100 })
  expect(inActivity.map((name) => registry.get(name)?.toolset)).toEqual(inActivity.map(() => 'activity'))
  expect(await search('zzzzqqqq')).toEqual([])
})

test('a tool the key may not call is neither found, described nor called', async () => {
  expect(await search('delete workflow')).toContain('delete_workflow')
  expect(await search('delete workflow', viewer, { limit: 100 })).not.toContain('delete_workflow')
  for (const name of ['delete_workflow', 'no_such_tool']) {
    expect((await world.refused(viewer, describeTool, { name })).code).toBe('not_found')
    expect((await world.refused(viewer, callTool, { name })).code).toBe('not_found')
  }
})

test('what describe_tool says is enough to call it', async () => {
  const described = await world.call<{ inputSchema: object; http: string }>(owner, describeTool, {
    name: 'create_customer',
  })
  expect(described).toMatchObject({
    toolset: 'customers',
    effect: 'write',
    permission: 'customers.manage',
    http: 'POST /customers',
    inputSchema: { required: ['name'], properties: { name: { description: expect.any(String) } } },
  })
  const input = { name: 'Initech' }
  expect(new Ajv2020({ strict: false, validateFormats: false }).validate(described.inputSchema, input)).toBe(
    true,
  )
  expect(await world.call(owner, callTool, { name: 'create_customer', arguments: input })).toMatchObject({
    result: { customer: { slug: 'initech' } },
  })
})

test('call_tool passes on the error of the tool it calls, and does not call itself', async () => {
  expect(
    await world.refused(owner, callTool, { name: 'get_customer', arguments: { customer: 'x' } }),
  ).toMatchObject({
    code: 'not_found',
    message: "No customer 'x'.",
  })
  expect(await world.refused(owner, callTool, { name: 'create_customer' })).toMatchObject({
    code: 'invalid_input',
    where: 'name',
  })
  expect((await world.refused(owner, callTool, { name: 'call_tool' })).code).toBe('invalid_input')
})

describe('every tool', () => {
  const owned = ['workflows', 'triggers', 'activity', 'catalog']
  const all = () => registry.all.filter((tool) => owned.includes(tool.toolset))

  test('describes each of its input fields', () => {
    for (const tool of all()) {
      const properties = toolSchema(tool, 'input').properties as Record<string, { description?: string }>
      for (const [field, schema] of Object.entries(properties))
        expect(schema.description, `${tool.name}.${field}`).toMatch(/\w/)
    }
  })

  test('has schemas a validator accepts, with no format that clients do not know', () => {
    const complaints: string[] = []
    const complain = (...said: unknown[]) => complaints.push(said.join(' '))
    const logger = { log: complain, warn: complain, error: complain }
    const ajv = addFormats.default(new Ajv2020({ strict: false, logger }))
    for (const tool of registry.all) {
      for (const io of ['input', 'output'] as const) {
        expect(() => ajv.compile(toolSchema(tool, io)), tool.name).not.toThrow()
        expect(complaints.splice(0), `${tool.name}, ${io}`).toEqual([])
      }
    }
  })

  test('is found by its own title', () => {
    for (const tool of registry.all as AnyTool[])
      expect(
        rankTools(registry.all, tool.title)
          .slice(0, 5)
          .map(({ name }) => name),
        tool.title,
      ).toContain(tool.name)
  })
})
