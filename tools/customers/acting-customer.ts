import type { Actor } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { requireCustomer } from './customer.ts'

/**
 * The id of the customer a call is about: the one it names; else an actor of a single customer acts for that
 * one; else the organization itself (null).
 * @throws AppError `not_found` for a customer the actor may not see; `invalid_input` when it has several and names none
 */
export async function actingCustomer(tx: Tx, actor: Actor, ref: string | null): Promise<string | null> {
  if (ref !== null) return (await requireCustomer(tx, ref)).id
  if (actor.customerIds === null) return null
  const [only, ...others] = actor.customerIds
  if (only !== undefined && others.length === 0) return only
  throw invalidInput(
    only === undefined
      ? 'This key reaches no customer.'
      : `This key reaches ${others.length + 1} customers: say which.`,
    {
      where: 'customer',
      hint: 'Give `customer`; whoami lists the ones this key reaches.',
    },
  )
}
