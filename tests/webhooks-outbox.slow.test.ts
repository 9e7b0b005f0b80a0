import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Actor, scopeOf } from '../core/actor.ts'
import { buildLogger } from '../core/log.ts'
import type { Database } from '../db/database.ts'
import { claimDueDeliveries, deleteOldDeliveries, enqueueWebhook } from '../db/webhook-deliveries.ts'
import { buildWebhookDeliverer, type WebhookDeliverer } from '../runtime/webhooks/deliver.ts'
import { openWorld, type World } from '../tools/connections/testing/world.ts'
import { createWebhookEndpoint } from '../tools/webhooks/create-webhook-endpoint.ts'
import { redeliverWebhook } from '../tools/webhooks/redeliver-webhook.ts'
import { updateWebhookEndpoint } from '../tools/webhooks/update-webhook-endpoint.ts'
import { describeOnBothDatabases } from './setup/database.ts'
import { type Answer, startUpstream, type Upstream } from './setup/upstream.ts'

/** Longer than anything takes on a machine that is busy. */
const LONG_MS = 30_000

describeOnBothDatabases('the outbox of webhooks', (kind) => {
  let world: World
  let owner: Actor
  let product: Upstream
  let endpoint: string
  let deliverer: WebhookDeliverer

  beforeAll(async () => {
    world = await openWorld(kind)
    owner = await world.organization()
    product = await startUpstream()
    const made = await world.call<{ webhookEndpoint: { id: string } }>(owner, createWebhookEndpoint, {
      url: product.url,
    })
    endpoint = made.webhookEndpoint.id
    deliverer = anotherProcess()
  })
  beforeEach(() => {
    product.received.length = 0
    product.answer = () => ({ status: 204, body: null })
  })
  afterAll(async () => {
    await world.close()
    await product.close()
  })

  const anotherProcess = (db: Database = world.db) =>
    buildWebhookDeliverer({
      db,
      vault: world.vault,
      http: world.services.http,
      log: buildLogger('silent'),
    })
  const happen = (count = 1) =>
    world.db.tenant(scopeOf(owner), async (tx) => {
      for (let n = 0; n < count; n += 1) {
        await enqueueWebhook(tx, {
          organizationId: owner.organizationId,
          customerId: null,
          type: 'connection.created',
          data: { n },
        })
      }
    })
  const sql = <R extends object>(text: string) => world.db.tenant(scopeOf(owner), (tx) => tx.rows<R>(text))
  const last = async () =>
    (
      await sql<{ status: string; attempts: number }>(
        'SELECT status, attempts FROM webhook_deliveries ORDER BY id DESC LIMIT 1',
      )
    )[0]
  const ids = () => product.received.map(({ headers }) => headers['webhook-id'])

  test('nothing is told of what was rolled back', async () => {
    await world.db
      .tenant(scopeOf(owner), async (tx) => {
        await enqueueWebhook(tx, {
          organizationId: owner.organizationId,
          customerId: null,
          type: 'connection.created',
          data: {},
        })
        throw new Error('rolled back')
      })
      .catch(() => undefined)
    expect(await deliverer.deliver()).toBe(0)
  })

  test('what a process took and died with is delivered by another when its lease is over', async () => {
    await happen()
    const limits = { total: 20, perEndpoint: 20, perOrganization: 20, busy: new Map() }
    const [taken] = await claimDueDeliveries(world.db, limits, 300)
    expect(await deliverer.deliver()).toBe(0)
    await sleep(350)
    expect(await deliverer.deliver()).toBe(1)
    expect(ids()).toEqual([taken?.id])
    expect(await last()).toEqual({ status: 'delivered', attempts: 2 })
  })

  test('several processes at once deliver each event once', async () => {
    await happen(50)
    const made = await Promise.all(
      [deliverer, anotherProcess(), anotherProcess()].map((one) => one.deliver()),
    )
    expect(made.reduce((sum, each) => sum + each)).toBe(50)
    expect(ids()).toHaveLength(50)
    expect(new Set(ids()).size).toBe(50)
  })

  test('what became of a delivery is kept for 30 days; what is still due is kept', async () => {
    product.answer = () => ({ status: 500, body: 'down' })
    await happen(2)
    await deliverer.deliver()
    const made = await sql<{ id: string }>(
      "SELECT id FROM webhook_deliveries WHERE status = 'pending' ORDER BY id",
    )
    const [failed, pending] = made.map(({ id }) => id)
    await sql(
      "UPDATE webhook_deliveries SET created_at = now() - interval '31 days' WHERE status = 'pending'",
    )
    await sql(`UPDATE webhook_deliveries SET status = 'failed' WHERE id = '${failed}'`)
    await deleteOldDeliveries(world.db)
    const left = (await sql<{ id: string }>('SELECT id FROM webhook_deliveries')).map(({ id }) => id)
    expect(left).toContain(pending)
    expect(left).not.toContain(failed)
    await sql(`DELETE FROM webhook_deliveries WHERE id = '${pending}'`)
  })

  test('stopping waits for the attempts under way, not for all that is due', async () => {
    await happen(60)
    const stopped = anotherProcess()
    stopped.start()
    while (product.received.length === 0) await sleep(5)
    await stopped.stop()
    expect(product.received.length).toBeLessThan(60)
    expect(product.received.length + (await deliverer.deliver())).toBe(60)
  })

  test('an endpoint that fails is asked eight times, later each time, and then no more', async () => {
    product.answer = () => ({ status: 500, body: 'down' })
    await happen()
    const waits: number[] = []
    for (let n = 1; n <= 8; n += 1) {
      expect(await deliverer.deliver()).toBe(1)
      expect(await deliverer.deliver()).toBe(0)
      const [due] = await sql<{ wait: number }>(
        "SELECT extract(epoch FROM due_at - now())::float AS wait FROM webhook_deliveries WHERE status = 'pending'",
      )
      if (due !== undefined) waits.push(due.wait)
      await sql("UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'")
    }
    expect(waits).toHaveLength(7)
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(await last()).toEqual({ status: 'failed', attempts: 8 })
    expect(new Set(ids()).size).toBe(1)
  })

  test('an endpoint that is switched off is asked nothing and loses no attempt; switched on, it is told', async () => {
    await happen()
    await world.call(owner, updateWebhookEndpoint, { webhookEndpoint: endpoint, enabled: false })
    expect(await deliverer.deliver()).toBe(0)
    expect(await last()).toEqual({ status: 'pending', attempts: 0 })
    await world.call(owner, updateWebhookEndpoint, { webhookEndpoint: endpoint, enabled: true })
    expect(await deliverer.deliver()).toBe(1)
    expect(product.received).toHaveLength(1)
  })

  test('an endpoint that does not answer holds up no other, of its organization or of another', async () => {
    const slow = await startUpstream()
    slow.answer = () => null
    const elsewhere = await startUpstream()
    const other = await world.organization()
    const told = async (actor: Actor, url: string) =>
      (await world.call<{ webhookEndpoint: { id: string } }>(actor, createWebhookEndpoint, { url }))
        .webhookEndpoint.id
    const slowEndpoint = await told(owner, slow.url)
    await told(other, elsewhere.url)
    await happen(30) // each for both endpoints of the owner
    const event = {
      organizationId: other.organizationId,
      customerId: null,
      type: 'connection.created',
      data: {},
    }
    await world.db.tenant(scopeOf(other), (tx) => enqueueWebhook(tx, event))

    const delivering = deliverer.deliver()
    await vi.waitUntil(
      () => product.received.length === 30 && elsewhere.received.length === 1 && slow.received.length === 5,
      LONG_MS,
    )
    // What becomes due while others hang is not kept waiting either.
    await world.db.tenant(scopeOf(other), (tx) => enqueueWebhook(tx, event))
    await vi.waitUntil(() => elsewhere.received.length === 2, LONG_MS)
    expect(slow.received).toHaveLength(5)

    await slow.close()
    expect(await delivering).toBe(62)
    await sql(`DELETE FROM webhook_endpoints WHERE id = '${slowEndpoint}'`)
    await elsewhere.close()
  })

  test('attempts that end while it looks for more make room: what they kept waiting is delivered too', async () => {
    const held: ((answer: Answer) => void)[] = []
    product.answer = () => new Promise((resolve) => held.push(resolve))
    await happen(7) // five at a time
    let looks = 0
    const slowToLook: Database = {
      ...world.db,
      system: async (run) => {
        const found = await world.db.system(run)
        if (Array.isArray(found) && held.length === 5 && looks === 0) {
          looks += 1
          product.answer = () => ({ status: 204, body: null })
          for (const resolve of held) resolve({ status: 204, body: null })
          await vi.waitUntil(
            async () => (await sql("SELECT FROM webhook_deliveries WHERE status = 'pending'")).length === 2,
            LONG_MS,
          )
          await sleep(100) // recorded, and known to have ended
        }
        return found
      },
    }
    expect(await anotherProcess(slowToLook).deliver()).toBe(7)
    expect(looks).toBe(1)
  })

  test('a delivery asked for anew while an attempt is under way ends as the new attempt does', async () => {
    const held: ServerResponse[] = []
    const server = createServer((_request, response) => void held.push(response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await world.call(owner, updateWebhookEndpoint, { webhookEndpoint: endpoint, url })
    await happen()
    const state = async () =>
      (
        await sql<{ id: string; status: string; last_status: number | null }>(
          'SELECT id, status, last_status FROM webhook_deliveries ORDER BY id DESC LIMIT 1',
        )
      )[0]
    const first = deliverer.deliver()
    await vi.waitUntil(() => held.length === 1, LONG_MS)
    await world.call(owner, redeliverWebhook, { delivery: (await state())?.id })
    const second = anotherProcess().deliver()
    await vi.waitUntil(() => held.length === 2, LONG_MS)

    held[0]?.writeHead(204).end()
    await first
    expect(await state()).toMatchObject({ status: 'pending', last_status: null })
    held[1]?.writeHead(500).end()
    await second
    expect(await state()).toMatchObject({ status: 'pending', last_status: 500 })
    await world.call(owner, updateWebhookEndpoint, { webhookEndpoint: endpoint, url: product.url })
    server.close()
  })

  test('a redirect is not followed', async () => {
    product.answer = () => ({ status: 302, body: null, headers: { location: `${product.url}/elsewhere` } })
    await happen()
    expect(await deliverer.deliver()).toBe(1)
    expect(product.received.map(({ path }) => path)).toEqual(['/'])
    expect(await last()).toEqual({ status: 'pending', attempts: 1 })
  })
})
