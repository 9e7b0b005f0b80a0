import { expect, test } from 'vitest'
import { retryDelayMs } from '../executions/retry.ts'
import {
  challengeAnswer,
  Deduplication,
  DeliveryAttempts,
  deliveryKey,
  retryPolicyOf,
  Verification,
} from './webhook-config.ts'

const config = (verification: object, deduplication: object = {}) => ({
  verification: Verification.parse(verification),
  deduplication: Deduplication.parse(deduplication),
})

test.each<[string, Record<string, string>, object, string | null]>([
  ['github', { 'x-github-delivery': 'd-1' }, {}, 'd-1'],
  ['standard_webhooks', { 'webhook-id': 'msg_1' }, {}, 'msg_1'],
  ['shopify', { 'x-shopify-webhook-id': 's-1' }, {}, 's-1'],
  ['stripe', {}, { id: 'evt_1' }, 'evt_1'],
  ['slack', {}, { event_id: 'Ev1' }, 'Ev1'],
  ['api_key', { 'x-github-delivery': 'd-1' }, { id: 'evt_1' }, null],
  ['github', {}, {}, null],
  ['stripe', {}, { id: { nested: true } }, null],
])('%s deliveries are told apart by their sender’s id', (scheme, headers, payload, key) => {
  expect(deliveryKey(config({ scheme }), headers, payload as never)).toBe(key)
})

test('a named header or payload field takes the place of the sender’s id, and enabled: false of both', () => {
  expect(deliveryKey(config({ scheme: 'github' }, { header: 'X-Id' }), { 'x-id': 'a' }, {})).toBe('a')
  expect(deliveryKey(config({}, { payloadPath: 'data.0.id' }), {}, { data: [{ id: 7 }] })).toBe('7')
  expect(deliveryKey(config({ scheme: 'stripe' }, { enabled: false }), {}, { id: 'evt_1' })).toBeNull()
})

test('a key is bounded and stays distinct', () => {
  const key = (id: string) => deliveryKey(config({ scheme: 'stripe' }), {}, { id })
  expect(key('x'.repeat(255))).toBe('x'.repeat(255))
  expect(key('x'.repeat(100_000))?.length).toBeLessThanOrEqual(255)
  expect(key('x'.repeat(300))).not.toBe(key('x'.repeat(301)))
  expect(key('a\0b')).toMatch(/^sha256:/)
})

test.each<[string, object, string]>([
  ['a header for a preset', { scheme: 'github', header: 'x' }, 'header'],
  ['a tolerance where no time is signed', { scheme: 'shopify', toleranceSeconds: 60 }, 'toleranceSeconds'],
  ['a signature without a header', { scheme: 'hmac_sha256' }, 'header'],
  [
    'an unknown placeholder',
    { scheme: 'hmac_sha256', header: 'x', signedPayload: '{url}{body}' },
    'signedPayload',
  ],
  [
    'a signature that leaves the body out',
    { scheme: 'hmac_sha256', header: 'x', signedPayload: '{timestamp}' },
    'signedPayload',
  ],
  [
    'a signed time from nowhere',
    { scheme: 'hmac_sha256', header: 'x', signedPayload: '{timestamp}{body}' },
    'timestampHeader',
  ],
  [
    'a time that is not signed',
    { scheme: 'hmac_sha256', header: 'x', timestampHeader: 'y' },
    'timestampHeader',
  ],
])('%s is refused: the setting would have no effect', (_, verification, field) => {
  expect(Verification.safeParse(verification).error?.issues[0]?.path).toEqual([field])
})

test('a question of the sender is answered with its own value, and an event is not taken for one', () => {
  const slack = { verification: Verification.parse({ scheme: 'slack' }), challenge: null }
  const question = { type: 'url_verification', challenge: 'c-1', token: 't' }
  expect(challengeAnswer(slack, question)).toEqual({ challenge: 'c-1' })
  expect(challengeAnswer(slack, { type: 'event_callback', challenge: 'c-1' })).toBeNull()
  expect(challengeAnswer(slack, { type: 'url_verification', challenge: { nested: true } })).toBeNull()
  const none = { verification: Verification.parse({ scheme: 'none' }), challenge: null }
  expect(challengeAnswer(none, question)).toBeNull()
  const own = { ...none, challenge: { field: 'kind', value: 'ping', answerField: 'nonce' } }
  expect(challengeAnswer(own, { kind: 'ping', nonce: 'n' })).toEqual({ nonce: 'n' })
})

test('the waits of a webhook grow as it says', () => {
  const waits = (backoff: string) =>
    [1, 2, 3, 4, 5].map((attempt) =>
      retryDelayMs(retryPolicyOf(DeliveryAttempts.parse({ maxAttempts: 5, backoff })), attempt, 0.5),
    )
  expect(waits('exponential')).toEqual([1_000, 2_000, 4_000, 8_000, undefined])
  expect(waits('linear')).toEqual([1_000, 2_000, 3_000, 4_000, undefined])
  expect(waits('fixed')).toEqual([1_000, 1_000, 1_000, 1_000, undefined])
})
