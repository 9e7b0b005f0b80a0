import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildLogger } from '../core/log.ts'
import { openDatabase } from '../db/database.ts'
import { prepareQueueSchema } from '../runtime/queue/execution-queue.ts'
import { buildSubscriptions, type Subscriptions } from '../runtime/triggers/subscriptions.ts'
import { createTestDatabase } from './setup/database.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startServerProcess } from './setup/server-process.ts'
import { connectShop, ORDER_PAID, type Shop, type ShopOptions } from './setup/shop.ts'

const HOUR_MS = 3_600_000
const LIVES_S = 96 * 3_600
const DUE = 'UPDATE app_subscriptions SET due_at = now()'
/** As if three and a half days of the four had passed. */
const AGED = `${DUE}, since = now() - interval '84 hours', expires_at = now() + interval '12 hours'`

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
  // Times to come are looked at: what is due then of one test is not for the next.
  for (const { id } of (await tenant.ok('list_triggers', {})).triggers)
    await tenant.ok('delete_trigger', { trigger: id, leaveSubscription: true })
  for (const shop of shops.splice(0)) await shop.close()
})

const subscribed = async (options: Partial<ShopOptions>): Promise<Shop> => {
  const shop = await connectShop(tenant.ok, { lists: true, lives: LIVES_S, ...options })
  shops.push(shop)
  await tenant.ok('create_app_event', ORDER_PAID)
  return shop
}
/** It is then, here and at the app: all processes look at once. Gives how many subscriptions they tried. */
const lookAt = async (shop: Shop, time: string | number): Promise<number> => {
  const now = new Date(time)
  shop.now = () => now.getTime()
  return (await Promise.all(keepers.map((one) => one.look(now)))).reduce((sum, one) => sum + one, 0)
}
const read = async (): Promise<Body> => {
  const { triggers } = await tenant.ok('list_triggers', {})
  expect(triggers).toHaveLength(1)
  return triggers[0].webhook.subscription
}
const asks = (shop: Shop, method: string) =>
  shop.received.filter((one) => one.method === method && one.path.startsWith('/webhooks')).length

test('a subscription is renewed by the app’s own action when a day of four is left, once for all processes', async () => {
  const shop = await subscribed({ renews: true })
  const first = await read()
  const left = Date.parse(first.expiresAt) - Date.now()
  expect(left).toBeGreaterThan((LIVES_S - 60) * 1_000)
  expect(Date.parse(first.expiresAt) - Date.parse(first.nextAttemptAt)).toBe(24 * HOUR_MS)
  expect(await lookAt(shop, Date.parse(first.nextAttemptAt) - 1_000)).toBe(0)
  expect(asks(shop, 'PATCH')).toBe(0)
  for (let round = 1; round <= 3; round += 1) {
    const before = await read()
    const at = Date.parse(before.nextAttemptAt) + 1
    expect(await lookAt(shop, at)).toBe(1)
    const after = await read()
    expect(after).toMatchObject({ state: 'subscribed', id: first.id, failures: 0, problem: null })
    expect(Date.parse(after.expiresAt)).toBe(at + LIVES_S * 1_000)
    expect(shop.hooks.get(first.id)?.renewed).toBe(round)
  }
  expect(asks(shop, 'POST')).toBe(1)
  expect(asks(shop, 'PATCH')).toBe(3)
  const { entries } = await tenant.ok('list_audit_log', { action: 'renew_subscription' })
  expect(entries.map((one: Body) => one.outcome)).toEqual(['success', 'success', 'success'])
})

test('without such an action it is subscribed to anew, its secret changes with an overlap, and the old one is taken back', async () => {
  const shop = await subscribed({ issues: true })
  const [old] = [...shop.hooks.values()]
  const { nextAttemptAt } = await read()
  // The app still has the old one: both send for a moment, and both are believed.
  shop.deleted = () => false
  const looking = lookAt(shop, Date.parse(nextAttemptAt) + 1)
  await eventually(async () => (await read()).id !== old?.id)
  await eventually(async () => asks(shop, 'DELETE') === 1)
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202, 202])
  expect(await looking).toBe(1)
  const between = await read()
  expect(between.state).toBe('subscribed')
  expect(shop.hooks.size).toBe(2)
  // It did not answer; it is taken back a minute later.
  shop.deleted = () => true
  await lookAt(shop, Date.parse(between.nextAttemptAt) + 1)
  const after = await read()
  expect([...shop.hooks.keys()]).toEqual([after.id])
  expect(Date.parse(after.expiresAt) - Date.parse(after.nextAttemptAt)).toBe(24 * HOUR_MS)
  const texts = JSON.stringify(await tenant.ok('list_triggers', {}))
  for (const { signing_secret } of [old, ...shop.hooks.values()] as { signing_secret: string }[])
    expect(texts).not.toContain(signing_secret)
})

test('a secret of before is not taken for ever', async () => {
  const shop = await subscribed({ issues: true })
  const [old] = [...shop.hooks.values()]
  await lookAt(shop, Date.parse((await read()).nextAttemptAt) + 1)
  shop.hooks.set('old', { ...old, id: 'old', expires: Number.POSITIVE_INFINITY } as never)
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202, 202])
  await platform.platform.db.tenant({ organizationId: tenant.organizationId, customerIds: null }, (tx) =>
    tx.run("UPDATE previous_trigger_secrets SET until = now() - interval '1 second'", []),
  )
  platform.platform.ingest.forget()
  expect(await shop.send('order.paid', { number: 2 })).toEqual([202, 401])
})

test('one that ended at the app is subscribed to anew', async () => {
  const shop = await subscribed({ renews: true })
  const first = await read()
  shop.hooks.clear()
  expect(await lookAt(shop, Date.parse(first.nextAttemptAt) + 1)).toBe(1)
  const after = await read()
  expect(after).toMatchObject({ state: 'subscribed', failures: 0 })
  expect([...shop.hooks.keys()]).toEqual([after.id])
  expect(after.id).not.toBe(first.id)
})

test('a renewal that fails is tried more often the nearer the end, then anew; the trigger and the product are told', async () => {
  const shop = await subscribed({ renews: true })
  await tenant.ok('create_webhook_endpoint', { url: 'http://127.0.0.1:1/hears' })
  shop.stubborn = 400
  const { expiresAt, id } = await read()
  let tries = 0
  for (;;) {
    const { nextAttemptAt } = await read()
    const at = Date.parse(nextAttemptAt) + 1
    if (at > Date.parse(expiresAt)) break
    expect(await lookAt(shop, at)).toBe(1)
    tries += 1
    const now = await read()
    expect(now).toMatchObject({ state: 'failing', id, failures: tries })
    expect(now.problem).toContain('400')
    const [wait, left] = [Date.parse(now.nextAttemptAt) - at, Date.parse(expiresAt) - at]
    expect(wait).toBeLessThanOrEqual(Math.max(60_000, left / 3) + 1_000)
  }
  expect(tries).toBeGreaterThan(6)
  expect(tries).toBeLessThan(40)
  const { webhookDeliveries } = await tenant.ok('list_webhook_deliveries', {})
  const told = webhookDeliveries.filter((one: Body) => one.type === 'trigger.subscription_failed')
  expect(told).toMatchObject([{ payload: { data: { connector: 'shop', expiresAt: expect.any(String) } } }])
  // It has expired: what cannot be renewed is made anew.
  await lookAt(shop, Date.parse((await read()).nextAttemptAt) + 1)
  const after = await read()
  expect(after).toMatchObject({ state: 'subscribed', failures: 0, problem: null })
  expect([...shop.hooks.keys()]).toEqual([after.id])
})

test('an app that is away for good is given up two days after the end, and tried again by hand', async () => {
  const shop = await subscribed({ renews: true })
  const { expiresAt } = await read()
  shop.broken = 503
  for (let tries = 0; ; tries += 1) {
    const { nextAttemptAt } = await read()
    if (nextAttemptAt === null) break
    expect(tries).toBeLessThan(60)
    await lookAt(shop, Date.parse(nextAttemptAt) + 1)
  }
  expect(shop.now()).toBeGreaterThan(Date.parse(expiresAt) + 48 * HOUR_MS)
  const failed = await read()
  expect(failed).toMatchObject({ state: 'failed', problem: expect.stringContaining('503') })
  shop.broken = null
  const [{ id }] = (await tenant.ok('list_triggers', {})).triggers
  await tenant.ok('update_trigger', { trigger: id, enabled: true })
  await lookAt(shop, shop.now() + 1)
  expect((await read()).state).toBe('subscribed')
  expect(shop.hooks.size).toBe(1)
})

test('a process that died between the app’s answer and its storing leaves no second subscription', async () => {
  const shop = await subscribed({ issues: true })
  const first = await read()
  // What it leaves: the app has another one, which nobody here knows of.
  shop.made = () => {
    shop.drop()
    return false
  }
  await lookAt(shop, Date.parse(first.nextAttemptAt) + 1)
  expect(shop.hooks.size).toBe(2)
  const between = await read()
  expect(between).toMatchObject({ state: 'failing', id: first.id })
  shop.made = () => true
  await lookAt(shop, Date.parse(between.nextAttemptAt) + 1)
  const after = await read()
  expect([...shop.hooks.keys()]).toEqual([after.id])
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202])
})

test('servers killed while they subscribe anew, and before they took back what was replaced, leave one subscription', async () => {
  const database = await createTestDatabase('embedded')
  const { drop, ...where } = database
  let server = await startServerProcess(where)
  const change = async (sql: string) => {
    const db = await openDatabase({ ...where, log: buildLogger('warn'), prepare: prepareQueueSchema })
    await db.system((tx) => tx.run(sql, []))
    await db.close()
  }
  const shop = await connectShop(server.ok, { lists: true, lives: LIVES_S, issues: true })
  shops.push(shop)
  const { trigger } = await server.ok('create_app_event', ORDER_PAID)
  const [old] = [...shop.hooks.keys()]
  const gone = () => server.child.signalCode !== null
  const kill = () => {
    server.child.kill('SIGKILL')
    return false
  }
  try {
    shop.made = kill
    await change(AGED)
    await eventually(async () => gone(), 60_000)
    const [, orphan] = [...shop.hooks.keys()]
    expect(shop.hooks.size).toBe(2)

    server = await startServerProcess(where)
    // The next one makes another, and is killed before the old one is taken back.
    shop.made = () => {
      shop.deleted = kill
      return true
    }
    const again = setInterval(() => void change(DUE).catch(() => undefined), 3_000)
    await eventually(async () => gone(), 120_000).finally(() => clearInterval(again))
    expect([...shop.hooks.keys()]).toEqual([old, expect.any(String)])
    expect(shop.hooks.has(orphan ?? '')).toBe(false)

    shop.deleted = () => true
    server = await startServerProcess(where)
    const { subscription } = (await server.ok('get_trigger', { trigger: trigger.id })).trigger.webhook
    expect(subscription.state).toBe('subscribed')
    // Nobody waits for the next renewal with it.
    expect(Date.parse(subscription.nextAttemptAt) - Date.now()).toBeLessThan(2 * 60_000)
    await change(DUE)
    await eventually(async () => shop.hooks.size === 1, 60_000)
    expect([...shop.hooks.keys()]).toEqual([subscription.id])
    const after = await eventually(async () => {
      const { webhook } = (await server.ok('get_trigger', { trigger: trigger.id })).trigger
      return webhook.subscription.nextAttemptAt !== subscription.nextAttemptAt && webhook.subscription
    })
    expect(after).toMatchObject({ state: 'subscribed', id: subscription.id, problem: null })
    expect(Date.parse(after.expiresAt) - Date.parse(after.nextAttemptAt)).toBe(24 * HOUR_MS)
  } finally {
    server.child.kill('SIGKILL')
    await drop()
  }
}, 300_000)

test('a trigger deleted while it is renewed leaves nothing at the app', async () => {
  const shop = await subscribed({})
  const { nextAttemptAt } = await read()
  let answer: (() => void) | undefined
  shop.made = () => new Promise<boolean>((resolve) => (answer = () => resolve(true)))
  const looking = lookAt(shop, Date.parse(nextAttemptAt) + 1)
  await eventually(async () => shop.hooks.size === 2)
  const [{ id }] = (await tenant.ok('list_triggers', {})).triggers
  expect(await tenant.call('delete_trigger', { trigger: id })).toMatchObject({ status: 409 })
  await tenant.ok('delete_trigger', { trigger: id, leaveSubscription: true })
  answer?.()
  await looking
  expect(shop.hooks.size).toBe(1) // the one that was to be left
})

test('what an event says of renewal must make sense', async () => {
  const shop = await subscribed({})
  const { definition } = await tenant.ok('export_connector', { connector: 'shop' })
  const [event] = definition.events
  const define = (renewal: object) =>
    tenant.call('define_event', {
      connector: 'shop',
      event: { ...event, subscription: { ...event.subscription, renewal } },
    })
  for (const [renewal, why] of [
    [{}, 'until when it lives'],
    [{ lifetimeSeconds: 3_600, renew: { action: 'list_webhooks', input: {} } }, '{subscriptionId}'],
    [
      { expiresPath: 'a', renew: { action: 'x', input: { a: '{subscriptionId}', b: '{expiresAt}' } } },
      'asks for',
    ],
    [
      { expiresPath: 'a', renew: { action: 'no_such', input: { a: '{subscriptionId}' } } },
      "no action 'no_such'",
    ],
  ] as const)
    expect(await define(renewal)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining(why) },
    })
  expect(shop.hooks.size).toBe(1)
})
