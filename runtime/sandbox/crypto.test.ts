import { createHash, createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { cryptoCall } from './crypto-calls.ts'
import { type Bridge, buildSandbox } from './sandbox.ts'
import { jobFor, outputOf, silentLog, workflow } from './testing.ts'

const sandbox = buildSandbox({ processes: 1, log: silentLog })
afterAll(() => sandbox.close())

const bridge: Bridge = ({ name, args }) => cryptoCall(name, args)
const run = (body: string, input: unknown = null) =>
  sandbox.run(jobFor(workflow(body), { input: input as never }), bridge)
const helpers = `
  const bytes = (text) => new TextEncoder().encode(text)
  const hex = (buffer) => [...new Uint8Array(buffer)].map((b) => b.toString(16).padStart(2, '0')).join('')
`

test('digests are those of the algorithm, for text of any length and bytes of any value', async () => {
  const texts = ['', 'a', 'ab', 'abc', 'Zażółć gęślą jaźń 👋', 'x'.repeat(10_000)]
  const result = await run(
    `${helpers}
    const all = []
    for (const text of ctx.input)
      for (const name of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'])
        all.push(hex(await crypto.subtle.digest(name, bytes(text))))
    return all`,
    texts,
  )
  expect(outputOf(result)).toEqual(
    texts.flatMap((text) =>
      ['sha1', 'sha256', 'sha384', 'sha512'].map((name) => createHash(name).update(text).digest('hex')),
    ),
  )
})

test('HMAC signs and verifies as the host does, and a key shows nothing of itself', async () => {
  const result = await run(
    `${helpers}
    const key = await crypto.subtle.importKey('raw', bytes('s3cret'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
    const signature = await crypto.subtle.sign('HMAC', key, bytes('message'))
    return {
      signature: hex(signature),
      good: await crypto.subtle.verify('HMAC', key, signature, bytes('message')),
      bad: await crypto.subtle.verify('HMAC', key, signature, bytes('massage')),
      key: JSON.stringify(key),
    }`,
  )
  const output = outputOf(result) as Record<string, unknown>
  expect(output).toMatchObject({
    signature: createHmac('sha256', 's3cret').update('message').digest('hex'),
    good: true,
    bad: false,
  })
  expect(String(output.key)).not.toContain('s3cret')
  expect(String(output.key)).not.toContain(Buffer.from('s3cret').toString('base64'))
})

test('a private key signs, as JWT grants need it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const result = await run(
    `${helpers}
    const der = Uint8Array.from(atob(ctx.input), (c) => c.charCodeAt(0))
    const key = await crypto.subtle.importKey('pkcs8', der, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])
    return hex(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, bytes('header.payload')))`,
    privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
  )
  const signature = Buffer.from(String(outputOf(result)), 'hex')
  expect(verify('sha256', Buffer.from('header.payload'), publicKey, signature)).toBe(true)
})

test.each([
  ['an algorithm that is not there', `crypto.subtle.digest('MD5', bytes('x'))`, /digest/],
  ['text in place of bytes', `crypto.subtle.digest('SHA-256', 'x')`, /takes bytes/],
  ['a key that is none', `crypto.subtle.sign('HMAC', { type: 'secret' }, bytes('x'))`, /this is no key/],
  [
    'a broken key',
    `crypto.subtle.importKey('pkcs8', bytes('nonsense'), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'])`,
    /importKey/,
  ],
])('%s is refused, saying what is', async (_name, call, message) => {
  const result = await run(`${helpers} return ${call}`)
  expect(result).toMatchObject({ status: 'failed', error: { message: expect.stringMatching(message) } })
})

test('crypto cannot be tampered with', async () => {
  const result = await run(`
    let refused = 0
    for (const change of [() => { crypto.subtle = null }, () => { crypto.subtle.sign = null }, () => { crypto.extra = 1 }])
      try { change() } catch { refused++ }
    return refused`)
  expect(outputOf(result)).toBe(3)
})
