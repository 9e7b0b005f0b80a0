import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { buildSubscriptions } from '../runtime/triggers/subscriptions.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { connectShop, ORDER_PAID, type Shop, shopEvent } from './setup/shop.ts'

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

const connected = async (lists: boolean): Promise<Shop> => {
  const shop = await connectShop(tenant.ok, { lists, issues: true })
  shops.push(shop)
  return shop
}
/** Everything a key may read of what happened. */
const readable = async (): Promise<string> => {
  const { traces } = await tenant.ok('list_traces', { limit: 100 })
  const seen = await Promise.all(traces.map(({ id }: Body) => tenant.ok('get_trace', { trace: id })))
  const { triggers } = await tenant.ok('list_triggers', {})
  const { entries } = await tenant.ok('list_audit_log', { limit: 100 })
  return JSON.stringify([seen, triggers, entries])
}
const lookAt = (time: string) => {
  const { db, log, services } = platform.platform
  const { vault, connections } = services
  return buildSubscriptions({ db, vault, connections, publicUrl: platform.url, log }).look(
    new Date(Date.parse(time) + 1),
  )
}

test('the secret an app issues verifies what it sends, and stands in no answer, record or row', async () => {
  const shop = await connected(true)
  const made = await tenant.ok('create_app_event', ORDER_PAID)
  const [hook] = [...shop.hooks.values()]
  expect(hook?.signing_secret).toMatch(/^issued-/)
  const secret = String(hook?.signing_secret)
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202])
  shop.hooks.set('forged', { ...hook, signing_secret: 'guessed' } as never)
  expect(await shop.send('order.paid', { number: 2 })).toEqual([202, 401])
  shop.hooks.delete('forged')
  const text = await readable()
  expect(text).toContain('create_webhook')
  expect(text + JSON.stringify(made)).not.toContain(secret)
  const rows = await platform.platform.db.system((tx) => tx.rows('SELECT * FROM triggers', []))
  expect(JSON.stringify(rows)).toContain(hook?.id)
  expect(JSON.stringify(rows)).not.toContain(secret)
  expect(await tenant.call('rotate_webhook_secret', { trigger: made.trigger.id })).toMatchObject({
    status: 409,
  })
})

test('whose answer was lost is ended, for its secret is lost with it; the list that finds it tells nobody the secret', async () => {
  const shop = await connected(true)
  shop.made = () => {
    shop.drop()
    return false
  }
  expect((await tenant.call('create_app_event', ORDER_PAID)).status).toBe(502)
  const [lost] = [...shop.hooks.values()]
  shop.made = () => true
  const [trigger] = (await tenant.ok('list_triggers', {})).triggers
  // Nothing is accepted of which the secret is not known.
  expect(await shop.send('order.paid', { number: 1 })).toEqual([401])
  expect(await lookAt(trigger.webhook.subscription.nextAttemptAt)).toBe(1)
  const [hook, ...others] = [...shop.hooks.values()]
  expect(others).toEqual([])
  expect(hook?.id).not.toBe(lost?.id)
  expect(await shop.send('order.paid', { number: 1 })).toEqual([202])
  const text = await readable()
  expect(text).toContain('list_webhooks')
  expect(text).not.toContain(String(lost?.signing_secret))
  expect(text).not.toContain(String(hook?.signing_secret))
})

test('an answer without the secret, or with one that cannot be used, is taken back', async () => {
  const shop = await connected(false)
  const event = shopEvent({ lists: false, issues: true })
  const at = (secretPath: string) => ({ ...event, subscription: { ...event.subscription, secretPath } })
  await tenant.ok('define_event', { connector: 'shop', event: at('data.nowhere') })
  const none = await tenant.call('create_app_event', ORDER_PAID)
  expect(none).toMatchObject({ status: 502, body: { where: 'event' } })
  expect(none.body.detail).toContain('no secret at data.nowhere')
  await tenant.ok('define_event', {
    connector: 'shop',
    event: { ...event, webhookVerification: { scheme: 'standard_webhooks' } },
  })
  expect((await tenant.call('create_app_event', ORDER_PAID)).body.detail).toContain('whsec_')
  expect(shop.hooks.size).toBe(0)
  expect((await tenant.ok('list_triggers', {})).triggers).toEqual([])
  const both = {
    ...event.subscription.subscribe,
    input: { ...event.subscription.subscribe.input, x: '{secret}' },
  }
  expect(
    await tenant.call('define_event', {
      connector: 'shop',
      event: { ...event, subscription: { ...event.subscription, subscribe: both } },
    }),
  ).toMatchObject({ status: 400, body: { detail: expect.stringContaining('leave one out') } })
})

test('an app that refuses to end what was lost: the trigger that knows of it stays', async () => {
  const shop = await connected(true)
  shop.made = () => {
    shop.drop()
    return false
  }
  expect((await tenant.call('create_app_event', ORDER_PAID)).status).toBe(502)
  shop.made = () => true
  const { answer } = shop
  shop.answer = async (request) =>
    request.method === 'DELETE' ? { status: 403, body: { error: 'not yours' } } : answer(request)
  const refused = await tenant.call('create_app_event', ORDER_PAID)
  expect(refused.body.detail).toContain('is kept')
  const { triggers } = await tenant.ok('list_triggers', {})
  expect(triggers).toMatchObject([{ webhook: { subscription: { state: 'unsettled', id: null } } }])
  shop.answer = answer
  const { trigger } = await tenant.ok('create_app_event', ORDER_PAID)
  expect(trigger.id).toBe(triggers[0].id)
  expect([...shop.hooks.keys()]).toEqual([trigger.webhook.subscription.id])
})
