import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startServerProcess } from './setup/server-process.ts'
import { connectShop, ORDER_PAID, SHOP_TOKEN, type Shop } from './setup/shop.ts'

let platform: TestPlatform
let tenant: Tenant
const shops: Shop[] = []
beforeAll(async () => {
  platform = await startTestPlatform()
})
afterAll(() => platform.close())
beforeEach(async () => {
  tenant = await platform.organization()
})
afterEach(async () => {
  for (const shop of shops.splice(0)) await shop.close()
})

async function connected(ok: Tenant['ok'], lists: boolean): Promise<Shop> {
  const shop = await connectShop(ok, { lists })
  shops.push(shop)
  return shop
}
const wanted = ORDER_PAID

test('the Event Builder finds the action that lists subscriptions', async () => {
  await connected(tenant.ok, true)
  const { run } = await tenant.ok('start_agent_run', {
    agent: 'event_builder',
    input: { connector: 'shop' },
    approval: 'auto',
    waitSeconds: 30,
  })
  expect(run.status).toBe('completed')
  const { definition } = await tenant.ok('export_connector', { connector: 'shop' })
  expect(definition.events.map((one: Body) => [one.slug, one.subscription.list])).toEqual([
    ['order_paid', { action: 'list_webhooks', input: {}, itemsPath: 'data', idPath: 'id' }],
    ['order_created', { action: 'list_webhooks', input: {}, itemsPath: 'data', idPath: 'id' }],
  ])
})

test('a server killed between the app’s answer and its storing leaves a trigger that the next create goes on with', async () => {
  const database = await createTestDatabase('embedded')
  const first = await startServerProcess(database)
  const shop = await connected(first.ok, true)
  shop.made = () => {
    first.child.kill('SIGKILL')
    return false
  }
  await expect(first.ok('create_app_event', wanted)).rejects.toThrow()
  expect(shop.hooks.size).toBe(1)
  const [hook] = [...shop.hooks.values()]
  shop.made = () => true

  const second = await startServerProcess(database)
  try {
    const { triggers } = await second.ok('list_triggers', {})
    expect(triggers).toMatchObject([{ webhook: { subscription: { id: null, state: 'unsettled' } } }])
    // Whoever asked may still be at it, as far as another process knows.
    const { trigger, warning } = await eventually(async () => {
      const [there] = (await second.ok('list_triggers', {})).triggers
      // The server's own look may come first, which has a test of its own.
      if (there.webhook.subscription.state === 'subscribed') return { trigger: there, warning: null }
      return second.ok('create_app_event', wanted).catch((error: Error) => {
        if (!error.message.includes('is being asked')) throw error
        return undefined
      })
    }, 90_000)
    expect(warning).toBeNull()
    expect(trigger).toMatchObject({
      id: triggers[0].id,
      webhook: { subscription: { id: hook?.id, state: 'subscribed' } },
    })
    expect(shop.hooks.size).toBe(1)
    expect((await second.ok('list_triggers', {})).triggers).toHaveLength(1)
    // The server has another port now; what the app signs with is what it was told.
    const moved = { ...hook, target_url: `${second.url}/webhooks/${trigger.id}` }
    shop.hooks.set(hook?.id ?? '', moved as never)
    expect(await shop.send('order.paid', { number: 1 })).toEqual([202])
    await second.ok('delete_trigger', { trigger: trigger.id })
    expect(shop.hooks.size).toBe(0)
  } finally {
    second.child.kill('SIGKILL')
    await database.drop()
  }
}, 240_000)

test('while the app is being asked, nobody asks it again and nobody deletes the trigger', async () => {
  const shop = await connected(tenant.ok, true)
  shop.made = () => false
  const first = tenant.call('create_app_event', wanted)
  await eventually(async () => (shop.hooks.size === 1 ? true : undefined))
  const [{ id }] = (await tenant.ok('list_triggers', {})).triggers
  const refused = {
    status: 409,
    body: { detail: expect.stringContaining('is being asked'), retryAfterSeconds: expect.any(Number) },
  }
  expect(await tenant.call('create_app_event', wanted)).toMatchObject(refused)
  expect(await tenant.call('delete_trigger', { trigger: id })).toMatchObject(refused)
  expect(shop.hooks.size).toBe(1)
  shop.drop()
  expect(await first).toMatchObject({ status: 502 })
})

test('an answer that is lost: the trigger stays, is gone on with, and is deleted with what the app has', async () => {
  const shop = await connected(tenant.ok, true)
  shop.made = () => {
    shop.drop()
    return false
  }
  const lost = await tenant.call('create_app_event', wanted)
  expect(lost).toMatchObject({
    status: 502,
    body: { hint: expect.stringContaining('create_app_event again') },
  })
  const [kept] = (await tenant.ok('list_triggers', {})).triggers
  expect(lost.body.detail).toContain(kept.id)
  // Deleted, the app is asked what it has.
  await tenant.ok('delete_trigger', { trigger: kept.id })
  expect(shop.hooks.size).toBe(0)

  await tenant.call('create_app_event', wanted)
  const [other] = (await tenant.ok('list_triggers', {})).triggers
  shop.hooks.clear() // so the app did not keep it
  shop.made = () => true
  const { trigger } = await tenant.ok('create_app_event', { ...wanted, name: 'Under another name' })
  expect(trigger).toMatchObject({ id: other.id, name: 'Under another name' })
  expect([...shop.hooks.keys()]).toEqual([trigger.webhook.subscription.id])
  // One that is settled is not taken over.
  const { trigger: more } = await tenant.ok('create_app_event', wanted)
  expect(more.id).not.toBe(trigger.id)
  expect(shop.hooks.size).toBe(2)
})

test('without a list of subscriptions it says what cannot be known, and makes no second trigger', async () => {
  const shop = await connected(tenant.ok, false)
  shop.made = () => {
    shop.drop()
    return false
  }
  await tenant.call('create_app_event', wanted)
  const [kept] = (await tenant.ok('list_triggers', {})).triggers
  const refused = await tenant.call('delete_trigger', { trigger: kept.id })
  expect(refused).toMatchObject({ status: 409, body: { hint: expect.stringContaining('leaveSubscription') } })
  expect(refused.body.detail).toContain('may have a subscription')
  shop.made = () => true
  const { trigger, warning } = await tenant.ok('create_app_event', wanted)
  expect(trigger.id).toBe(kept.id)
  expect(warning).toContain('whether the app has two')
  const hooks = [...shop.hooks.values()]
  expect(hooks).toHaveLength(2)
  // Both send to the one trigger, signed alike: an orphan is no stranger.
  expect(new Set(hooks.map((hook) => `${hook.target_url} ${hook.signing_secret}`)).size).toBe(1)
})

test('deleting a connection unsubscribes what was subscribed with it and stops its triggers', async () => {
  const shop = await connected(tenant.ok, false)
  const { trigger } = await tenant.ok('create_app_event', wanted)
  const [account] = (await tenant.ok('list_connections', {})).connections
  expect(trigger.webhook.subscription.connection).toBe(account.id)
  // Another account of the same app is none of its business.
  await tenant.ok('create_connection', {
    connector: 'shop',
    name: 'second',
    credentials: { token: SHOP_TOKEN },
  })
  const other = await tenant.ok('create_app_event', { ...wanted, name: 'Other', connection: 'second' })
  expect(await tenant.ok('delete_connection', { connection: account.id })).toMatchObject({
    unsubscribed: [trigger.id],
    leftSubscribed: [],
  })
  expect([...shop.hooks.keys()]).toEqual([other.trigger.webhook.subscription.id])
  const after = (await tenant.ok('get_trigger', { trigger: trigger.id })).trigger
  expect(after).toMatchObject({ enabled: false, webhook: { subscription: { state: 'ended', left: null } } })
  await tenant.ok('delete_trigger', { trigger: trigger.id })
})

test('an app that does not answer holds a deletion up for a bounded time, and what it has is told', async () => {
  const shop = await connected(tenant.ok, false)
  await tenant.ok('create_customer', { name: 'Acme', slug: 'acme' })
  await tenant.ok('create_connection', {
    connector: 'shop',
    customer: 'acme',
    credentials: { token: SHOP_TOKEN },
  })
  const { trigger } = await tenant.ok('create_app_event', { ...wanted, customer: 'acme' })
  // With the organization's account, for the customer: it goes with the customer too.
  await tenant.ok('create_customer', { name: 'Bolt', slug: 'bolt' })
  const bolt = await tenant.ok('create_app_event', { ...wanted, customer: 'bolt' })
  expect(await tenant.ok('delete_customer', { customer: 'bolt' })).toMatchObject({
    unsubscribed: [bolt.trigger.id],
    leftSubscribed: [],
  })
  expect(shop.hooks.size).toBe(1)
  shop.deleted = () => false
  const begun = performance.now()
  const gone = await tenant.ok('delete_customer', { customer: 'acme' })
  expect(performance.now() - begun).toBeLessThan(60_000)
  expect(gone).toMatchObject({
    unsubscribed: [],
    leftSubscribed: [{ trigger: trigger.id, why: expect.stringContaining('did not answer') }],
  })
  expect((await tenant.call('get_customer', { customer: 'acme' })).status).toBe(404)
})

test('a connector deleted with its connections unsubscribes too, and says what an app refused', async () => {
  const shop = await connected(tenant.ok, false)
  const { trigger } = await tenant.ok('create_app_event', wanted)
  expect((await tenant.call('delete_connector', { connector: 'shop' })).status).toBe(409)
  expect(shop.hooks.size).toBe(1)
  shop.broken = 422
  expect(await tenant.ok('delete_connector', { connector: 'shop', force: true })).toMatchObject({
    unsubscribed: [],
    leftSubscribed: [{ trigger: trigger.id, why: expect.stringContaining('still has the subscription') }],
  })
  const after = (await tenant.ok('get_trigger', { trigger: trigger.id })).trigger
  expect(after.webhook.subscription).toMatchObject({
    state: 'ended',
    left: expect.stringContaining('still has'),
  })
})

test('a key that may delete accounts and not run actions deletes one without a call of its app, and says what is left', async () => {
  const shop = await connected(tenant.ok, false)
  const { trigger } = await tenant.ok('create_app_event', wanted)
  const [account] = (await tenant.ok('list_connections', {})).connections
  await tenant.ok('create_customer', { name: 'Acme', slug: 'acme' })
  const acme = await tenant.ok('create_app_event', { ...wanted, name: 'Of Acme', customer: 'acme' })
  const { key } = await tenant.ok('create_api_key', {
    name: 'deletes',
    mode: 'live',
    role: 'developer',
    permissions: ['connections.read', 'connections.delete', 'customers.manage', 'connectors.delete'],
  })
  const needs = expect.stringContaining('connections.execute')
  expect(await tenant.ok('delete_customer', { customer: 'acme' }, key)).toMatchObject({
    unsubscribed: [],
    leftSubscribed: [{ trigger: acme.trigger.id, why: needs }],
  })
  expect(await tenant.ok('delete_connection', { connection: account.id }, key)).toMatchObject({
    deleted: true,
    unsubscribed: [],
    leftSubscribed: [{ trigger: trigger.id, why: needs }],
  })
  expect(shop.hooks.size).toBe(2)
  expect((await tenant.call('get_connection', { connection: account.id })).status).toBe(404)
  const after = (await tenant.ok('get_trigger', { trigger: trigger.id })).trigger
  expect(after).toMatchObject({ enabled: false, webhook: { subscription: { state: 'ended', left: needs } } })
})
