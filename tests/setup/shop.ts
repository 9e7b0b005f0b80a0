import { createHmac, randomUUID } from 'node:crypto'
import type { Tenant } from './platform.ts'
import { type Received, startUpstream, type Upstream } from './upstream.ts'

export const SHOP_TOKEN = 'shop-token'
/** How it signs, as `webhookVerification` says it. */
export const SHOP_SIGNING = {
  scheme: 'hmac_sha256',
  header: 'x-shop-signature',
  prefix: 'sha256=',
  signedPayload: '{timestamp}.{body}',
  timestampHeader: 'x-shop-time',
}

export interface Hook {
  id: string
  target_url: string
  /** Left out: all there are. */
  events?: string[]
  signing_secret: string
  /** When it ends by itself, in milliseconds since 1970. */
  expires?: number
  /** How often it was renewed. */
  renewed?: number
}

/** A shop that keeps who is subscribed, and signs what it sends them. */
export interface Shop extends Upstream {
  hooks: Map<string, Hook>
  /** Answers calls about hooks with this status; null: as they should be. */
  broken: number | null
  /** Its time, in milliseconds since 1970: hooks that have expired are gone. */
  now: () => number
  /** Answers renewing with this status; null: as it should be. */
  stubborn: number | null
  /** Called when a hook was made or deleted, before it is answered; false: no answer ever comes. */
  made: () => boolean | Promise<boolean>
  deleted: () => boolean
  send(event: string, data: object): Promise<number[]>
}

/**
 * @param lists does its description say how hooks are listed?
 * @param choice can a hook be for some events only?
 * @param lives seconds after which a hook ends by itself; 0: it does not
 * @param renews can a hook be renewed?
 * @param issues does it make the secret itself, and tell it when a hook is made?
 */
export async function startShop({
  lists = false,
  choice = true,
  issues = false,
  lives = 0,
  renews = false,
} = {}): Promise<Shop> {
  const upstream = await startUpstream()
  const shop: Shop = Object.assign(upstream, {
    hooks: new Map<string, Hook>(),
    broken: null,
    now: Date.now,
    stubborn: null,
    made: () => true,
    deleted: () => true,
    send,
  })
  async function send(event: string, data: object): Promise<number[]> {
    const statuses: number[] = []
    for (const hook of shop.hooks.values()) {
      if (hook.events !== undefined && !hook.events.includes(event)) continue
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
  shop.answer = async ({ method, path, headers, body }: Received) => {
    if (path === '/openapi.json')
      return { status: 200, body: describeShop(shop.url, { lists, choice, issues, lives, renews }) }
    if (headers.authorization !== `Bearer ${SHOP_TOKEN}`)
      return { status: 401, body: { error: 'who are you?' } }
    for (const [id, { expires = Number.POSITIVE_INFINITY }] of shop.hooks)
      if (expires <= shop.now()) shop.hooks.delete(id)
    if (shop.broken !== null) return { status: shop.broken, body: { error: 'not now' } }
    if (method === 'POST' && path === '/webhooks') {
      const hook = { ...(JSON.parse(body) as Omit<Hook, 'id'>), id: `hook_${randomUUID().slice(0, 8)}` }
      if (lives > 0) hook.expires = shop.now() + lives * 1_000
      if (issues) hook.signing_secret = `issued-${randomUUID()}`
      shop.hooks.set(hook.id, hook)
      if (!(await shop.made())) return null
      // As careless apps do: the secret comes back.
      const { expires, ...told } = hook
      const until = expires === undefined ? {} : { expires_at: new Date(expires).toISOString() }
      return { status: 201, body: { data: { ...told, ...until } } }
    }
    const id = path.match(/^\/webhooks\/(\w+)$/)?.[1]
    if (method === 'GET' && path === '/webhooks')
      return {
        status: 200,
        body: {
          data: [...shop.hooks.values()].map(({ id: hook, target_url, signing_secret }) => ({
            ...{ id: hook, target_url },
            // More careless still.
            ...(issues ? { signing_secret } : {}),
          })),
        },
      }
    const renewed = method === 'PATCH' && id !== undefined ? shop.hooks.get(id) : undefined
    if (renewed !== undefined && renews) {
      if (shop.stubborn !== null) return { status: shop.stubborn, body: { error: 'not this one' } }
      renewed.expires = shop.now() + lives * 1_000
      renewed.renewed = (renewed.renewed ?? 0) + 1
      return { status: 200, body: { data: { id, expires_at: new Date(renewed.expires).toISOString() } } }
    }
    if (method === 'DELETE' && id !== undefined && !shop.deleted()) return null
    if (method === 'DELETE' && id !== undefined)
      return shop.hooks.delete(id) ? { status: 204, body: '' } : { status: 404, body: { error: 'none such' } }
    return { status: 404, body: { error: 'no such address' } }
  }
  return shop
}

export interface ShopOptions {
  lists: boolean
  issues?: boolean
  lives?: number
  renews?: boolean
}

/** An event of such a shop, as `define_event` takes it. */
export const shopEvent = ({ lists, issues = false, lives = 0, renews = false }: ShopOptions) => ({
  slug: 'order_paid',
  name: 'Order paid',
  description: '',
  webhookVerification: SHOP_SIGNING,
  subscription: {
    subscribe: {
      action: 'create_webhook',
      input: {
        ...{ target_url: '{webhookUrl}', events: ['order.paid'] },
        ...(issues ? {} : { signing_secret: '{secret}' }),
      },
    },
    unsubscribe: { action: 'delete_webhook', input: { hook_id: '{subscriptionId}' } },
    idPath: 'data.id',
    ...(issues ? { secretPath: 'data.signing_secret' } : {}),
    ...(lives === 0
      ? {}
      : {
          renewal: {
            expiresPath: 'data.expires_at',
            ...(renews ? { renew: { action: 'renew_webhook', input: { hook_id: '{subscriptionId}' } } } : {}),
          },
        }),
    ...(lists ? { list: { action: 'list_webhooks', itemsPath: 'data' } } : {}),
  },
})

/** Subscribes to it. */
export const ORDER_PAID = {
  connector: 'shop',
  event: 'order_paid',
  name: 'Paid orders',
  routes: [{ workflow: 'orders' }],
}

/** A shop with an event, an account and a workflow. */
export async function connectShop(ok: Tenant['ok'], options: ShopOptions): Promise<Shop> {
  const shop = await startShop(options)
  await ok('import_spec', { url: `${shop.url}/openapi.json`, slug: 'shop' })
  await ok('define_event', { connector: 'shop', event: shopEvent(options) })
  await ok('create_connection', { connector: 'shop', credentials: { token: SHOP_TOKEN } })
  await ok('create_workflow', { slug: 'orders', name: 'Orders', code: 'export default async () => 1' })
  await ok('publish_workflow', { workflow: 'orders' })
  await ok('deploy_workflow', { workflow: 'orders', environment: 'dev' })
  return shop
}

const text = { type: 'string' }
const RENEW = {
  operationId: 'renewWebhook',
  parameters: [{ name: 'hook_id', in: 'path', required: true, schema: text }],
  responses: { 200: { description: 'Renewed.' } },
}
const LIST = {
  operationId: 'listWebhooks',
  responses: {
    200: {
      description: 'All.',
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: {
              data: { type: 'array', items: { type: 'object', properties: { id: text, target_url: text } } },
            },
          },
        },
      },
    },
  },
}

interface Described {
  lists: boolean
  choice: boolean
  issues: boolean
  lives: number
  renews: boolean
}

const describeShop = (url: string, { lists, choice, issues, lives, renews }: Described) => ({
  openapi: '3.1.0',
  info: { title: 'Shop', version: '1' },
  servers: [{ url }],
  security: [{ token: [] }],
  paths: {
    '/webhooks': {
      ...(lists ? { get: LIST } : {}),
      post: {
        operationId: 'createWebhook',
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['target_url', ...(choice ? ['events'] : [])],
                properties: {
                  target_url: text,
                  ...(choice
                    ? {
                        events: {
                          type: 'array',
                          items: { type: 'string', enum: ['order.created', 'order.paid'] },
                        },
                      }
                    : {}),
                  ...(issues ? {} : { signing_secret: text }),
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
                  properties: {
                    data: {
                      type: 'object',
                      properties: {
                        id: text,
                        target_url: text,
                        ...(issues ? { signing_secret: text } : {}),
                        ...(lives > 0 ? { expires_at: { type: 'string', format: 'date-time' } } : {}),
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
    '/webhooks/{hook_id}': {
      ...(renews ? { patch: RENEW } : {}),
      delete: {
        operationId: 'deleteWebhook',
        parameters: [{ name: 'hook_id', in: 'path', required: true, schema: text }],
        responses: { 204: { description: 'Gone.' } },
      },
    },
  },
  components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
})
