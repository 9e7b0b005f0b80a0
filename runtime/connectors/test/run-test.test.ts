import { expect, test } from 'vitest'
import { runTest } from './run-test.ts'
import { buildShop, type Shop, shopActions } from './shop.fixture.ts'
import type { TestRequest, TestResult } from './test-state.ts'

const bounds = { maxCalls: 100, maxMs: 60_000, gapMs: 0 }

const tested = (shop: Shop, request: Partial<TestRequest> = {}): Promise<TestResult> =>
  runTest(shop.port, {
    definition: { actions: shopActions, schemas: {} },
    actions: shopActions.map(({ slug }) => slug),
    allowWrites: true,
    seed: 7,
    inputs: {},
    bounds,
    signal: new AbortController().signal,
    ...request,
  })

const verdictOf = ({ actions }: TestResult, slug: string) => {
  const found = actions.find(({ action }) => action === slug)
  if (found === undefined) throw new Error(`no verdict of ${slug}`)
  return found
}

test('things are made before they are read, changed and, last, deleted; ids come from answers, with the proof', async () => {
  const shop = buildShop()
  const result = await tested(shop)
  const order = result.actions.filter(({ verdict }) => verdict === 'passed').map(({ action }) => action)
  expect(order).toEqual([
    'list_orders',
    'create_order',
    'create_line',
    'get_order',
    'get_line',
    'update_order',
    'delete_order',
  ])
  expect(verdictOf(result, 'get_line').links).toEqual([
    { input: 'order_id', origin: 'created', from: 'create_line', pointer: null, trace: 'trc_4' },
    { input: 'line_id', origin: 'created', from: 'create_line', pointer: '/id', trace: 'trc_4' },
  ])
  expect(verdictOf(result, 'update_order').readBack).toMatchObject({
    action: 'get_order',
    compared: ['note'],
  })
})

test('what the user has is neither changed nor deleted, and nothing that names no single thing is', async () => {
  const shop = buildShop()
  const result = await tested(shop)
  expect(shop.orders.get('their-own')).toEqual({ id: 'their-own', name: 'of the user' })
  expect(verdictOf(result, 'delete_all_orders')).toMatchObject({
    verdict: 'skipped',
    problems: ['It may remove more than what the test made.'],
  })
  expect(shop.calls.filter(({ action }) => action === 'delete_all_orders')).toEqual([])
})

test('a thing named for an action may be changed, one named for all may not, and neither is deleted', async () => {
  const shop = buildShop()
  await tested(shop, { inputs: { '*': { order_id: 'their-own' } } })
  const changes = shop.calls.filter(({ action }) => action === 'update_order' || action === 'delete_order')
  expect(changes.map(({ input }) => input.order_id)).not.toContain('their-own')
  const named = buildShop()
  const inputs = { update_order: { order_id: 'their-own' }, delete_order: { order_id: 'their-own' } }
  await tested(named, { inputs, actions: ['update_order', 'delete_order'] })
  const calls = named.calls.map(({ action, input }) => `${action} ${input.order_id}`)
  expect(calls).toContain('update_order their-own')
  expect(calls).not.toContain('delete_order their-own')
})

test('without writes only reads are called, with ids that lists give', async () => {
  const shop = buildShop()
  const result = await tested(shop, { allowWrites: false })
  expect(shop.calls.map(({ action }) => action)).toEqual(['list_orders', 'get_order'])
  expect(verdictOf(result, 'get_order').links[0]).toMatchObject({ origin: 'found', pointer: '/data/0/id' })
  expect(verdictOf(result, 'create_order').problems[0]).toContain('allowWrites')
  expect(verdictOf(result, 'get_invoice').problems[0]).toContain('No answer gives invoice_id')
})

test('for one action the others it needs are called, and told', async () => {
  const shop = buildShop()
  const result = await tested(shop, { actions: ['get_line'] })
  expect(result.support.map(({ action }) => action)).toEqual(['list_orders', 'create_order', 'create_line'])
  expect(result.actions).toHaveLength(1)
  expect(verdictOf(result, 'get_line').verdict).toBe('passed')
  expect(shop.orders.size).toBe(1)
})

test('a write that is accepted and changes nothing fails', async () => {
  const shop = buildShop()
  shop.instead.update_order = () => ({ ok: true, output: {} })
  const result = await tested(shop)
  expect(verdictOf(result, 'update_order')).toMatchObject({ verdict: 'failed', check: 'data' })
  expect(verdictOf(result, 'update_order').problems[0]).toMatch(/^note was sent as "patchbay-test-7-/)
})

test('a deletion after which the thing is still there as it was fails, and the thing is told as left', async () => {
  const shop = buildShop()
  shop.instead.delete_order = () => ({ ok: true, status: 204 })
  const result = await tested(shop, { actions: ['create_order', 'delete_order'] })
  expect(verdictOf(result, 'delete_order')).toMatchObject({ verdict: 'failed', check: 'data' })
  expect(result.cleanup.left).toMatchObject([
    { madeBy: 'create_order', why: 'delete_order was answered 204, but it is still there' },
  ])
})

test('an answer that is not as described fails by its schema; one for another thing by its data', async () => {
  const shop = buildShop()
  shop.instead.list_orders = () => ({
    ok: true,
    output: { data: [] },
    warnings: ['output.total is required'],
  })
  shop.instead.get_order = () => ({ ok: true, output: { id: 'their-own' } })
  const result = await tested(shop)
  expect(verdictOf(result, 'list_orders')).toMatchObject({ verdict: 'failed', check: 'schema' })
  expect(verdictOf(result, 'get_order')).toMatchObject({ verdict: 'failed', check: 'data' })
})

test('what was made is deleted when an action fails, when it is stopped, and when something throws', async () => {
  const failing = buildShop()
  failing.instead.get_order = () => ({ ok: false, status: 500 })
  await tested(failing, { actions: ['create_order', 'get_order'] })
  expect([...failing.orders.keys()]).toEqual(['their-own'])

  const stopped = buildShop()
  const stop = new AbortController()
  stopped.instead.get_order = () => {
    stop.abort()
    return { ok: false, status: null, unknown: true }
  }
  const result = await tested(stopped, { signal: stop.signal })
  expect(result.stopped).toBe('It was stopped.')
  expect([...stopped.orders.keys()]).toEqual(['their-own'])

  const broken = buildShop()
  broken.instead.get_order = () => {
    throw new Error('the connection is gone')
  }
  await expect(tested(broken)).rejects.toThrow('the connection is gone')
  expect([...broken.orders.keys()]).toEqual(['their-own'])
})

test('what cannot be deleted is told: by no action, by a refusal, or because nobody knows whether it was made', async () => {
  const shop = buildShop()
  shop.instead.delete_order = () => ({ ok: false, status: 403 })
  const { cleanup } = await tested(shop)
  expect(cleanup.left.map(({ madeBy, why }) => [madeBy, why])).toEqual([
    ['create_line', 'no action of the connector deletes it'],
    ['create_order', 'delete_order failed: refused'],
  ])
  const lost = buildShop()
  lost.instead.create_order = () => ({ ok: false, status: null, unknown: true })
  expect((await tested(lost)).cleanup.left[0]?.why).toContain('may have been made all the same')
})

test('"not found" while cleaning up is no proof that a thing is gone', async () => {
  const shop = buildShop()
  shop.instead.delete_order = () => ({ ok: false, status: 404 })
  const { cleanup } = await tested(shop, { actions: ['create_order'] })
  expect(cleanup.deleted).toEqual([])
  expect(cleanup.left).toHaveLength(1)
})

test('the same seed makes the same inputs, another one others; names begin with the prefix', async () => {
  const inputs = async (seed: number) => {
    const shop = buildShop()
    await tested(shop, { seed })
    return shop.calls.filter(({ action }) => action === 'create_order').map(({ input }) => input)
  }
  expect(await inputs(7)).toEqual(await inputs(7))
  expect(await inputs(7)).not.toEqual(await inputs(8))
  expect((await inputs(7))[0]?.name).toMatch(/^patchbay-test-7-/)
})

test('calls end at the bound, and at an account that is refused', async () => {
  const shop = buildShop()
  const bounded = await tested(shop, { bounds: { ...bounds, maxCalls: 2 } })
  expect(bounded.stopped).toBe('Its 2 calls are used up.')
  const refused = buildShop()
  for (const { slug } of shopActions)
    refused.instead[slug] = () => ({ ok: false, status: 401, message: 'who are you' })
  const result = await tested(refused, { inputs: { '*': { order_id: 'a', invoice_id: 'b', line_id: 'c' } } })
  expect(refused.calls.length).toBeLessThan(shopActions.length)
  expect(result.stopped).toContain('401')
})
