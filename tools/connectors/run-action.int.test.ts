import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installApp } from '../../tests/setup/flow.ts'
import { startTestPlatform, type TestPlatform } from '../../tests/setup/platform.ts'

let platform: TestPlatform
let made = 0
const app = createServer((_request, response) => {
  made += 1
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(`{"a":${'['.repeat(6_000)}${']'.repeat(6_000)}}`)
})
beforeAll(async () => {
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done))
  platform = await startTestPlatform()
})
afterAll(async () => {
  await platform.close()
  app.close()
})

test('an answer that is nested too deeply is told as the app’s, and that the call was made', async () => {
  const tenant = await platform.organization()
  await installApp(tenant, `http://127.0.0.1:${(app.address() as AddressInfo).port}`)
  const { status, body } = await tenant.call('run_action', {
    ...{ connector: 'app', action: 'write_thing', input: { id: 'x' } },
  })
  expect(body).toMatchObject({
    code: 'upstream_error',
    detail: expect.stringContaining(
      'The app answered 200, with JSON that is nested more than 1000 levels deep',
    ),
    hint: expect.stringContaining('The call was made'),
    retryable: false,
  })
  expect(status).toBe(502)
  expect(made).toBe(1)
})
