import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { settled } from './setup/agent-runs.ts'
import { type Body, eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { type Received, startUpstream, type Upstream } from './setup/upstream.ts'

const TOKEN = 'shop-token'
const SIGNED = {
  scheme: 'hmac_sha256',
  header: 'x-shop-signature',
  prefix: 'sha256=',
  signedPayload: '{timestamp}.{body}',
  timestampHeader: 'x-shop-time',
}

interface Hook {
  id: string
  target_url: string
  events: string[]
  signing_secret: string
}

/** A shop that keeps who is subscribed, and signs what it sends them. */
interface Shop extends Upstream {
  hooks: Map<string, Hook>
  /** Answers calls about hooks with this status; null: as they should be. */
  broken: number | null
  send(event: string, data: object): Promise<number[]>
}

async function startShop(): Promise<Shop> {
  const upstream = await startUpstream()
  const shop: Shop = Object.assign(upstream, { hooks: new Map<string, Hook>(), broken: null, send })
  async function send(event: string, data: object): Promise<number[]> {
    const statuses: number[] = []
    for (const hook of shop.hooks.values()) {
      if (!hook.events.includes(event)) continue
      const body = JSON.stringify({ event, data })
      const time = String(Math.floor(Date.now() / 1000))
      const signature = createHmac('sha256', hook.signing_secret).update(`${time}.${body}`).digest('hex')
      const headers = {
        'content-type': 'application/json',
        'x-shop-time': time,
        'x-shop-signature': `sha256=${signature}`,
      }
      statuses.push((await fetch(hook.target_url, { method: 'POST', headers, body })).status)
    }
    return statuses
  }
  shop.answer = ({ method, path, headers, body }: Received) => {
    if (path === '/openapi.json') return { status: 200, body: describeShop(shop.url) }
    if (headers.authorization !== `Bearer ${TOKEN}`) return { status: 401, body: { error: 'who are you?' } }
    if (shop.broken !== null) return { status: shop.broken, body: { error: 'not now' } }
    if (method === 'POST' && path === '/webhooks') {
      const hook = { ...(JSON.parse(body) as Omit<Hook, 'id'>), id: `hook_${randomUUID().slice(0, 8)}` }
      shop.hooks.set(hook.id, hook)
      // As careless apps do: the secret comes back.
      return { status: 201, body: { data: hook } }
    }
    const id = path.match(/^\/webhooks\/(\w+)$/)?.[1]
    if (method === 'DELETE' && id !== undefined)
      return shop.hooks.delete(id) ? { status: 204, body: '' } : { status: 404, body: { error: 'none such' } }
    return { status: 404, body: { error: 'no such address' } }
  }
  return shop
}

const text = { type: 'string' }
const describeShop = (url: string) => ({
  openapi: '3.1.0',
  info: { title: 'Shop', version: '1' },
  servers: [{ url }],
  security: [{ token: [] }],
  paths: {
    '/webhooks': {
      post: {
        operationId: 'createWebhook',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['target_url', 'events'],
                properties: {
                  target_url: text,
                  events: { type: 'array', items: { type: 'string', enum: ['order.created', 'order.paid'] } },
                  signing_secret: text,
                },
              },
            },
          },
        },
        responses: {
          201: {
            description: 'Made.',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: { data: { type: 'object', properties: { id: text, target_url: text } } },
                },
              },
            },
          },
        },
      },
    },
    '/webhooks/{hook_id}': {
      delete: {
        operationId: 'deleteWebhook',
        parameters: [{ name: 'hook_id', in: 'path', required: true, schema: text }],
        responses: { 204: { description: 'Gone.' } },
      },
    },
  },
  components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
})

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
