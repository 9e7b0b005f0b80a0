import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Issue, openTypedWorld, type TypedWorld } from './testing/typed-world.ts'

/** What is wrong, a workflow's lines, and [line, column, what the message says, what the hint says]. */
const mistakes = [
  [
    'a misspelt action',
    'await ctx.connectors.shop.create_ordr({})',
    [
      1,
      27,
      "The connector 'shop' has no action 'create_ordr'. Did you mean 'create_order'?",
      'list_actions {"connector":"shop"}',
    ],
  ],
  [
    'a connector there is not',
    'await ctx.connectors.shopp.create_order({})',
    [1, 22, "There is no connector 'shopp'. Did you mean 'shop'?", 'list_connectors'],
  ],
  [
    'a misspelt field',
    "await ctx.connectors.shop.create_order({ sku: 'a', amount: 1, stat: 'open' })",
    [
      1,
      63,
      "'stat' does not exist in type 'CreateOrderInput'. Did you mean to write 'state'?",
      'shop.create_order takes sku*, amount*, evil, extra, far, state (* required).',
    ],
  ],
  [
    'a required field that is missing',
    "await ctx.connectors.shop.create_order({ sku: 'a' })",
    [1, 40, "Property 'amount' is missing", 'get_action {"connector":"shop","action":"create_order"}'],
  ],
  [
    'arguments that are missing altogether',
    'await ctx.connectors.shop.create_order()',
    [1, 27, 'Expected 1-2 arguments, but got 0.', 'sku*, amount*'],
  ],
  [
    'a value of another type',
    "await ctx.connectors.shop.raw.create_order({ sku: 'a', amount: 'many' })",
    [1, 56, "Type 'string' is not assignable to type 'number'.", 'shop.create_order takes'],
  ],
  [
    'a value that is none of those allowed',
    "await ctx.connectors.shop.create_order({ sku: 'a', amount: 1, state: 'closed' })",
    [1, 63, `Type '"closed"' is not assignable`, 'shop.create_order takes'],
  ],
  [
    'a field the output does not have',
    "const order = await ctx.connectors.shop.create_order({ sku: 'a', amount: 1 })\nreturn order.idd",
    [2, 14, "Property 'idd' does not exist", "write ['idd']"],
  ],
  [
    'a field the items of a list do not have',
    'for await (const order of ctx.connectors.shop.list_orders.items()) ctx.log.info(order.totl)',
    [1, 87, "Did you mean 'total'?", "['totl']"],
  ],
  [
    'a member ctx does not have',
    'await ctx.stat.get("a")',
    [1, 11, "ctx has no 'stat'. Did you mean 'state'?", 'generate_types'],
  ],
  [
    'a method that is misspelt',
    'await ctx.db.putt("a", "b", {})',
    [1, 14, "Did you mean 'put'?", 'Correct the name'],
  ],
  [
    'an argument of ctx of another type',
    'await ctx.cache.set("a", 1, { ttl: "5m" })',
    [1, 31, 'not assignable', 'generate_types'],
  ],
  ['a member of fastn', 'await fastn.stat.get("a")', [1, 13, "fastn has no 'stat'.", 'generate_types']],
  [
    'what the sandbox does not have',
    'return process.env.KEY',
    [1, 8, "'process' is not defined in workflows.", 'ctx.secrets'],
  ],
  [
    'a name that is misspelt',
    'const total = 1\nreturn totl',
    [2, 8, "'totl' is not defined in workflows. Did you mean 'total'?", 'Declare it'],
  ],
] as const

/** What works: [what it is, a workflow's lines]. */
const fine = [
  [
    'fields added later, changing types, dates that are subtracted, lists gathered',
    `
      const seen = {}
      seen.a = 1
      let total = 0
      total = total.toFixed(2)
      const age = new Date() - new Date(0)
      const byKey = [1, 2].reduce((all, n) => { all[n] = n; all.x = n; return all }, {})
      const rows = []
      for (const row of ctx.input.rows ?? []) rows.push({ ...row, age })
      let next = null
      do { next = (await ctx.db.query('a', { next })).next } while (next)
      function helper(a, b, options = {}) { return a + b + options.c }
      return { seen, total, byKey, rows, sum: helper(1) }`,
  ],
  [
    'arguments built up in variables',
    `
      const order = { sku: 'a', amount: 1, state: 'open' }
      if (ctx.input.extra) order.extra = { any: ['thing'] }
      const made = await ctx.connectors.shop.create_order(order)
      const more = { sku: 'b', amount: 2 }
      await ctx.connectors.shop['create_order'](more, { connection: 'cxn_1' })
      const name = ctx.input.action
      await ctx.connectors.shop[name]({ anything: 1 })
      return made['undescribed']`,
  ],
  [
    'lists, files, steps and waits',
    `
      const { items } = await ctx.connectors.shop.list_orders.collect({}, { maxItems: 5 })
      for await (const page of ctx.connectors.shop.list_orders.pages()) items.push(...page.items)
      const first = items[0].total.toFixed(2)
      const file = await ctx.files.save({ name: 'a.csv', content: 'x' })
      const text = (await ctx.files.read(file, { as: 'base64' })).length
      const made = await ctx.step('make', async (ctx) => ({ id: (await ctx.fetch('https://x.example')).data.id }))
      await ctx.sleep('5m'); await ctx.sleep(1000); await ctx.sleep({ until: new Date().toISOString() })
      const paid = await ctx.wait.event('paid', { timeout: '2 days' })
      const { approved, by } = await ctx.wait.approval({ title: 'Pay ' + made.id, data: { paid } })
      await ctx.workflows.map('other', items, { concurrency: 3 })
      const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text + first))
      try { await ctx.config.get('a') } catch (error) { ctx.log.warn(error.code, error.message) }
      await fastn.cache.set('a', 1, { scope: 'PROJECT', ttl: 5 }); await fastn.flow.invoke('x', {}, {})
      const order = await fastn.connector.shop.create_order({ sku: 'a', amount: 1 })
      return { approved, by, bytes: digest.byteLength, id: order.output.id, url: new URL('https://x').searchParams.get('a') }`,
  ],
] as const

let world: TypedWorld
const found = { js: [] as Issue[], ts: [] as Issue[] }
/** All mistakes in one workflow, each in a function of its own. */
const bodies = mistakes.map(([, body]) => `const _ = async () => {\n${body}\n}`)
const firstLineOf = (at: number) => 3 + bodies.slice(0, at).join('\n').split('\n').length - (at === 0 ? 1 : 0)

beforeAll(async () => {
  world = await openTypedWorld()
  const body = bodies.map((one, at) => one.replace('_', `f${at}`)).join('\n')
  for (const [language, parameter] of [
    ['js', 'ctx'],
    ['ts', 'ctx: WorkflowContext'],
  ] as const) {
    const { valid, issues } = await world.validate(`export default async (${parameter}) => {\n${body}\n}`)
    expect(valid).toBe(false)
    found[language] = issues
  }
})
afterAll(() => world.server.close())

describe('validate_workflow finds, with line, column and what to do,', () => {
  test.each(mistakes.map((one, at) => [...one, at] as const))(
    '%s',
    (_name, _body, [line, column, message, hint], at) => {
      for (const issues of [found.js, found.ts]) {
        const first = firstLineOf(at)
        const length = bodies[at]?.split('\n').length ?? 0
        const own = issues.filter((issue) => issue.line >= first && issue.line < first + length)
        expect(own).toHaveLength(1)
        expect(own[0]).toMatchObject({ line: first + line - 1, column })
        expect(own[0]?.message).toContain(message)
        expect(own[0]?.hint).toContain(hint)
      }
    },
  )

  test('nothing twice that another check has found', async () => {
    const { issues } = await world.validate(
      "export default async () => {\nsetTimeout(() => 1, 5)\nrequire('fs')\n}",
    )
    expect(issues.map(({ line, message }) => [line, message])).toEqual([
      [2, 'setTimeout() is not available in workflows.'],
      [3, 'require() is not available in workflows.'],
    ])
  })
})

test.each(['js', 'ts'])('validate_workflow says nothing of what works: %s', async (language) => {
  // A type annotation makes it TypeScript, where values are given one type.
  const asTs = (body: string) =>
    body
      .replace('order = {', 'order: any = {')
      .replace('total = 0', 'total: any = 0')
      .replace('helper(1)', 'helper(1, 2)')
  const functions = fine.map(
    ([, body], at) => `const f${at} = async () => {${language === 'ts' ? asTs(body) : body}}`,
  )
  const { issues } = await world.validate(`export default async (ctx) => {\n${functions.join('\n')}\n}`)
  expect(issues).toEqual([])
})

test('publishing tells of the same, and publishes', async () => {
  const code = "export default async (ctx) => ctx.connectors.shop.create_order({ sku: 'a' })"
  await world.tenant.ok('create_workflow', { name: 'W', slug: 'warned', code })
  const { version, warnings } = await world.tenant.ok('publish_workflow', { workflow: 'warned' })
  expect(version.version).toBe(1)
  expect(warnings).toHaveLength(1)
  expect(warnings[0].message).toContain("'amount' is missing")
})

test('types are the same each time, declare what is named, and hold nothing a schema smuggles in', async () => {
  const [one, two] = [
    await world.tenant.ok('generate_types', { connectors: ['shop', 'petstore'] }),
    await world.tenant.ok('generate_types', { connectors: ['petstore', 'shop'] }),
  ]
  expect(one).toEqual(two)
  expect(one.connectors).toEqual(['petstore', 'shop'])
  expect(one.types).toMatch(/\* Shop\n\s+\* Sells \* \/ things\./)
  expect(one.types).toMatch(/\* What is \* \/ ordered\.\n\s+\*\/\n\s+sku: string/)
  expect(one.types).toContain('shop: ShopTypes.Actions')
  expect(one.types).not.toMatch(/injected|root:x/)
  const none = await world.tenant.ok('generate_types', {})
  expect(none.types).toContain('shop: AnyActions')
  expect((await world.tenant.call('generate_types', { connectors: ['nope'] })).status).toBe(404)
})
