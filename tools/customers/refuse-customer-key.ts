import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'

/**
 * A key limited to some customers changes nothing that the others use too, whatever its role: with a connector's
 * address changed, everybody's credentials would go there.
 * @param what "Connectors", "The organization": the beginning of the message
 * @throws AppError `forbidden`
 */
export function refuseCustomerKey(actor: Actor, what: string): void {
  if (actor.customerIds === null) return
  throw new AppError(
    'forbidden',
    `${what} serves every customer; a key limited to some cannot change that.`,
    {
      hint: 'Use a key that reaches all customers.',
    },
  )
}
