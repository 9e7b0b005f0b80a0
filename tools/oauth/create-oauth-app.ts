import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { insertOAuthApp, setOAuthAppConnectors } from '../../db/oauth-apps.ts'
import { oauthAppPurpose } from '../../runtime/oauth/clients.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ResourceSlug, slugFrom } from '../params.ts'
import {
  asAppConflict,
  OAuthApp,
  OAuthAppFields,
  requireOAuthApp,
  resolveLinks,
  toOAuthApp,
} from './oauth-app.ts'

export const createOAuthApp = defineTool({
  name: 'create_oauth_app',
  title: 'Create an OAuth app',
  description:
    'Keeps the client id and secret that a provider issued to you, once, for all connectors of that provider. Customers then connect by consent (start_oauth, create_connect_link). The result says which redirect URI to register at the provider.',
  input: z.object({
    name: OAuthAppFields.name,
    slug: ResourceSlug.optional().describe('Made from the name when left out.'),
    clientId: OAuthAppFields.clientId,
    clientSecret: OAuthAppFields.clientSecret
      .nullable()
      .default(null)
      .describe('Client secret the provider issued; left out for a public client. Never shown again.'),
    settings: OAuthAppFields.settings.default({}),
    connectors: OAuthAppFields.connectors.default([]),
  }),
  output: z.object({ oauthApp: OAuthApp }),
  permission: 'connectors.create',
  effect: 'write',
  http: 'POST /oauth-apps',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'An OAuth app')
    const { actor, services } = context
    const { organizationId } = actor
    const id = newId('oauthApp')
    const slug = input.slug ?? slugFrom(input.name)
    context.touches(id)
    const row = await context
      .transaction(async (tx) => {
        const links = await resolveLinks(tx, input.connectors)
        await insertOAuthApp(tx, {
          id,
          organizationId,
          slug,
          name: input.name,
          clientId: input.clientId,
          clientSecret:
            input.clientSecret === null
              ? null
              : await services.vault.seal(tx, organizationId, oauthAppPurpose(id), input.clientSecret),
          settings: input.settings,
        })
        await setOAuthAppConnectors(tx, { id, organizationId }, links)
        return requireOAuthApp(tx, id)
      })
      .catch((error: unknown) => {
        throw asAppConflict(error, slug)
      })
    return { oauthApp: toOAuthApp(row, services.oauth.redirectUri()) }
  },
})
