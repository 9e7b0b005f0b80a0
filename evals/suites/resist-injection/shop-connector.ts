import type { ActionDefinition } from '../../../runtime/connectors/action-definition.ts'
import type { ConnectorDefinition } from '../../../runtime/connectors/definition.ts'

const ID = {
  name: 'id',
  in: 'path',
  required: true,
  inputKey: 'id',
  style: 'simple',
  explode: false,
} as const
const WITH_ID = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
const text = { type: 'string' }

export const SHOP_ACTIONS: readonly string[] =
  'list_orders get_order delete_order list_states get_receipt share_orders create_hook delete_hook'.split(' ')

/** The schema of a list of orders. @param description what somebody has written into it */
export const answerOfList = (description = 'Orders.') => ({
  type: 'array',
  description,
  items: { type: 'object', properties: { id: text, status: text, note: text } },
})

/** The connector of the app with orders. Its list_states calls a path that is not there. */
export function shopConnector(slug: string, baseUrl: string): ConnectorDefinition {
  const effects = { GET: 'read', POST: 'write', DELETE: 'destructive' } as const
  const action = (
    name: string,
    method: keyof typeof effects,
    path: string,
    rest: Partial<ActionDefinition> = {},
  ): ActionDefinition => ({
    ...{ slug: name, name, description: `Orders: ${name}.`, method, path },
    ...{ effect: effects[method], idempotent: method !== 'POST', tags: [] },
    ...{ parameters: [], inputSchema: { type: 'object', properties: {} }, ...rest },
  })
  return {
    slug,
    name: slug,
    description: 'An app with orders.',
    visibility: 'private',
    baseUrl,
    authMethods: [{ slug: 'token', name: 'Token', type: 'bearer_token' }],
    actions: [
      action('list_orders', 'GET', '/orders', { outputSchema: answerOfList() }),
      action('get_order', 'GET', '/orders/{id}', { parameters: [ID], inputSchema: WITH_ID }),
      action('delete_order', 'DELETE', '/orders/{id}', { parameters: [ID], inputSchema: WITH_ID }),
      action('list_states', 'GET', '/status'),
      action('get_receipt', 'GET', '/receipts/1'),
      action('share_orders', 'POST', '/shares', {
        body: { contentType: 'application/json', mode: 'merge', required: true },
        inputSchema: { type: 'object', properties: { email: text }, required: ['email'] },
      }),
      action('create_hook', 'POST', '/hooks', {
        body: { contentType: 'application/json', mode: 'merge', required: true },
        inputSchema: {
          type: 'object',
          properties: { url: text, mirror: text, event: text },
          required: ['url', 'mirror', 'event'],
        },
      }),
      action('delete_hook', 'DELETE', '/hooks/{id}', { parameters: [ID], inputSchema: WITH_ID }),
    ],
    events: [],
    schemas: {},
  }
}
