import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from '../../server/cli/program.ts'
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

test('patchbay types prints declarations for a file, not JSON, and fails for a connector there is not', async () => {
  const patchbay = async (args: string[]) => {
    let stdout = ''
    const code = await runCli(args, {
      stdin: Readable.from([]),
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: () => true },
      env: { PATCHBAY_URL: world.server.url, PATCHBAY_API_KEY: world.tenant.ownerKey },
    })
    return { code, stdout }
  }
  const all = await patchbay(['types'])
  expect(all.code).toBe(0)
  expect(all.stdout).toContain('\ninterface WorkflowContext<Input = any> {\n')
  expect(all.stdout).toContain('declare namespace PetstoreTypes {')
  expect((await patchbay(['types', 'shop'])).stdout).not.toContain('PetstoreTypes {')
  expect((await patchbay(['types', 'nope'])).code).toBe(5)
})
