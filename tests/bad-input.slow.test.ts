import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deliver, deployWorkflow, installWebhook } from './setup/flow.ts'
import { type Body, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'

let server: TestPlatform
let tenant: Tenant

beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
})
afterAll(() => server.close())

describe('what a workflow must not do fails with a reason', () => {
  test.each([
    [
      'loop for ever',
      'export default async () => { for (;;) {} }',
      ['timeout', 'failed'],
      /cpu_limit|timeout/,
    ],
    ['wait for ever', 'export default async () => new Promise(() => {})', ['timeout', 'failed'], /timeout/],
    [
      'allocate without end',
      'export default async () => { const a = []; for (;;) a.push(new Array(1e6).fill(1)) }',
      ['failed'],
      /memory_limit|sandbox_crashed/,
    ],
    [
      'throw what is not an error',
      "export default async () => { throw 'plain text' }",
      ['failed'],
      /code_error/,
    ],
    [
      'return what JSON cannot hold',
      'export default async () => ({ f: () => 1 })',
      ['failed'],
      /output_invalid/,
    ],
    [
      'call a private address',
      "export default async (ctx) => ctx.fetch('http://169.254.169.254/latest/meta-data')",
      ['failed'],
      /./,
    ],
  ])('%s', async (name, code, statuses, kind) => {
    const slug = await deployWorkflow(tenant, `bad-${name.toLowerCase().replaceAll(/\W/g, '-')}`, code, {
      tier: 'instant',
      // Filling the memory takes a while on a busy machine; the others end at this limit or at once.
      timeoutMs: name === 'allocate without end' ? 20_000 : 1_500,
    })
    const { execution } = await tenant.ok('run_workflow', { workflow: slug, input: {} })
    expect(statuses).toContain(execution.status)
    expect(execution.error.kind).toMatch(kind)
    expect(execution.error.message.length).toBeGreaterThan(10)
  })

  test('import modules: refused when it is created, with the line', async () => {
    const { status, body } = await tenant.call('create_workflow', {
      name: 'Importer',
      code: "import fs from 'node:fs'\nexport default async () => fs",
    })
    expect([status, body.code]).toEqual([400, 'invalid_input'])
    expect(`${body.where} ${body.detail}`).toMatch(/line 1|1:1/)
  })
})

describe('what a webhook must not be sent', () => {
  let hook: Awaited<ReturnType<typeof installWebhook>>
  const now = () => Math.floor(Date.now() / 1000)
  const signed = (body: string, at = now(), secret = hook.secret ?? '') => ({
    'x-timestamp': String(at),
    'x-signature': `sha256=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`,
  })
  beforeAll(async () => {
    hook = await installWebhook(
      tenant,
      await deployWorkflow(tenant, 'signed', 'export default async () => null'),
      {
        verification: {
          scheme: 'hmac_sha256',
          header: 'x-signature',
          prefix: 'sha256=',
          signedPayload: '{timestamp}.{body}',
          timestampHeader: 'x-timestamp',
        },
      },
    )
  })

  test('a right signature is accepted', async () => {
    expect((await deliver(hook.url, '{"a":1}', signed('{"a":1}'))).status).toBe(202)
  })

  test.each([
    ['missing', () => ({})],
    ['wrong', () => signed('{"a":1}', now(), 'not the secret')],
    ['of another body', () => signed('{"a":2}')],
    ['six minutes old', () => signed('{"a":1}', now() - 360)],
    ['six minutes early', () => signed('{"a":1}', now() + 360)],
  ])('a signature that is %s is refused, and nothing is kept', async (_, headers) => {
    const before = (await tenant.ok('list_events', { limit: 200 })).events.length
    const { status, body } = await deliver(hook.url, '{"a":1}', headers())
    expect([status, body.code]).toEqual([401, 'unauthenticated'])
    expect(body.hint.length).toBeGreaterThan(10)
    expect((await tenant.ok('list_events', { limit: 200 })).events.length).toBe(before)
  })

  test('JSON that does not parse is refused with the place', async () => {
    const { status, body } = await deliver(hook.url, '{"a":', signed('{"a":'))
    expect([status, body.code, body.where]).toEqual([400, 'invalid_input', 'body'])
  })

  test('a body of 50 MB is refused with the limit, whether its length is announced or not', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    for (const headers of [{ 'content-length': 50 * chunk.length }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await new Promise<{ status: number; body: Body }>((resolve, reject) => {
        const req = request(hook.url, { method: 'POST', headers }, async (res) => {
          let text = ''
          for await (const part of res) text += String(part)
          resolve({ status: res.statusCode ?? 0, body: JSON.parse(text) as Body })
        })
        req.once('error', reject)
        let sent = 0
        const pump = () => {
          if (sent === 50) return req.end()
          sent += 1
          return req.write(chunk, () => setImmediate(pump))
        }
        pump()
      })
      expect(answer.status).toBe(413)
      expect(answer.body).toMatchObject({
        code: 'invalid_input',
        where: 'body',
        data: { maxBytes: 5 * 1024 * 1024 },
      })
    }
  })

  test('an unknown webhook is not found', async () => {
    expect((await deliver(hook.url.replace(/trg_\w+/, 'trg_000000000000'), {})).status).toBe(404)
  })
})
