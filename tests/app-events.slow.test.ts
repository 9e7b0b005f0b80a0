import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { settled } from './setup/agent-runs.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { type Hook, type Shop, SHOP_SIGNING as SIGNED, startShop, SHOP_TOKEN as TOKEN } from './setup/shop.ts'

let platform: TestPlatform
let tenant: Tenant
let shop: Shop
beforeAll(async () => {
  platform = await startTestPlatform()
})
afterAll(() => platform.close())
beforeEach(async () => {
  shop = await startShop()
  tenant = await platform.organization()
  await tenant.ok('import_spec', { url: `${shop.url}/openapi.json`, slug: 'shop' })
  await tenant.ok('create_connection', { connector: 'shop', credentials: { token: TOKEN } })
  await tenant.ok('create_workflow', {
    slug: 'orders',
    name: 'Orders',
    code: 'export default async (ctx) => ({ got: ctx.input.data.number })',
  })
  await tenant.ok('publish_workflow', { workflow: 'orders' })
  await tenant.ok('deploy_workflow', { workflow: 'orders', environment: 'dev' })
})
afterEach(() => shop.close())

const build = async (input: object = {}, approval = 'auto'): Promise<Body> =>
  settled(
    tenant,
    (
      await tenant.ok('start_agent_run', {
        agent: 'event_builder',
        input: { connector: 'shop', webhookVerification: SIGNED, ...input },
        approval,
        waitSeconds: 30,
      })
    ).run,
  )
const eventsOf = async (): Promise<Body[]> =>
  (await tenant.ok('export_connector', { connector: 'shop' })).definition.events
const subscribe = (event = 'order_paid') =>
  ({ connector: 'shop', event, name: 'Paid orders', routes: [{ workflow: 'orders' }] }) as const

test('the Event Builder defines events from the actions that subscribe; a signed delivery runs a workflow; deletion unsubscribes', async () => {
  expect((await build()).output).toMatchObject({ events: 2 })
  expect(await eventsOf()).toMatchObject([
    { slug: 'order_created' },
    {
      slug: 'order_paid',
      name: 'order.paid',
      webhookVerification: SIGNED,
      subscription: {
        subscribe: {
          action: 'create_webhook',
          input: { target_url: '{webhookUrl}', signing_secret: '{secret}', events: ['order.paid'] },
        },
        unsubscribe: { action: 'delete_webhook', input: { hook_id: '{subscriptionId}' } },
        idPath: 'data.id',
      },
    },
  ])
  const { trigger } = await tenant.ok('create_app_event', subscribe())
  const [hook] = [...shop.hooks.values()]
  expect(hook).toMatchObject({ target_url: trigger.webhook.url, events: ['order.paid'] })
  expect(trigger.webhook.subscription).toMatchObject({ connector: 'shop', event: 'order_paid', id: hook?.id })
  // Nobody sees the secret: not the caller, and not who reads what was sent and what came back.
  const { traces } = await tenant.ok('list_traces', { connector: 'shop' })
  const seen = await Promise.all(traces.map(({ id }: Body) => tenant.ok('get_trace', { trace: id })))
  expect(JSON.stringify(seen)).toContain('create_webhook')
  expect(JSON.stringify([trigger, seen])).not.toContain(hook?.signing_secret)

  expect(await shop.send('order.created', { number: 6 })).toEqual([])
  expect(await shop.send('order.paid', { number: 7 })).toEqual([202])
  const run = await eventually(async () => {
    const { executions } = await tenant.ok('list_executions', { workflow: 'orders', status: 'completed' })
    return executions[0]
  })
  expect((await tenant.ok('get_execution', { execution: run.id })).execution.output).toEqual({ got: 7 })
  // Signed with another secret, it is refused.
  shop.hooks.set('forged', { ...(hook as Hook), signing_secret: 'guessed' })
  expect(await shop.send('order.paid', { number: 8 })).toEqual([202, 401])
  shop.hooks.delete('forged')

  await tenant.ok('delete_trigger', { trigger: trigger.id })
  expect(shop.hooks.size).toBe(0)
  expect(await tenant.call('get_trigger', { trigger: trigger.id })).toMatchObject({ status: 404 })
})

test('what the app refuses leaves no trigger, and a trigger whose app still sends is not deleted unasked', async () => {
  await build()
  shop.broken = 422
  expect((await tenant.call('create_app_event', subscribe())).status).toBeGreaterThanOrEqual(400)
  expect((await tenant.ok('list_triggers', {})).triggers).toEqual([])
  shop.broken = null
  const { trigger } = await tenant.ok('create_app_event', subscribe())
  shop.broken = 422
  const refused = await tenant.call('delete_trigger', { trigger: trigger.id })
  expect(refused.body.detail).toContain('still has the subscription')
  expect((await tenant.ok('list_triggers', {})).triggers).toHaveLength(1)
  // Its secret is what the app signs with.
  expect(await tenant.call('rotate_webhook_secret', { trigger: trigger.id })).toMatchObject({ status: 409 })
  shop.broken = null
  shop.hooks.clear()
  await tenant.ok('delete_trigger', { trigger: trigger.id }) // gone at the app already
  const left = await tenant.ok('create_app_event', subscribe())
  shop.broken = 500
  await tenant.ok('delete_trigger', { trigger: left.trigger.id, leaveSubscription: true })
  expect(shop.hooks.size).toBe(1)
})

test('a key that may not run actions does not unsubscribe; it may delete the trigger alone', async () => {
  await build()
  const { trigger } = await tenant.ok('create_app_event', subscribe())
  const { key } = await tenant.ok('create_api_key', {
    name: 'workflows only',
    mode: 'live',
    role: 'developer',
    permissions: ['workflows.read', 'workflows.update'],
  })
  const refused = await tenant.call('delete_trigger', { trigger: trigger.id }, key)
  expect(refused).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('connections.execute') },
  })
  expect(shop.hooks.size).toBe(1)
  await tenant.ok('delete_trigger', { trigger: trigger.id, leaveSubscription: true }, key)
  expect(shop.hooks.size).toBe(1)
})

test('in Manual mode nothing is added unasked; what cannot be verified is not subscribed to', async () => {
  const asked = await build({}, 'manual')
  expect(asked.question).toMatchObject({ point: 'after_events', details: { events: [{}, {}] } })
  const answer = { run: asked.id, question: asked.question.id, answer: { add: false }, waitSeconds: 30 }
  expect((await tenant.ok('answer_agent_run', answer)).run.output).toMatchObject({ events: 0 })
  expect(await eventsOf()).toEqual([])
  await build({ webhookVerification: undefined })
  expect(await eventsOf()).toHaveLength(2)
  expect(await tenant.call('create_app_event', subscribe())).toMatchObject({
    status: 409,
    body: { hint: expect.stringContaining('define_event') },
  })
  const event = {
    slug: 'odd',
    name: 'Odd',
    description: '',
    subscription: {
      subscribe: { action: 'create_webhook', input: { target_url: '{webhookUrl}', colour: 'red' } },
      unsubscribe: { action: 'delete_webhook', input: { hook_id: '{subscriptionId}' } },
      idPath: 'id',
    },
  }
  const refused = await tenant.call('define_event', { connector: 'shop', event })
  expect(refused).toMatchObject({ status: 400, body: { where: 'event.subscription.subscribe.input' } })
  expect(refused.body.detail).toContain('colour')
  expect(shop.hooks.size).toBe(0)
})
