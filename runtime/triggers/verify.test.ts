import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { sign as signGithub } from '@octokit/webhooks-methods'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { newWebhookSecret, secretProblem, verifyWebhook } from './verify.ts'
import { Verification, verificationSchemes } from './webhook-config.ts'

const NOW = 1_790_000_000
const body = Buffer.from('{"title":"Grüße 🚀"}')

interface Vector {
  id: string
  scheme: string
  secret: string
  headers: Record<string, string>
  body: string
  now?: number
  tolerance_seconds?: number
  valid: boolean
}

const vectorFile = new URL('../../../shared/data/webhooks/vectors.json', import.meta.url)
const schemeNames: Record<string, string> = {
  'standard-webhooks': 'standard_webhooks',
  'github-sha256': 'github',
  'slack-v0': 'slack',
}

describe.skipIf(!existsSync(vectorFile))('published vectors (needs ../shared/data)', () => {
  const { vectors } = existsSync(vectorFile)
    ? (JSON.parse(readFileSync(vectorFile, 'utf8')) as { vectors: Vector[] })
    : { vectors: [] }
  test.each(vectors.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    const verdict = verifyWebhook(
      Verification.parse({
        scheme: schemeNames[vector.scheme] ?? vector.scheme,
        ...(vector.tolerance_seconds === undefined ? {} : { toleranceSeconds: vector.tolerance_seconds }),
      }),
      vector.secret,
      { headers: vector.headers, rawBody: Buffer.from(vector.body), nowSeconds: vector.now ?? NOW },
    )
    expect(verdict.ok).toBe(vector.valid)
  })
})

const check = (
  verification: object,
  secret: string | null,
  headers: Record<string, string>,
  rawBody = body,
  nowSeconds = NOW,
) => verifyWebhook(Verification.parse(verification), secret, { headers, rawBody, nowSeconds })

describe('deliveries signed by independent libraries', () => {
  test('standardwebhooks', () => {
    const secret = newWebhookSecret('standard_webhooks')
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(NOW),
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(NOW * 1000), body.toString()),
    }
    expect(check({ scheme: 'standard_webhooks' }, secret, headers)).toEqual({ ok: true })
    expect(check({ scheme: 'standard_webhooks' }, secret.replace('whsec_', ''), headers).ok).toBe(true)
    expect(check({ scheme: 'standard_webhooks' }, secret, { ...headers, 'webhook-id': 'msg_2' }).ok).toBe(
      false,
    )
    const { 'webhook-id': _, ...withoutId } = headers
    expect(check({ scheme: 'standard_webhooks' }, secret, withoutId)).toMatchObject({
      ok: false,
      where: 'headers.webhook-id',
    })
  })

  test('octokit', async () => {
    const headers = { 'x-hub-signature-256': await signGithub('a secret', body.toString()) }
    expect(check({ scheme: 'github' }, 'a secret', headers)).toEqual({ ok: true })
    expect(check({ scheme: 'github' }, 'another', headers).ok).toBe(false)
  })

  test('stripe, within the window on both sides and with any of several secrets', () => {
    const header = (secret: string) =>
      new Stripe('sk_test_x').webhooks.generateTestHeaderString({
        payload: body.toString(),
        secret,
        timestamp: NOW,
      })
    const headers = { 'stripe-signature': header('whsec_one') }
    expect(check({ scheme: 'stripe' }, 'whsec_one', headers)).toEqual({ ok: true })
    const both = { 'stripe-signature': `${header('whsec_old')},${header('whsec_one').split(',')[1]}` }
    expect(check({ scheme: 'stripe' }, 'whsec_one', both)).toEqual({ ok: true })
    for (const [offset, ok] of [
      [300, true],
      [301, false],
      [-300, true],
      [-301, false],
    ] as const)
      expect(check({ scheme: 'stripe' }, 'whsec_one', headers, body, NOW + offset).ok).toBe(ok)
    const twoTimes = { 'stripe-signature': `t=1,${header('whsec_one')}` }
    expect(check({ scheme: 'stripe' }, 'whsec_one', twoTimes).ok).toBe(false)
  })
})

test('hmac_sha256 signs the body alone, in hex, unless told otherwise', () => {
  const hex = createHmac('sha256', 'secret12').update(body).digest('hex')
  const hmac = { scheme: 'hmac_sha256', header: 'X-Sign' }
  expect(check(hmac, 'secret12', { 'x-sign': hex })).toEqual({ ok: true })
  expect(check({ ...hmac, prefix: 'sha256=' }, 'secret12', { 'x-sign': `sha256=00,sha256=${hex}` }).ok).toBe(
    true,
  )
  expect(check({ ...hmac, prefix: 'sha256=' }, 'secret12', { 'x-sign': hex })).toMatchObject({
    ok: false,
    where: 'headers.x-sign',
  })
  const base64 = Buffer.from(hex, 'hex').toString('base64')
  expect(check({ ...hmac, encoding: 'base64' }, 'secret12', { 'x-sign': base64 }).ok).toBe(true)
  expect(check({ ...hmac, encoding: 'base64' }, 'secret12', { 'x-sign': hex }).ok).toBe(false)
})

test('a timestamp in the signed text is bound to the signature and to the window', () => {
  const hmac = {
    scheme: 'hmac_sha256',
    header: 'x-sign',
    signedPayload: '{timestamp}.{body}',
    timestampHeader: 'x-time',
    toleranceSeconds: 60,
  }
  const headersAt = (time: string) => ({
    'x-time': time,
    'x-sign': createHmac('sha256', 'secret12').update(`${time}.`).update(body).digest('hex'),
  })
  expect(check(hmac, 'secret12', headersAt(String(NOW)))).toEqual({ ok: true })
  expect(check(hmac, 'secret12', headersAt(String(NOW * 1000)))).toEqual({ ok: true })
  expect(check(hmac, 'secret12', headersAt(String(NOW - 61)))).toMatchObject({
    ok: false,
    where: 'headers.x-time',
  })
  expect(check(hmac, 'secret12', { ...headersAt(String(NOW)), 'x-time': String(NOW - 1) }).ok).toBe(false)
  expect(check(hmac, 'secret12', headersAt('now')).ok).toBe(false)
})

test('an API key comes in its header, whole', () => {
  expect(check({}, 'whk_123456', { 'x-api-key': 'whk_123456' })).toEqual({ ok: true })
  expect(check({}, 'whk_123456', { 'x-api-key': 'whk_12345' }).ok).toBe(false)
  expect(check({}, 'whk_123456', {})).toMatchObject({ ok: false, where: 'headers.x-api-key' })
  const bearer = { scheme: 'api_key', header: 'Authorization', prefix: 'Bearer ' }
  expect(check(bearer, 'whk_123456', { authorization: 'Bearer whk_123456' }).ok).toBe(true)
  expect(check(bearer, 'whk_123456', { authorization: 'whk_123456' }).ok).toBe(false)
})

test('only the scheme none works without a secret', () => {
  for (const scheme of verificationSchemes) {
    const options = scheme === 'hmac_sha256' ? { scheme, header: 'x-sign' } : { scheme }
    expect(check(options, null, {}).ok).toBe(scheme === 'none')
    expect(check(options, '', {}).ok).toBe(scheme === 'none')
  }
})

test('generated secrets fit their scheme', () => {
  for (const scheme of verificationSchemes.filter((name) => name !== 'none'))
    expect(secretProblem(scheme, newWebhookSecret(scheme))).toBeUndefined()
  expect(secretProblem('standard_webhooks', 'whsec_not base64')).toBeDefined()
  expect(secretProblem('github', 'short')).toBeDefined()
  expect(secretProblem('api_key', 'line\nbreak')).toBeDefined()
})

test('no change of a signed body, and no other header, passes', () => {
  const secret = 'a long enough secret'
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(),
      fc.string(),
      (bytes, at, header) => {
        const signed = Buffer.from(bytes)
        const signature = `sha256=${createHmac('sha256', secret).update(signed).digest('hex')}`
        const changed = Buffer.from(signed)
        const i = at % changed.length
        changed[i] = (changed[i] ?? 0) ^ 1
        const github = { scheme: 'github' }
        expect(check(github, secret, { 'x-hub-signature-256': signature }, signed).ok).toBe(true)
        expect(check(github, secret, { 'x-hub-signature-256': signature }, changed).ok).toBe(false)
        expect(check(github, secret, { 'x-hub-signature-256': header }, signed).ok).toBe(false)
      },
    ),
  )
})
