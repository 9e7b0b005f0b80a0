import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readScript } from '../../evals/models/script.ts'
import { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import { Concurrency } from '../../tools/workflows/settings.ts'
import { checkPlan, type KnownAction } from './check-plan.ts'
import { inputSchemaOf } from './input-schema.ts'
import { planDocument } from './plan-document.ts'
import { runsAtOnce } from './runs-at-once.ts'
import { fieldNames, findField } from './schema-field.ts'

const script = readScript(new URL('../../demo/played-build.json', import.meta.url).pathname)
const good = script.turns.flatMap(
  ({ json }) => IntegrationPlan.safeParse(json).data ?? [],
)[0] as IntegrationPlan
const text = { type: 'string' }
const known: Record<string, Pick<KnownAction, 'inputSchema' | 'outputSchema'>> = {
  list_invoices: {
    inputSchema: { type: 'object', properties: { reference: text }, required: ['reference'] },
    outputSchema: null,
  },
  list_customers: {
    inputSchema: { type: 'object', properties: { email: text } },
    outputSchema: {
      $ref: '#/$defs/Found',
      $defs: {
        Found: {
          type: 'object',
          properties: { customers: { type: 'array', items: { $ref: '#/$defs/Customer' } } },
        },
        Customer: {
          allOf: [
            { type: 'object', properties: { id: text } },
            { properties: { parent: { $ref: '#/$defs/Customer' } } },
          ],
        },
      },
    },
  },
  create_invoice: {
    inputSchema: {
      type: 'object',
      properties: { customerId: text, reference: text, amountCents: { type: 'integer' }, currency: text },
      required: ['customerId', 'reference', 'amountCents', 'currency'],
    },
    outputSchema: null,
  },
}
const find = async (connector: string, action: string): Promise<KnownAction | undefined> => {
  const schemas = connector === 'ledger' ? known[action] : undefined
  return schemas && { connector, action, description: '', effect: 'read', ...schemas }
}
const spoilt = (spoil: (plan: IntegrationPlan) => void): IntegrationPlan => {
  const plan = structuredClone(good)
  spoil(plan)
  return plan
}
const mapping = (plan: IntegrationPlan, n: number) => plan.mappings[n] as IntegrationPlan['mappings'][number]

test('the demo’s plan holds; each way to spoil it is named', async () => {
  expect(await checkPlan(good, find)).toEqual([])
  const problems = async (spoil: (plan: IntegrationPlan) => void) =>
    (await checkPlan(spoilt(spoil), find)).join('\n')
  expect(await problems((plan) => Object.assign(plan.actions[0] ?? {}, { connector: 'shop' }))).toContain(
    "no action 'shop.list_invoices'",
  )
  expect(await problems((plan) => Object.assign(mapping(plan, 4), { target: 'amount' }))).toMatch(
    /takes no 'amount'[\s\S]*needs 'amountCents'/,
  )
  expect(await problems((plan) => void plan.mappings.pop())).toContain(
    "needs 'currency', and no mapping fills it",
  )
  expect(
    await problems((plan) => Object.assign(mapping(plan, 0), { source: 'input.order.number' })),
  ).toContain("input has no 'order.number'")
  expect(
    await problems((plan) =>
      Object.assign(mapping(plan, 2), { source: 'steps.find_customer.customers[].uid' }),
    ),
  ).toContain("has no 'customers[].uid'")
  expect(
    await problems((plan) => Object.assign(mapping(plan, 0), { source: 'steps.create_invoice.id' })),
  ).toContain("'create_invoice' does not run before")
  expect(await problems((plan) => Object.assign(mapping(plan, 0), { source: 'order.id' }))).toContain(
    'must be input.<path> or steps',
  )
  expect(await problems((plan) => Object.assign(mapping(plan, 0), { fixed: 'both' }))).toContain(
    'either source or fixed',
  )
  expect(await problems((plan) => Object.assign(mapping(plan, 0), { step: 'other' }))).toContain(
    "no step 'other'",
  )
  expect(await problems((plan) => plan.actions.push({ ...good.actions[0] } as never))).toContain(
    "Two steps are called 'find_invoice'",
  )
  expect(await problems((plan) => Object.assign(plan, { duplicateKey: 'order.number' }))).toContain(
    "duplicateKey: the plan's input has no 'order.number'",
  )
})

test('what comes twice at once goes one after the other: by the plan’s key, or all of it', () => {
  const bound = (type: 'webhook' | 'schedule' | 'manual', duplicateKey: string | null) => {
    const plan = spoilt((one) => Object.assign(one, { duplicateKey, trigger: { ...one.trigger, type } }))
    const told = planDocument(plan)
      .split('## Duplicates')[1]
      ?.split('##')[0]
      ?.trim()
      .slice(plan.duplicates.length)
    return [runsAtOnce(plan)?.key, told]
  }
  const byOrder = ['input.order.id', ' Runs with the same `order.id` go one after the other.']
  expect(bound('webhook', 'order.id')).toEqual(byOrder)
  expect(bound('manual', 'order.id')).toEqual(byOrder)
  expect(bound('webhook', null)).toEqual([null, ' Its runs go one after the other.'])
  expect(bound('schedule', null)).toEqual([null, ' Its runs go one after the other.'])
  expect(bound('manual', null)).toEqual([undefined, ''])
  expect(Concurrency.parse(runsAtOnce(good))).toEqual({
    limit: 1,
    key: 'input.order.id',
    hold: 'until_ended',
  })
  for (const path of ['orders[].id', 'order id', 'order.', '$.order', ''])
    expect(IntegrationPlan.safeParse({ ...good, duplicateKey: path }).success, path).toBe(false)
})

test('a schedule needs a cron expression that comes, and only a schedule has one', () => {
  const withTrigger = (type: string, cron: string | null) =>
    IntegrationPlan.safeParse({ ...good, trigger: { ...good.trigger, type, cron } }).success
  expect(withTrigger('schedule', '0 6 * * *')).toBe(true)
  for (const [type, cron] of [
    ['schedule', null],
    ['schedule', '0 0 30 2 *'],
    ['webhook', '0 6 * * *'],
  ] as const)
    expect(withTrigger(type, cron)).toBe(false)
})

test('a field that a schema has is found wherever it lies; recursion ends', () => {
  const schema = known.list_customers?.outputSchema
  expect(findField(schema, 'customers[].parent.parent.id')).toBe('there')
  expect(findField(schema, 'customers[0].id')).toBe('there')
  expect(findField(schema, 'customers.id')).toBe('absent')
  expect(findField({ type: 'object' }, 'anything')).toBe('unknown')
  expect(fieldNames(schema)).toEqual(['customers'])
  const name = fc.stringMatching(/^[a-z]{1,6}$/)
  fc.assert(
    fc.property(fc.array(fc.oneof(name, fc.constant('[]')), { minLength: 1, maxLength: 8 }), (path) => {
      const schema = path.reduceRight<object>(
        (inner, part) =>
          part === '[]' ? { type: 'array', items: inner } : { type: 'object', properties: { [part]: inner } },
        { type: 'string' },
      )
      const written = path.join('.').replaceAll('.[]', '[]')
      expect(findField(schema, written)).toBe('there')
      expect(findField({ anyOf: [{ type: 'null' }, schema] }, written)).toBe('there')
      expect(findField(schema, `${written}.no_such`)).toBe('absent')
    }),
  )
})

test('the input schema has each planned field, described, and demands the required ones', () => {
  const field = { type: 'string', required: true, description: 'What it is.', example: 'x' } as const
  const schema = inputSchemaOf({
    input: [
      { ...field, path: 'order', type: 'object', required: false },
      { ...field, path: 'order.lines[].sku' },
      { ...field, path: 'note', required: false },
    ],
  })
  for (const path of ['order', 'order.lines[].sku', 'note']) expect(findField(schema, path)).toBe('there')
  expect(schema).toMatchObject({
    required: ['order'],
    properties: {
      order: {
        type: 'object',
        description: 'What it is.',
        properties: { lines: { items: { required: ['sku'] } } },
      },
    },
  })
})

test('the document shows every mapping and cannot be broken by a bar in a text', () => {
  const document = planDocument(spoilt((plan) => Object.assign(mapping(plan, 0), { reason: 'a | b' })))
  for (const { step, target } of good.mappings) expect(document).toContain(`${step}.${target}`)
  expect(document).toContain('a \\| b')
})
