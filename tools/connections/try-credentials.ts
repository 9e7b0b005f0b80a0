import { scopeOf } from '../../core/actor.ts'
import { toAppError } from '../../core/errors.ts'
import type { CredentialTrial, Verification } from '../../runtime/connections/connections.ts'
import { enrich } from '../../runtime/connections/hints.ts'
import type { ToolContext } from '../define-tool.ts'

/**
 * Tries credentials before anything is stored; outside any transaction.
 * @throws AppError the provider's refusal, saying that nothing was stored
 */
export async function tryCredentials(context: ToolContext, trial: CredentialTrial): Promise<Verification> {
  const { actor, services, signal } = context
  return services.connections.tryCredentials(scopeOf(actor), trial, signal).catch((cause: unknown) => {
    const error = toAppError(cause)
    if (error.code === 'internal') throw error
    throw enrich(error, {
      hint: `Nothing was stored. ${error.hint ?? ''} To store them untried, give verify: false.`.replace(
        /\s+/g,
        ' ',
      ),
    })
  })
}
