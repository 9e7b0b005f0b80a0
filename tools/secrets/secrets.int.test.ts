import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { openSecret } from '../../runtime/secrets/secrets.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createCustomer } from '../customers/create-customer.ts'
import { listAuditLog } from '../organization/list-audit-log.ts'
import { deleteSecret } from './delete-secret.ts'
import { listSecrets } from './list-secrets.ts'
import { setSecret } from './set-secret.ts'

let world: World
let owner: Actor
let customer: string
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
  customer = (await world.call<{ customer: { id: string } }>(owner, createCustomer, { name: 'Acme' }))
    .customer.id
})
afterAll(() => world.close())

const open = async (place: { name: string; customerId?: string | null; environment?: string | null }) =>
  (
    await openSecret(world.db, world.vault, scopeOf(owner), {
      customerId: null,
      environment: null,
      ...place,
    })
  ).reveal()

test('the nearest value counts: customer and environment, customer, environment, organization', async () => {
  const name = 'NEAREST'
  await world.call(owner, setSecret, { name, value: 'org' })
  await world.call(owner, setSecret, { name, value: 'env', environment: 'dev' })
  const at = { name, customerId: customer, environment: 'dev' }
  expect(await open(at)).toBe('env')
  await world.call(owner, setSecret, { name, value: 'cus', customer })
  expect(await open(at)).toBe('cus')
  await world.call(owner, setSecret, { name, value: 'both', customer: 'acme', environment: 'dev' })
  expect(await open(at)).toBe('both')
  expect(await open({ ...at, environment: 'staging' })).toBe('cus')
  expect(await open({ name, environment: 'staging' })).toBe('org')
})

test('setting it again replaces the value', async () => {
  const first = await world.call(owner, setSecret, { name: 'AGAIN', value: 'one', environment: 'dev' })
  const second = await world.call(owner, setSecret, { name: 'AGAIN', value: 'two', environment: 'dev' })
  expect([first.created, second.created]).toEqual([true, false])
  expect(await open({ name: 'AGAIN', environment: 'dev' })).toBe('two')
})

test('a JSON secret reaches workflows parsed; text that is not JSON is refused without being quoted', async () => {
  await world.call(owner, setSecret, { name: 'DOC', value: '{"a":[1]}', kind: 'json' })
  expect(await open({ name: 'DOC' })).toEqual({ a: [1] })
  const error = await world.refused(owner, setSecret, { name: 'DOC', value: 'hunter2-{', kind: 'json' })
  expect(error).toMatchObject({ code: 'invalid_input', where: 'value' })
  expect(error.message).not.toContain('hunter2')
})

test('a value never appears in an output, the audit log or the log, and is sealed in the database', async () => {
  const value = 'plain-value-never-shown'
  const outputs = [
    await world.call(owner, setSecret, { name: 'HIDDEN', value }),
    await world.call(owner, listSecrets),
    await world.call(owner, listAuditLog),
    await world.db.read(scopeOf(owner), (tx) => tx.rows('SELECT * FROM secrets')),
  ]
  expect(JSON.stringify(outputs)).toContain('HIDDEN')
  expect(JSON.stringify(outputs) + world.logged()).not.toContain(value)
})

test("another organization's secrets and customers are not found", async () => {
  const stranger = await world.organization()
  await world.call(owner, setSecret, { name: 'OURS', value: 'x' })
  expect(await world.call(stranger, listSecrets)).toMatchObject({ secrets: [] })
  expect(await world.refused(stranger, deleteSecret, { name: 'OURS' })).toMatchObject({ code: 'not_found' })
  expect(await world.refused(stranger, setSecret, { name: 'A', value: 'x', customer })).toMatchObject({
    code: 'not_found',
  })
  expect(await world.refused(owner, setSecret, { name: 'A', value: 'x', environment: 'mars' })).toMatchObject(
    {
      code: 'not_found',
    },
  )
})

test("a customer's key with the permission sets that customer's own secrets, never the organization's", async () => {
  const scoped = actorLike(owner, 'admin', [customer])
  const made = await world.call(scoped, setSecret, { name: 'SCOPED', value: 'x' })
  expect(made).toMatchObject({ secret: { customerId: customer } })
  expect(await world.refused(scoped, deleteSecret, { name: 'NEAREST', customer: 'other' })).toMatchObject({
    code: 'not_found',
  })
})

test('a deleted secret is gone', async () => {
  await world.call(owner, setSecret, { name: 'GONE', value: 'x' })
  await world.call(owner, deleteSecret, { name: 'GONE' })
  await expect(open({ name: 'GONE' })).rejects.toMatchObject({ code: 'not_found' })
})
