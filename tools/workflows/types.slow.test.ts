import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTypedWorld, type TypedWorld } from './testing/typed-world.ts'

let world: TypedWorld
beforeAll(async () => {
  world = await openTypedWorld()
})
afterAll(() => world.server.close())

test('them wherever ctx comes from: another name, taken apart, a function named first', async () => {
  const bodies = [
    'export default async ({ connectors: { shop } }) => { await shop.nope() }',
    'export default async context => { await context.connectors.shop.nope() }',
    'export default async function (ctx = {}) { await ctx.connectors.shop.nope() }',
    'const main = async (ctx) => { await ctx.connectors.shop.nope() }\nexport default main',
    'export default async (ctx) => { type A = string; const é😀 = 1; await ctx.connectors.shop.nope() }'.replace(
      'é😀',
      'é',
    ),
    'export default async () => { const f = new Fastn({}); await f.connectors.shop.nope() }',
    'export default async (ctx: WorkflowContext<{ a: string }>) => { await ctx.connectors.shop.nope(); ctx.input.a }',
  ]
  for (const code of bodies) {
    const { issues } = await world.validate(code)
    expect([code, issues.map(({ message }) => message)]).toEqual([
      code,
      ["The connector 'shop' has no action 'nope'."],
    ])
    const at = code.split('\n')[0]?.indexOf('nope') ?? 0
    expect(issues[0]).toMatchObject({ line: 1, column: at + 1 })
  }
})

test('no file of the machine it runs on', async () => {
  const path = new URL('../../package.json', import.meta.url).pathname
  for (const code of [
    `/// <reference path="${path}" />\nexport default async (ctx: WorkflowContext) => 1`,
    `type Package = typeof import('${path}')\nconst a: Package = 5 as never\nexport default async () => a.name.zzz`,
  ]) {
    const answer = await world.tenant.ok('validate_workflow', { code })
    expect(JSON.stringify(answer)).not.toMatch(/Apache|patchbay"/)
  }
})
