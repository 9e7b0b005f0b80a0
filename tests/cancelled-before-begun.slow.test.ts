import { afterAll, beforeAll, expect, test } from 'vitest'
import { deliver, deployWorkflow, installApp, installWebhook } from './setup/flow.ts'
import { eventually, startTestPlatform, type Tenant, type TestPlatform } from './setup/platform.ts'
import { startUpstream, type Upstream } from './setup/upstream.ts'

let server: TestPlatform
let tenant: Tenant
let upstream: Upstream

beforeAll(async () => {
  server = await startTestPlatform('embedded', { PATCHBAY_WORKER_CONCURRENCY: '1' })
  tenant = await server.organization()
  upstream = await startUpstream()
  await installApp(tenant, upstream.url)
})
afterAll(async () => {
  await upstream.close()
  await server.close()
})

test('what is cancelled before it gets a place is never run, wherever it waits for one', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  upstream.answer = async () => {
    await held
    return { status: 200, body: { ok: true } }
  }
  const slug = await deployWorkflow(
    tenant,
    'calls',
    "export default async (ctx) => ctx.connectors.app.read_thing({ id: '1' })",
  )
  const hook = await installWebhook(tenant, slug)
  const statusOf = async (id: string) =>
    (await tenant.ok('get_execution', { execution: id })).execution.status as string
  const accepted = async (): Promise<string> => (await deliver(hook.url, {})).body.executionIds[0]

  const first = await accepted()
  await eventually(async () => upstream.received.length === 1)
  // Some wait in this process, which is for some 300 ms, others are back in the queue by then.
  for (const pause of [0, 0, 100, 250, 500, 1_500]) {
    const id = await accepted()
    await new Promise((next) => setTimeout(next, pause))
    await tenant.ok('cancel_execution', { execution: id })
    await eventually(async () => (await statusOf(id)) === 'cancelled')
  }
  expect(await statusOf(first)).toBe('running')
  release()
  await eventually(async () => (await statusOf(first)) === 'completed')
  expect(upstream.received).toHaveLength(1)
})
