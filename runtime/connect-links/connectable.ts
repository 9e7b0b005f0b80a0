import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { getOAuthAppOf } from '../../db/oauth-apps.ts'
import { headOf } from '../connections/definitions.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import { isClientCredentials } from '../oauth/settings.ts'

/** Does the person go to the provider to give consent, rather than fill in a form? */
export const needsConsent = (method: AuthMethod): boolean =>
  method.type === 'oauth2' && !isClientCredentials(method)

/**
 * The auth methods by which a person can connect an account now: consent takes an OAuth app and the provider's
 * addresses.
 */
export async function connectableMethods(tx: Tx, connector: ConnectorRow): Promise<AuthMethod[]> {
  const found: AuthMethod[] = []
  for (const method of headOf(connector).authMethods) {
    if (needsConsent(method)) {
      if (method.authorizationUrl === undefined || method.tokenUrl === undefined) continue
      if ((await getOAuthAppOf(tx, connector.id, method.slug)) === undefined) continue
    }
    found.push(method)
  }
  return found
}
