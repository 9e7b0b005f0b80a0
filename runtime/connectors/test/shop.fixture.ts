import type { JsonObject } from '../../../core/json.ts'
import type { ActionDefinition } from '../definition.ts'
import type { Called, TestPort } from './port.ts'

const object = (properties: Record<string, unknown>, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
})
const text = { type: 'string' }

function action(
  slug: string,
  method: string,
  path: string,
  properties: Record<string, unknown> = {},
  more: Partial<ActionDefinition> = {},
): ActionDefinition {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  return {
    slug,
    name: slug,
    description: '',
    method,
    path,
    effect: method === 'GET' ? 'read' : method === 'DELETE' ? 'destructive' : 'write',
    idempotent: method !== 'POST',
    parameters: inPath.map((name) => ({
      name,
      in: 'path' as const,
      inputKey: name,
      required: true,
      style: 'simple' as const,
      explode: false,
    })),
    inputSchema: object({ ...Object.fromEntries(inPath.map((name) => [name, text])), ...properties }, [
      ...inPath,
      ...Object.keys(properties).filter((key) => key !== 'note'),
    ]),
    tags: [],
    ...more,
  }
}

const order = object({ id: text, name: text, note: text })

/** A shop: orders, their lines, and a few things that are not to be touched. */
export const shopActions: ActionDefinition[] = [
  action('delete_order', 'DELETE', '/orders/{order_id}'),
  action('get_order', 'GET', '/orders/{order_id}', {}, { outputSchema: order }),
  action('update_order', 'PATCH', '/orders/{order_id}', { note: text }, { outputSchema: order }),
  action('create_line', 'POST', '/orders/{order_id}/lines', { name: text }, { outputSchema: order }),
  action('get_line', 'GET', '/orders/{order_id}/lines/{line_id}', {}, { outputSchema: order }),
  action('create_order', 'POST', '/orders', { name: text, note: text }, { outputSchema: order }),
  action(
    'list_orders',
    'GET',
    '/orders',
    {},
    { outputSchema: object({ data: { type: 'array', items: order } }) },
  ),
  action('delete_all_orders', 'DELETE', '/orders'),
  action('get_invoice', 'GET', '/invoices/{invoice_id}'),
]

export interface Shop {
  port: TestPort
  /** `action input` of each call. */
  calls: { action: string; input: JsonObject }[]
  orders: Map<string, JsonObject>
  lines: Map<string, JsonObject>
  /** Answers in place of the shop's own. */
  instead: Record<string, (input: JsonObject) => Partial<Called> | undefined>
}

/** The shop as a port: it keeps what it is told. */
export function buildShop(): Shop {
  let calls = 0
  const shop: Shop = {
    calls: [],
    orders: new Map([['their-own', { id: 'their-own', name: 'of the user' }]]),
    lines: new Map(),
    instead: {},
    port: {
      readPages: async () => null,
      call: async (slug, input) => {
        calls += 1
        shop.calls.push({ action: slug, input })
        const trace = `trc_${calls}`
        const other = shop.instead[slug]?.(input)
        const result = other ?? answer(slug, input)
        const ok = { ok: true, output: null, status: 200, warnings: [], trace, durationMs: 1 }
        const failed = { message: 'refused', refusedInput: false, unknown: false, trace }
        return { ...(result.ok === false ? failed : ok), ...result } as Called
      },
    },
  }
  const missing = { ok: false, status: 404, message: 'no such thing' } as const
  const made = (things: Map<string, JsonObject>, { order_id: _order, ...input }: JsonObject) => {
    const id = `new-${things.size + 1}`
    things.set(id, { id, ...input })
    return { ok: true as const, status: 201, output: { id, ...input } }
  }
  const read = (things: Map<string, JsonObject>, id: unknown) => {
    const found = things.get(String(id))
    return found === undefined ? missing : { ok: true as const, output: found }
  }
  function answer(slug: string, input: JsonObject): Partial<Called> {
    const { order_id: orderId, line_id: lineId, ...rest } = input
    if (slug === 'list_orders') return { ok: true, output: { data: [...shop.orders.values()] } }
    if (slug === 'create_order') return made(shop.orders, input)
    if (slug === 'create_line') return shop.orders.has(String(orderId)) ? made(shop.lines, input) : missing
    if (slug === 'get_order') return read(shop.orders, orderId)
    if (slug === 'get_line') return read(shop.lines, lineId)
    if (slug === 'update_order') {
      const old = shop.orders.get(String(orderId))
      if (old === undefined) return missing
      shop.orders.set(String(orderId), { ...old, ...rest })
      return { ok: true, output: { ...old, ...rest } }
    }
    if (slug === 'delete_order')
      return shop.orders.delete(String(orderId)) ? { ok: true, status: 204 } : missing
    return missing
  }
  return shop
}
