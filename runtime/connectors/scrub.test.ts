import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../core/json.ts'
import type { AuthMethod } from './auth-method.ts'
import { buildScrubber } from './scrub.ts'

const KEY = 'sk/live+9f8e7d6c5b4a'
const apiKey: AuthMethod = { slug: 'key', type: 'api_key', name: 'Key' }
const basic: AuthMethod = { slug: 'basic', type: 'basic_auth', name: 'Basic' }
const oauth: AuthMethod = { slug: 'oauth', type: 'oauth2', name: 'OAuth' }

/** What is left of a JSON answer, as it is written on the wire. */
const scrubbed = (text: string, credentials: Record<string, string> = { apiKey: KEY }, method = apiKey) =>
  buildScrubber(method, credentials).output(JSON.parse(text) as Json, Buffer.from(text))
const asJson = (value: unknown, credentials?: Record<string, string>, method?: AuthMethod) =>
  scrubbed(JSON.stringify(value), credentials, method)

test('a credential that an app echoes is taken out wherever it stands, however it is encoded', () => {
  expect(asJson({ a: [KEY, { b: `Bearer ${KEY}`, [KEY]: 1 }], n: 7 })).toEqual({
    a: ['[redacted]', { b: 'Bearer [redacted]', '[redacted]': 1 }],
    n: 7,
  })
  expect(asJson({ url: `https://a.example/?key=${encodeURIComponent(KEY)}&page=2` })).toEqual({
    url: 'https://a.example/?key=[redacted]&page=2',
  })
  expect(scrubbed('{"php":"sk\\/live+9f8e7d6c5b4a","net":"sk\\u002flive\\u002B9f8e7d6c5b4a"}')).toEqual({
    php: '[redacted]',
    net: '[redacted]',
  })
  expect(asJson(KEY)).toBe('[redacted]')
})

test('what could be data of the app is left: short values, and words and numbers inside of others', () => {
  const answer = { greeting: 'a sunshine hotel', note: 'abc1234', number: 12345678, id: '00012345678' }
  for (const password of ['abc1234', 'sunshine', '12345678'])
    expect(asJson(answer, { username: 'ann', password }, basic)).toEqual(answer)
  // Alone it is the credential, and nothing else.
  expect(asJson({ password: 'sunshine' }, { username: 'ann', password: 'sunshine' }, basic)).toEqual({
    password: '[redacted]',
  })
})

test('who the account is stays readable; what opens it does not', () => {
  const credentials = { username: 'ann@example.com', password: 'correct-horse-battery' }
  const pair = Buffer.from('ann@example.com:correct-horse-battery').toString('base64')
  expect(asJson({ me: 'ann@example.com', authorization: `Basic ${pair}` }, credentials, basic)).toEqual({
    me: 'ann@example.com',
    authorization: 'Basic [redacted]',
  })
  // A key given as the user name, without a password, opens it.
  expect(asJson({ me: 'sk_test_4242424242' }, { username: 'sk_test_4242424242' }, basic)).toEqual({
    me: '[redacted]',
  })
  const tokens = {
    clientId: 'client-1234567890',
    clientSecret: 'cs-1234567890',
    accessToken: 'at-1234567890',
  }
  expect(asJson([...Object.values(tokens)], tokens, oauth)).toEqual([
    'client-1234567890',
    '[redacted]',
    '[redacted]',
  ])
  const shop: AuthMethod = { ...apiKey, fields: [{ name: 'shop', label: 'Shop', secret: false }] }
  expect(asJson(['north-shop-42'], { apiKey: KEY, shop: 'north-shop-42' }, shop)).toEqual(['north-shop-42'])
})

test('bytes are scrubbed too: text gets a note, binary formats keep their length', () => {
  const scrubber = buildScrubber(apiKey, { apiKey: KEY })
  const text = scrubber.bytes(Buffer.from(`é,${KEY},ü`), 'text/csv')
  expect(Buffer.from(text).toString()).toBe('é,[redacted],ü')
  const binary = Buffer.concat([Buffer.from([0, 255, 128]), Buffer.from(KEY), Buffer.from([254])])
  const safe = Buffer.from(scrubber.bytes(binary, 'application/pdf'))
  expect(safe).toHaveLength(binary.length)
  expect([safe[0], safe[1], safe[2], safe.at(-1)]).toEqual([0, 255, 128, 254])
  expect(safe.includes(KEY)).toBe(false)
  const other = Buffer.from('nothing here')
  expect(scrubber.bytes(other, 'text/plain')).toBe(other)
  expect(scrubber.headers({ 'x-echo': KEY, etag: 'a' })).toEqual({ 'x-echo': '[redacted]', etag: 'a' })
})

test('whatever JSON holds it, no credential is left, and the rest is as it was', () => {
  const marked = (value: unknown) => JSON.stringify(value) ?? 'null'
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string({ maxLength: 20 }), (value, around) => {
      const text = marked({ value, secret: `${around}${KEY}${around}`, __proto__: undefined })
      const out = scrubbed(text) as { value: Json; secret: string }
      expect(marked(out.value)).toBe(marked(JSON.parse(marked(value))))
      expect(out.secret).toBe(JSON.parse(marked(`${around}[redacted]${around}`)))
    }),
    { numRuns: 30 },
  )
  const proto = scrubbed(`{"__proto__":{"a":"${KEY}"},"b":{"__proto__":"${KEY}"}}`)
  expect(JSON.stringify(proto)).toBe('{"__proto__":{"a":"[redacted]"},"b":{"__proto__":"[redacted]"}}')
  const deep = scrubbed(`${'['.repeat(20_000)}"${KEY}"${']'.repeat(20_000)}`)
  let node: Json = deep
  while (Array.isArray(node)) node = node[0] ?? null
  expect(node).toBe('[redacted]')
})

test('an answer without a trace of the credential is not gone through', () => {
  const untouchable = new Proxy({}, { ownKeys: () => expect.fail('it was gone through') }) as Json
  const scrubber = buildScrubber(apiKey, { apiKey: KEY })
  expect(scrubber.output(untouchable, Buffer.from('{"a":"b"}'))).toBe(untouchable)
})
