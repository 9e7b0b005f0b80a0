import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../../core/actor.ts'
import { actorLike, openWorld, type World } from '../connections/testing/world.ts'
import { createCustomer } from './create-customer.ts'
import { deleteCustomer } from './delete-customer.ts'
import { getCustomer } from './get-customer.ts'
import { listCustomers } from './list-customers.ts'
import { updateCustomer } from './update-customer.ts'

interface Shown {
  customer: { id: string }
}

let world: World
let owner: Actor
beforeAll(async () => {
  world = await openWorld()
  owner = await world.organization()
})
afterAll(() => world.close())

test('a change keeps what it leaves out', async () => {
  const metadata = { plan: 'gold' }
  await world.call<Shown>(owner, createCustomer, { name: 'Kept', metadata })
  await world.call(owner, updateCustomer, { customer: 'kept', status: 'inactive' })
  expect(await world.call(owner, getCustomer, { customer: 'kept' })).toMatchObject({
    customer: { name: 'Kept', status: 'inactive', metadata },
  })
})

test('a deleted customer is gone, and its slug free', async () => {
  await world.call<Shown>(owner, createCustomer, { name: 'Gone' })
  await world.call(owner, deleteCustomer, { customer: 'gone' })
  expect(await world.refused(owner, getCustomer, { customer: 'gone' })).toMatchObject({ code: 'not_found' })
  await world.call(owner, createCustomer, { name: 'Gone' })
})

test("another organization's customers, and those a key is not for, are not found", async () => {
  const { customer } = await world.call<Shown>(owner, createCustomer, { name: 'Mine' })
  const other = await world.call<Shown>(owner, createCustomer, { name: 'Other' })
  const stranger = await world.organization()
  const scoped = actorLike(owner, 'admin', [other.customer.id])
  for (const actor of [stranger, scoped]) {
    for (const tool of [getCustomer, updateCustomer, deleteCustomer]) {
      for (const ref of [customer.id, 'mine']) {
        expect(await world.refused(actor, tool, { customer: ref })).toMatchObject({ code: 'not_found' })
      }
    }
  }
  expect(await world.call(scoped, listCustomers)).toMatchObject({ customers: [{ id: other.customer.id }] })
})
