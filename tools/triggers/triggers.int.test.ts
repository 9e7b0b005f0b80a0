import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import { insertWorkflow } from '../../db/workflows.ts'
import { verifyWebhook } from '../../runtime/triggers/verify.ts'
import { WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { workflowRow } from '../../tests/setup/workflow-row.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { deleteWorkflow } from '../workflows/delete-workflow.ts'
import { createWebhook } from './create-webhook.ts'
import { deleteTrigger } from './delete-trigger.ts'
import { getTrigger } from './get-trigger.ts'
import { listTriggers } from './list-triggers.ts'
import { rotateWebhookSecret } from './rotate-webhook-secret.ts'
import { updateTrigger } from './update-trigger.ts'

let world: World
let owner: Actor
let customers: string[]
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
  await workflow('orders')
  customers = []
  for (const name of ['Acme', 'Globex']) {
    const made = await world.call<{ customer: { id: string } }>(owner, createCustomer, { name })
    customers.push(made.customer.id)
  }
})
afterAll(() => world.close())

const workflow = (slug: string) =>
  world.db.tenant(scopeOf(owner), (tx) =>
    insertWorkflow(tx, workflowRow(newId('workflow'), owner.organizationId, slug)),
  )

interface Made {
  trigger: { id: string; webhook: { url: string }; routes: { filter: unknown; environment: string }[] }
  secret: string | null
  nextStep: string
}

const create = (input: object = {}, actor = owner) =>
  world.call<Made>(actor, createWebhook, { name: 'Hook', routes: [{ workflow: 'orders' }], ...input })

/** What the ingest reads: configuration and secret as they are stored. */
async function stored(
  id: string,
): Promise<{ config: WebhookConfig; sealed: string | null; plain: string | null }> {
  return world.db.read(scopeOf(owner), async (tx) => {
    const row = await tx.row<{ config: JsonObject; secret: string | null }>(
      'SELECT config, secret FROM triggers WHERE id = $1',
      [id],
    )
    const sealed = row?.secret ?? null
    return {
      config: WebhookConfig.parse(row?.config),
      sealed,
      plain:
        sealed === null
          ? null
          : (await world.vault.open(tx, owner.organizationId, `trigger:${id}`, sealed)).reveal(),
    }
  })
}

test('a webhook gets a URL and a key, shown once and stored sealed', async () => {
  const { trigger, secret, nextStep } = await create()
  expect(trigger).toMatchObject({
    type: 'webhook',
    enabled: true,
    customerId: null,
    webhook: {
      url: `http://127.0.0.1/webhooks/${trigger.id}`,
      verification: { scheme: 'api_key' },
      hasSecret: true,
      deduplicatedBy: null,
      deadLetter: true,
    },
    routes: [{ workflow: 'orders', environment: 'dev', filter: null }],
  })
  expect(secret).toMatch(/^whk_/)
  expect(nextStep).toContain('x-api-key')
  expect(nextStep).toContain('Nothing tells a delivery that is sent again from a new one')
  const { plain, sealed } = await stored(trigger.id)
  expect(plain).toBe(secret)
  expect(sealed).not.toContain(secret)
  const shown = [
    await world.call(owner, getTrigger, { trigger: trigger.id }),
    await world.call(owner, listTriggers),
  ]
  expect(JSON.stringify(shown) + world.logged()).not.toContain(secret)
})

test('what was configured verifies what was signed', async () => {
  const { trigger, secret } = await create({
    verification: { scheme: 'hmac_sha256', header: 'X-Signature', prefix: 'sha256=', encoding: 'base64' },
    deduplication: { payloadPath: 'data.id' },
  })
  const { config, plain } = await stored(trigger.id)
  const rawBody = Buffer.from('{"data":{"id":1}}')
  const signature = createHmac('sha256', secret ?? '')
    .update(rawBody)
    .digest('base64')
  expect(
    verifyWebhook(config.verification, plain, {
      headers: { 'x-signature': `sha256=${signature}` },
      rawBody,
      nowSeconds: 0,
    }),
  ).toEqual({ ok: true })
  expect(trigger).toMatchObject({ webhook: { deduplicatedBy: 'payload.data.id' } })
})

test('a secret the sender issued is kept and not shown again; one that cannot serve is refused', async () => {
  const github = { verification: { scheme: 'github' } }
  const { trigger, secret } = await create({ ...github, secret: 'given by us' })
  expect(secret).toBeNull()
  expect((await stored(trigger.id)).plain).toBe('given by us')
  expect(trigger).toMatchObject({ webhook: { deduplicatedBy: 'headers.x-github-delivery' } })
  expect(
    await world.refused(owner, createWebhook, {
      name: 'x',
      routes: [{ workflow: 'orders' }],
      verification: { scheme: 'none' },
      secret: 'useless secret',
    }),
  ).toMatchObject({ code: 'invalid_input', where: 'secret' })
  const stripe = await create({ verification: { scheme: 'stripe' } })
  expect(stripe.nextStep).toContain('rotate_webhook_secret')
  expect(stripe.nextStep).not.toContain('sent again')
  expect(await create({ verification: { scheme: 'none' } })).toMatchObject({
    secret: null,
    trigger: { webhook: { hasSecret: false } },
  })
})

test('filters in either form are stored as conditions, and a wrong one is refused with its place', async () => {
  const { trigger } = await create({
    routes: [
      { workflow: 'orders', filter: { action: 'opened' } },
      { workflow: 'orders', environment: 'staging', filter: { field: 'amount', op: 'gt', value: 5 } },
    ],
  })
  expect(trigger.routes).toMatchObject([
    { environment: 'dev', filter: { field: 'payload.action', op: 'eq', value: 'opened' } },
    { environment: 'staging', filter: { field: 'payload.amount', op: 'gt', value: 5 } },
  ])
  const routes = [
    { workflow: 'orders' },
    { workflow: 'orders', filter: { field: 'a', op: 'like', value: 1 } },
  ]
  expect(await world.refused(owner, createWebhook, { name: 'x', routes })).toMatchObject({
    code: 'invalid_input',
    where: 'routes.1.filter.op',
  })
})

test('a route to nothing is refused by its place, and leaves no trigger behind', async () => {
  for (const [route, where] of [
    [{ workflow: 'nope' }, 'routes.1.workflow'],
    [{ workflow: 'orders', environment: 'mars' }, 'routes.1.environment'],
  ] as const)
    expect(
      await world.refused(owner, createWebhook, {
        name: 'No trace',
        routes: [{ workflow: 'orders' }, route],
      }),
    ).toMatchObject({ code: 'not_found', where })
  expect(JSON.stringify(await world.call(owner, listTriggers, { limit: 200 }))).not.toContain('No trace')
})

test('a test key does not route into production', async () => {
  const testKey: Actor = { ...owner, mode: 'test' }
  const routes = [{ workflow: 'orders', environment: 'production' }]
  expect((await world.refused(testKey, createWebhook, { name: 'x', routes })).code).toBe('forbidden')
  const { trigger } = await create({}, testKey)
  expect((await world.refused(testKey, updateTrigger, { trigger: trigger.id, routes })).code).toBe(
    'forbidden',
  )
  await world.call(owner, updateTrigger, { trigger: trigger.id, routes })
})

test('a change keeps what is left out; another scheme brings another secret', async () => {
  const { trigger, secret } = await create({ description: 'kept' })
  const change = (input: object) => world.call<Made>(owner, updateTrigger, { trigger: trigger.id, ...input })
  expect(await change({ enabled: false, name: 'Renamed' })).toMatchObject({
    trigger: { enabled: false, name: 'Renamed', description: 'kept', routes: [{ workflow: 'orders' }] },
    secret: null,
  })
  await change({ verification: { scheme: 'api_key', header: 'x-key' } })
  expect(await stored(trigger.id)).toMatchObject({
    plain: secret,
    config: { verification: { header: 'x-key' } },
  })
  const standard = await change({ verification: { scheme: 'standard_webhooks' } })
  expect(standard.secret).toMatch(/^whsec_/)
  expect((await stored(trigger.id)).plain).toBe(standard.secret)
  expect(standard.trigger).toMatchObject({ webhook: { deduplicatedBy: 'headers.webhook-id' } })
  await change({ verification: { scheme: 'none' } })
  expect((await stored(trigger.id)).sealed).toBeNull()
  expect((await world.refused(owner, rotateWebhookSecret, { trigger: trigger.id })).code).toBe('conflict')
})

test('rotating replaces the secret at once', async () => {
  const { trigger, secret } = await create({ verification: { scheme: 'github' } })
  const rotated = await world.call<{ secret: string }>(owner, rotateWebhookSecret, { trigger: trigger.id })
  expect(rotated.secret).not.toBe(secret)
  expect((await stored(trigger.id)).plain).toBe(rotated.secret)
  const given = await world.call(owner, rotateWebhookSecret, {
    trigger: trigger.id,
    secret: 'from the sender',
  })
  expect(given).toMatchObject({ secret: null })
  expect((await stored(trigger.id)).plain).toBe('from the sender')
})

test('a key limited to one customer makes, sees and changes that customer’s triggers only', async () => {
  const [acme = '', globex = ''] = customers
  const limited = actorLike(owner, 'developer', [acme])
  const shared = await create()
  const theirs = await create({ customer: globex })
  const own = await create({}, limited)
  expect(own.trigger).toMatchObject({ customerId: acme })
  const { triggers } = await world.call<{ triggers: { id: string }[] }>(limited, listTriggers)
  expect(triggers.map(({ id }) => id)).toEqual([own.trigger.id])
  for (const { trigger } of [shared, theirs]) {
    for (const tool of [getTrigger, updateTrigger, deleteTrigger, rotateWebhookSecret])
      expect((await world.refused(limited, tool, { trigger: trigger.id })).code).toBe('not_found')
  }
  const routes = [{ workflow: 'orders' }]
  expect((await world.refused(limited, createWebhook, { name: 'x', routes, customer: globex })).code).toBe(
    'not_found',
  )
  expect(await world.call(owner, listTriggers, { customer: 'globex' })).toMatchObject({
    triggers: [{ id: theirs.trigger.id }],
  })
})

test("another organization's triggers are not found", async () => {
  const stranger = await world.organization()
  const { trigger } = await create()
  for (const tool of [getTrigger, updateTrigger, deleteTrigger, rotateWebhookSecret])
    expect((await world.refused(stranger, tool, { trigger: trigger.id })).code).toBe('not_found')
  expect(await world.call(stranger, listTriggers)).toMatchObject({ triggers: [] })
  await world.call(owner, deleteTrigger, { trigger: trigger.id })
  expect((await world.refused(owner, getTrigger, { trigger: trigger.id })).code).toBe('not_found')
})

test('a deleted workflow’s routes go with it, and its triggers stay', async () => {
  await workflow('short-lived')
  const { trigger } = await create({ routes: [{ workflow: 'short-lived' }, { workflow: 'orders' }] })
  expect(await world.call(owner, listTriggers, { workflow: 'short-lived' })).toMatchObject({
    triggers: [{ id: trigger.id }],
  })
  await world.call(owner, deleteWorkflow, { workflow: 'short-lived' })
  expect(await world.call(owner, getTrigger, { trigger: trigger.id })).toMatchObject({
    trigger: { routes: [{ workflow: 'orders' }] },
  })
})

test('a test key does not change who may post to a webhook that runs workflows in production', async () => {
  const tester: Actor = { ...actorLike(owner, 'developer'), mode: 'test' }
  const live = await create({ routes: [{ workflow: 'orders', environment: 'production' }] })
  const trigger = live.trigger.id
  const before = await stored(trigger)
  const verification = { scheme: 'none' }
  expect((await world.refused(tester, updateTrigger, { trigger, verification })).code).toBe('forbidden')
  expect((await world.refused(tester, rotateWebhookSecret, { trigger })).code).toBe('forbidden')
  expect((await world.refused(tester, deleteTrigger, { trigger })).code).toBe('forbidden')
  expect(await stored(trigger)).toEqual(before)

  const harmless = (await create()).trigger.id
  await world.call(tester, updateTrigger, { trigger: harmless, verification })
})
