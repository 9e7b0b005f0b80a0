import { existsSync } from 'node:fs'
import type { Emulator } from 'emulate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fails, run, startStripe, stripeSpec, type World } from './world.ts'

/** Stripe: its own OpenAPI description, the key as user name of Basic, form bodies with brackets, cursors of ids. */
export const describeStripe = (world: () => World) =>
  describe.skipIf(!existsSync(stripeSpec))('Stripe (needs ../shared/data)', () => {
    let stripe: Emulator
    beforeAll(async () => {
      stripe = await startStripe(world().tenant)
    })
    afterAll(() => stripe?.close())

    test('nested values travel in brackets and come back as they were', async () => {
      const { tenant } = world()
      const { output } = await run(tenant, 'stripe', 'post_customers', {
        name: 'Żabka & Sons',
        email: 'a+b@example.com',
        metadata: { plan: 'gold', 'order[id]': '6735' },
      })
      const read = await run(tenant, 'stripe', 'get_customers_customer', { customer: output.id })
      expect(read.output).toMatchObject({
        name: 'Żabka & Sons',
        email: 'a+b@example.com',
        metadata: { plan: 'gold' },
      })
    })

    test('a list is collected over pages that begin after the last id', async () => {
      const { tenant } = world()
      for (let i = 0; i < 7; i++) await run(tenant, 'stripe', 'post_customers', { name: `page ${i}` })
      const { collected } = await run(
        tenant,
        'stripe',
        'get_customers',
        { limit: 3 },
        { collect: { maxItems: 100 } },
      )
      const names: string[] = collected.items.map((customer: { name: string }) => customer.name)
      expect(names.filter((name) => name.startsWith('page')).toSorted()).toEqual(
        Array.from({ length: 7 }, (_, i) => `page ${i}`),
      )
      expect(collected.complete).toBe(true)
    })

    test('an error tells the parameter that is missing', async () => {
      const { tenant } = world()
      const error = await fails(tenant, 'stripe', 'get_customers_customer', { customer: 'cus_nope' })
      expect(error).toMatchObject({ code: 'upstream_error', data: { status: 404 } })
      expect(error.detail ?? error.message).toContain("No such customer: 'cus_nope'")
    })
  })
