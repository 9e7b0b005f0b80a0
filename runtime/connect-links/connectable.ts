import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { listOAuthAppMethods } from '../../db/oauth-apps.ts'
import { headOf } from '../connections/definitions.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import { isClientCredentials } from '../oauth/settings.ts'

/** Does the person go to the provider to give consent, rather than fill in a form? */
export const needsConsent = (method: AuthMethod): boolean =>
  method.type === 'oauth2' && !isClientCredentials(method)

/**
 * The auth methods by which a person can connect an account now, for each of the connectors: consent takes an
 * OAuth app and the provider's addresses.
 */
export async function connectableMethods(
  tx: Tx,
  connectors: readonly ConnectorRow[],
): Promise<Map<string, AuthMethod[]>> {
  const [only, ...others] = connectors
  const withApp = await listOAuthAppMethods(tx, others.length === 0 ? (only?.id ?? null) : null)
  const apps = new Set(withApp.map((row) => JSON.stringify([row.connector_id, row.auth_method])))
  const isReady = (connector: ConnectorRow, method: AuthMethod) =>
    !needsConsent(method) ||
    (method.authorizationUrl !== undefined &&
      method.tokenUrl !== undefined &&
      apps.has(JSON.stringify([connector.id, method.slug])))
  return new Map(
    connectors.map((connector) => [
      connector.id,
      headOf(connector).authMethods.filter((method) => isReady(connector, method)),
    ]),
  )
}
