import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ledger, startLedger } from './ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await startLedger()
  for (const reference of ['o-1', 'o-2'])
    await fetch(`${ledger.url}/invoices`, {
      method: 'POST',
      body: JSON.stringify({ customerId: 'c-1', reference, amountCents: 100, currency: 'EUR' }),
    })
})
afterAll(() => ledger.close())

const listed = async (path: string) => (await fetch(`${ledger.url}${path}`)).json()

test('a list without a filter has everything, with one what fits it', async () => {
  expect(await listed('/invoices')).toMatchObject({ invoices: [{ reference: 'o-1' }, { reference: 'o-2' }] })
  expect(await listed('/invoices?reference=o-2')).toMatchObject({ invoices: [{ reference: 'o-2' }] })
  expect(await listed('/invoices?reference=')).toEqual({ invoices: [] })
  expect(await listed('/customers')).toMatchObject({ customers: [{ name: 'Ada' }, { name: 'Grace' }] })
  expect(await listed('/customers?email=grace@example.com')).toMatchObject({ customers: [{ name: 'Grace' }] })
})
