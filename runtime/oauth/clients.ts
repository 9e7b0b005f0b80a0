import { AppError, notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { getOAuthAppOf, getSealedOAuthApp, type SealedOAuthAppRow } from '../../db/oauth-apps.ts'
import type { AuthMethod } from '../connectors/definition.ts'
import type { Vault } from '../vault/vault.ts'
import { OAuthAppSettings, type OAuthClientIdentity } from './settings.ts'

/** What an OAuth app's client secret is sealed for; see {@link Vault.seal}. */
export const oauthAppPurpose = (id: string) => `oauth_app:${id}`

/**
 * The OAuth app for an auth method: the one named, else the one linked to it.
 * @throws AppError `not_found`; `conflict` when none is linked
 */
export async function findOAuthAppFor(
  tx: Tx,
  connector: { id: string; slug: string },
  method: AuthMethod,
  ref: string | undefined,
): Promise<SealedOAuthAppRow> {
  if (ref !== undefined) {
    const named = await getSealedOAuthApp(tx, ref)
    if (named === undefined) throw notFound('OAuth app', ref, 'list_oauth_apps shows the ones there are.')
    return named
  }
  const linked = await getOAuthAppOf(tx, connector.id, method.slug)
  if (linked !== undefined) return linked
  throw new AppError(
    'conflict',
    `No OAuth app is set for ${connector.slug}'s auth method '${method.slug}': Patchbay has no client id there.`,
    {
      hint: `Register Patchbay as a client at the provider, then create_oauth_app {"name":"…","clientId":"…","clientSecret":"…","connectors":[{"connector":"${connector.slug}","authMethod":"${method.slug}"}]}.`,
    },
  )
}

/** The client an OAuth app makes us, its secret opened. */
export async function openOAuthApp(
  tx: Tx,
  vault: Vault,
  organizationId: string,
  app: SealedOAuthAppRow,
): Promise<OAuthClientIdentity> {
  const secret =
    app.client_secret === null
      ? null
      : await vault.open(tx, organizationId, oauthAppPurpose(app.id), app.client_secret)
  return {
    clientId: app.client_id,
    clientSecret: secret === null ? null : secret.reveal(),
    settings: OAuthAppSettings.parse(app.settings),
  }
}
