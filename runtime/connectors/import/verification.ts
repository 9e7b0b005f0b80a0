import type { ActionDefinition } from '../action-definition.ts'
import type { ConnectorDefinition } from '../definition.ts'

const IDENTITY =
  /\/(me|user|users\/me|users\/@me|self|whoami|account|identity|current_user|profile|balance|auth\.test)\/?$/i

/** The call that proves a credential: a read without required input at a path that means "who am I". */
export function guessVerification(actions: ActionDefinition[]): ConnectorDefinition['verification'] {
  const candidates = actions.filter(
    (action) =>
      action.effect === 'read' &&
      action.method === 'GET' &&
      action.auth?.length !== 0 &&
      action.deprecated !== true &&
      Array.isArray(action.inputSchema.required) &&
      action.inputSchema.required.length === 0 &&
      IDENTITY.test(action.path),
  )
  const [best] = candidates.sort((a, b) => a.path.length - b.path.length)
  return best === undefined ? undefined : { action: best.slug, input: {} }
}
