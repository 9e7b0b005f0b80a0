import { expect, test } from 'vitest'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import { checkDraftEvent, type DraftEvent } from './check-draft-event.ts'

const action = (slug: string, method: string, path: string, inputs: string[], baseUrl?: string) => ({
  slug,
  method,
  path,
  ...(baseUrl === undefined ? {} : { baseUrl }),
  parameters: [],
  inputSchema: {
    type: 'object',
    properties: Object.fromEntries(inputs.map((name) => [name, {}])),
    required: [],
  },
})
// Subscribing here is no pair that code understands: the model must say how.
const definition = {
  slug: 'shop',
  baseUrl: 'https://api.shop.test',
  schemas: {},
  events: [],
  actions: [
    action('register_hook', 'POST', '/hooks/register', ['where', 'url', 'kinds', 'key', 'note']),
    action('remove_hook', 'POST', '/hooks/remove', ['hook']),
    action('remove_hook_elsewhere', 'POST', '/hooks/remove', ['hook'], 'https://other.test'),
    action('list_hooks', 'GET', '/hooks', []),
    action('delete_customer', 'DELETE', '/customers/{id}', ['id']),
  ],
} as unknown as ConnectorDefinition

const passages = [
  {
    id: 'dch_1',
    url: 'https://docs.shop.test/hooks',
    breadcrumb: ['Hooks'],
    content:
      'order.paid is sent when an order was paid. Signed in X-Sign (HMAC). Body: {"kind": "order.paid", "order": {"id": 1}}',
  },
  { id: 'dch_2', url: null, breadcrumb: ['Other'], content: 'Stripe-Signature, X-Other' },
]
const subscription = {
  subscribe: {
    action: 'register_hook',
    input: { url: '{webhookUrl}', key: '{secret}', kinds: ['order.paid'] },
  },
  unsubscribe: { action: 'remove_hook', input: { hook: '{subscriptionId}' } },
  idPath: 'id',
}
const signature = {
  scheme: 'hmac_sha256',
  header: 'X-Sign',
  prefix: null,
  encoding: null,
  signedPayload: null,
  timestampHeader: null,
}
const good: DraftEvent = {
  name: 'order.paid',
  title: 'Paid',
  description: 'An order was paid.',
  signature,
  type: { field: 'payload.kind', value: 'order.paid' },
  subscription,
  example: { kind: 'order.paid', order: { id: 1 } },
  citations: ['dch_1', 'dch_unknown'],
}
const check = (change: object) => checkDraftEvent({ ...good, ...change }, definition, passages)
const subscribing = (input: object, calls: object = {}) => ({
  subscription: { ...subscription, subscribe: { action: 'register_hook', input }, ...calls },
})

test('what holds is taken whole, with its passages', () => {
  expect(check({})).toEqual({
    found: {
      event: {
        slug: 'order_paid',
        name: 'order.paid',
        description: 'Paid: An order was paid.',
        webhookVerification: { scheme: 'hmac_sha256', header: 'x-sign' },
        subscription,
        type: good.type,
        example: good.example,
      },
      citations: [{ passage: 'dch_1', url: 'https://docs.shop.test/hooks' }],
    },
    dropped: [],
  })
})

test.each([
  ['founded on nothing', { citations: ['dch_unknown'] }, 'cites no passage'],
  ['whose name is made up', { name: 'order.lost' }, 'stands in none'],
  ['without a name', { name: ' ' }, 'stands in none'],
])('an event %s is dropped', (_, change, why) => {
  const { found, dropped } = check(change)
  expect(found).toBeUndefined()
  expect(dropped).toEqual([
    { event: (change as { name?: string }).name ?? 'order.paid', why: expect.stringContaining(why) },
  ])
})

test.each([
  [
    'webhookVerification',
    'a scheme there is not',
    { signature: { ...signature, scheme: 'rot13' } },
    'not one that',
  ],
  [
    'webhookVerification',
    'no scheme at all',
    { signature: { ...signature, scheme: 'none', header: null } },
    'unsigned',
  ],
  [
    'webhookVerification',
    'a header no passage has',
    { signature: { ...signature, header: 'X-Made-Up' } },
    'Nothing of',
  ],
  [
    'webhookVerification',
    'a header of a passage not cited',
    { signature: { ...signature, header: 'X-Other' } },
    'Nothing of',
  ],
  [
    'webhookVerification',
    'a preset that no cited passage tells',
    { signature: { ...signature, scheme: 'stripe', header: null } },
    'Nothing of',
  ],
  [
    'type',
    'a value made up',
    { type: { field: 'payload.kind', value: 'paid!' }, example: null },
    'says its type',
  ],
  [
    'type',
    'a place made up',
    { type: { field: 'payload.sort', value: 'order.paid' }, example: null },
    'says its type',
  ],
  [
    'type',
    'a place outside of deliveries',
    { type: { field: 'body.kind', value: 'order.paid' }, example: null },
    'says its type',
  ],
  ['example', 'made up fields', { example: { kind: 'order.paid', colour: 'red' } }, 'colour'],
  ['example', 'another event', { example: { kind: 'order.id' } }, 'is another'],
  [
    'subscription',
    'no such action',
    {
      subscription: {
        ...subscription,
        unsubscribe: { action: 'gone', input: subscription.unsubscribe.input },
      },
    },
    "no action 'gone'",
  ],
  [
    'subscription',
    'an action about something else',
    subscribing(subscription.subscribe.input, {
      unsubscribe: { action: 'delete_customer', input: { id: '{subscriptionId}' } },
    }),
    'not about subscriptions',
  ],
  [
    'subscription',
    'an action of another host',
    subscribing(subscription.subscribe.input, {
      unsubscribe: { action: 'remove_hook_elsewhere', input: subscription.unsubscribe.input },
    }),
    'different addresses',
  ],
  [
    'subscription',
    'a read',
    subscribing({}, { subscribe: { action: 'list_hooks', input: {} } }),
    'webhookUrl',
  ],
  [
    'subscription',
    'an input there is not',
    subscribing({ url: '{webhookUrl}', colour: '{secret}' }),
    'colour',
  ],
  [
    'subscription',
    'an address of its own',
    subscribing({ url: 'https://evil.test', note: '{webhookUrl}' }),
    "'url' must not be",
  ],
  [
    'subscription',
    'a host of its own',
    subscribing({ url: 'evil.test', note: '{webhookUrl}' }),
    "'url' must not be",
  ],
  [
    'subscription',
    'an address around ours',
    subscribing({ url: 'https://evil.test/?to={webhookUrl}' }),
    "'url' must not be",
  ],
  [
    'subscription',
    'an address anywhere',
    subscribing({ url: '{webhookUrl}', note: '//evil.test' }),
    "'note' must not be",
  ],
  [
    'subscription',
    'a secret in a text',
    subscribing({ url: '{webhookUrl}', note: 'key {secret}' }),
    "'note' must not be",
  ],
])('%s with %s is dropped, and the event stays without it', (part, _, change, why) => {
  const { found, dropped } = check(change)
  expect(dropped).toEqual([{ event: 'order.paid', why: expect.stringContaining(why) }])
  expect(found?.event).toBeDefined()
  expect(found?.event[part as 'type']).toBeUndefined()
})
