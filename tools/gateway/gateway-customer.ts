import type { Actor } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { CustomerRef } from '../params.ts'

/** The customer a gateway tool is about. */
export const GatewayCustomer = CustomerRef.nullable()
  .default(null)
  .describe('Customer (id or slug); left out, the only one this key reaches.')

/** @throws AppError `invalid_input` when the key reaches more than one customer and none is named */
export async function requireActingCustomer(tx: Tx, actor: Actor, ref: string | null): Promise<string> {
  const id = await actingCustomer(tx, actor, ref)
  if (id !== null) return id
  throw invalidInput('Say which customer this is about.', {
    where: 'customer',
    hint: 'Give `customer`; list_customers shows them.',
  })
}
