import { createHmac, randomUUID } from 'node:crypto'
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
}

/** A shop that keeps who is subscribed, and signs what it sends them. */
export interface Shop extends Upstream {
  hooks: Map<string, Hook>
  /** Answers calls about hooks with this status; null: as they should be. */
  broken: number | null
  /** Called when a hook was made or deleted, before it is answered; false: no answer ever comes. */
  made: () => boolean
  deleted: () => boolean
  send(event: string, data: object): Promise<number[]>
}

/**
 * @param lists does its description say how hooks are listed?
 * @param choice can a hook be for some events only?
 */
export async function startShop({ lists = false, choice = true } = {}): Promise<Shop> {
  const upstream = await startUpstream()
  const shop: Shop = Object.assign(upstream, {
    hooks: new Map<string, Hook>(),
    broken: null,
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
  shop.answer = ({ method, path, headers, body }: Received) => {
    if (path === '/openapi.json') return { status: 200, body: describeShop(shop.url, { lists, choice }) }
    if (headers.authorization !== `Bearer ${SHOP_TOKEN}`)
      return { status: 401, body: { error: 'who are you?' } }
    if (shop.broken !== null) return { status: shop.broken, body: { error: 'not now' } }
    if (method === 'POST' && path === '/webhooks') {
      const hook = { ...(JSON.parse(body) as Omit<Hook, 'id'>), id: `hook_${randomUUID().slice(0, 8)}` }
      shop.hooks.set(hook.id, hook)
      if (!shop.made()) return null
      // As careless apps do: the secret comes back.
      return { status: 201, body: { data: hook } }
    }
    const id = path.match(/^\/webhooks\/(\w+)$/)?.[1]
    if (method === 'GET' && path === '/webhooks')
      return {
        status: 200,
        body: {
          data: [...shop.hooks.values()].map(({ id: hook, target_url }) => ({ id: hook, target_url })),
        },
      }
    if (method === 'DELETE' && id !== undefined && !shop.deleted()) return null
    if (method === 'DELETE' && id !== undefined)
      return shop.hooks.delete(id) ? { status: 204, body: '' } : { status: 404, body: { error: 'none such' } }
    return { status: 404, body: { error: 'no such address' } }
  }
  return shop
}

const text = { type: 'string' }
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

const describeShop = (url: string, { lists, choice }: { lists: boolean; choice: boolean }) => ({
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
