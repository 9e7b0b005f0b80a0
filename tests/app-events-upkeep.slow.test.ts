import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildSubscriptions, type Subscriptions } from '../runtime/triggers/subscriptions.ts'
import { createTestDatabase } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startServerProcess } from './setup/server-process.ts'
import { connectShop, ORDER_PAID, type Shop } from './setup/shop.ts'

let platform: TestPlatform
let tenant: Tenant
/** As many processes would have them. */
let keepers: Subscriptions[]
const shops: Shop[] = []
beforeAll(async () => {
  platform = await startTestPlatform()
  const { db, log, services } = platform.platform
  const { vault, connections } = services
  keepers = Array.from({ length: 4 }, () =>
    buildSubscriptions({ db, vault, connections, publicUrl: platform.url, log }),
  )
})
afterAll(() => platform.close())
beforeEach(async () => {
  tenant = await platform.organization()
})
afterEach(async () => {
  for (const shop of shops.splice(0)) await shop.close()
})

const connected = async (ok: Tenant['ok'], options: Parameters<typeof connectShop>[1]): Promise<Shop> => {
  const shop = await connectShop(ok, options)
  shops.push(shop)
  return shop
}
/** All processes look at once, at this time. Gives how many subscriptions they tried. */
const lookAt = async (time: string): Promise<number> => {
  const now = new Date(Date.parse(time) + 1)
  return (await Promise.all(keepers.map((one) => one.look(now)))).reduce((sum, one) => sum + one, 0)
}
const only = async (): Promise<Body> => {
  const { triggers } = await tenant.ok('list_triggers', {})
  expect(triggers).toHaveLength(1)
  return triggers[0]
}
const asks = (shop: Shop, method = 'POST') =>
  shop.received.filter((one) => one.method === method && one.path.startsWith('/webhooks')).length
const audited = async (ok: Tenant['ok'], action: string): Promise<Body[]> =>
  (await ok('list_audit_log', { action })).entries

/** Subscribes, and the app's answer is lost; the app has it all the same. */
async function lose(shop: Shop): Promise<Body> {
  shop.made = () => {
    shop.drop()
    return false
  }
  expect((await tenant.call('create_app_event', ORDER_PAID)).status).toBe(502)
  shop.made = () => true
  const trigger = await only()
  expect(trigger.webhook.subscription).toMatchObject({ state: 'unsettled', id: null, failures: 1 })
  return trigger
}

test('a server killed between the app’s answer and its storing: another settles it, and nobody asks it to', async () => {
  const database = await createTestDatabase('embedded')
  const first = await startServerProcess(database)
  const shop = await connected(first.ok, { lists: true })
  shop.made = () => {
    first.child.kill('SIGKILL')
    return false
  }
  await expect(first.ok('create_app_event', ORDER_PAID)).rejects.toThrow()
  const [hook] = [...shop.hooks.values()]
  shop.made = () => true
  const second = await startServerProcess(database)
  try {
    const settled = await eventually(async () => {
      const { triggers } = await second.ok('list_triggers', {})
      return triggers.length === 1 && triggers[0].webhook.subscription.state === 'subscribed' && triggers[0]
    }, 120_000)
    expect(settled.webhook.subscription).toMatchObject({ id: hook?.id, problem: null, nextAttemptAt: null })
    expect(shop.hooks.size).toBe(1)
    expect(asks(shop)).toBe(1)
    const [entry] = await audited(second.ok, 'settle_subscription')
    expect(entry).toMatchObject({ resource: settled.id, outcome: 'success', door: 'runtime' })
  } finally {
    second.child.kill('SIGKILL')
    await database.drop()
  }
}, 240_000)

test('what the app did not keep is subscribed to once more, by one of many processes', async () => {
  const shop = await connected(tenant.ok, { lists: true })
  const { webhook } = await lose(shop)
  shop.hooks.clear()
  const before = asks(shop)
  // Not before its time.
  expect(await lookAt(new Date().toISOString())).toBe(0)
  expect(await lookAt(webhook.subscription.nextAttemptAt)).toBe(1)
  expect(asks(shop)).toBe(before + 1)
  const [hook] = [...shop.hooks.values()]
  expect((await only()).webhook.subscription).toMatchObject({
    state: 'subscribed',
    id: hook?.id,
    failures: 0,
  })
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202])
})

test('of what the app has twice one is kept', async () => {
  const shop = await connected(tenant.ok, { lists: true })
  const { webhook } = await lose(shop)
  const [hook] = [...shop.hooks.values()]
  shop.hooks.set('hook_twin', { ...hook, id: 'hook_twin' } as never)
  await lookAt(webhook.subscription.nextAttemptAt)
  expect((await only()).webhook.subscription).toMatchObject({ state: 'subscribed', id: hook?.id })
  expect([...shop.hooks.keys()]).toEqual([hook?.id])
})

test('an app that goes on failing is asked ever less often, and given up in the end; the product is told; by hand it begins anew', async () => {
  const shop = await connected(tenant.ok, { lists: true })
  await tenant.ok('create_webhook_endpoint', { url: 'http://127.0.0.1:1/hears' })
  await lose(shop)
  shop.broken = 503
  const waits: number[] = []
  for (let at = Date.now(); ; ) {
    const { failures, nextAttemptAt, problem } = (await only()).webhook.subscription
    if (failures > 1) expect(problem).toContain('503')
    if (nextAttemptAt === null) break
    waits.push(Date.parse(nextAttemptAt) - at)
    at = Date.parse(nextAttemptAt)
    expect(await lookAt(nextAttemptAt)).toBe(1)
  }
  expect(waits).toHaveLength(8)
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  expect(await lookAt('2100-01-01T00:00:00Z')).toBe(0)
  const { webhookDeliveries: deliveries } = await tenant.ok('list_webhook_deliveries', {})
  const told = deliveries.filter((one: Body) => one.type === 'trigger.subscription_failed')
  expect(told.map((one: Body) => one.payload.data.nextAttemptAt === null)).toEqual([true, false])
  const trigger = await only()
  expect(told[0].payload.data).toMatchObject({
    triggerId: trigger.id,
    connector: 'shop',
    event: 'order_paid',
  })
  const entries = await audited(tenant.ok, 'settle_subscription')
  expect(entries.map((one) => one.outcome)).toEqual(Array.from({ length: 8 }, () => 'failure'))

  shop.broken = null
  await tenant.ok('update_trigger', { trigger: trigger.id, enabled: true })
  await lookAt(new Date().toISOString())
  expect((await only()).webhook.subscription).toMatchObject({ state: 'subscribed', problem: null })
  expect(shop.hooks.size).toBe(1)
})

test('without a list the app is not asked a second time unseen', async () => {
  const shop = await connected(tenant.ok, { lists: false })
  const { webhook } = await lose(shop)
  const before = asks(shop)
  await lookAt(webhook.subscription.nextAttemptAt)
  expect(asks(shop)).toBe(before)
  const { subscription } = (await only()).webhook
  expect(subscription).toMatchObject({ state: 'unsettled', nextAttemptAt: null })
  expect(subscription.problem).toContain('no whole list')
  const { warning } = await tenant.ok('create_app_event', ORDER_PAID)
  expect(warning).toContain('whether the app has two')
})

test('while an app is asked nobody waits for it, and a trigger that is deleted then leaves nothing at the app', async () => {
  const shop = await connected(tenant.ok, { lists: true })
  const { id, webhook } = await lose(shop)
  shop.hooks.clear()
  let answer: (() => void) | undefined
  shop.made = () => new Promise<boolean>((resolve) => (answer = () => resolve(true)))
  const looking = lookAt(webhook.subscription.nextAttemptAt)
  await eventually(async () => shop.hooks.size === 1)
  await tenant.ok('update_trigger', { trigger: id, description: 'Described.' })
  expect(await tenant.call('create_app_event', ORDER_PAID)).toMatchObject({ status: 409 })
  await tenant.ok('delete_trigger', { trigger: id, leaveSubscription: true })
  answer?.()
  expect(await looking).toBe(1)
  expect(shop.hooks.size).toBe(0)
  expect((await tenant.ok('list_triggers', {})).triggers).toEqual([])
})
