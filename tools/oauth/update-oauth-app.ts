import { z } from 'zod'
import { updateOAuthApp as changeOAuthApp, setOAuthAppConnectors } from '../../db/oauth-apps.ts'
import { oauthAppPurpose } from '../../runtime/oauth/clients.ts'
import { OAuthAppSettings } from '../../runtime/oauth/settings.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import {
  OAuthApp,
  OAuthAppFields,
  OAuthAppRef,
  requireOAuthApp,
  resolveLinks,
  toOAuthApp,
} from './oauth-app.ts'

export const updateOAuthApp = defineTool({
  name: 'update_oauth_app',
  title: 'Change an OAuth app',
  description:
    'Changes an OAuth app: a rotated client secret, other scopes, the connectors it serves. What is left out stays. Connections go on with it; the next refresh uses the new secret.',
  input: z.object({
    oauthApp: OAuthAppRef,
    name: OAuthAppFields.name.optional(),
    clientId: OAuthAppFields.clientId.optional(),
    clientSecret: OAuthAppFields.clientSecret
      .nullable()
      .optional()
      .describe('New client secret; null makes it a public client.'),
    settings: OAuthAppFields.settings.optional().describe('Replaces the settings.'),
    connectors: OAuthAppFields.connectors.optional().describe('Replaces the connectors it serves.'),
  }),
  output: z.object({ oauthApp: OAuthApp }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /oauth-apps/:oauthApp',
  resource: (input) => input.oauthApp,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'An OAuth app')
    const { actor, services } = context
    const { organizationId } = actor
    const row = await context.transaction(async (tx) => {
      const before = await requireOAuthApp(tx, input.oauthApp)
      context.touches(before.id)
      await changeOAuthApp(tx, before.id, {
        name: input.name ?? before.name,
        clientId: input.clientId ?? before.client_id,
        settings: input.settings ?? OAuthAppSettings.parse(before.settings),
        clientSecret:
          typeof input.clientSecret === 'string'
            ? await services.vault.seal(tx, organizationId, oauthAppPurpose(before.id), input.clientSecret)
            : input.clientSecret,
      })
      if (input.connectors !== undefined) {
        const links = await resolveLinks(tx, input.connectors)
        await setOAuthAppConnectors(tx, { id: before.id, organizationId }, links)
      }
      return requireOAuthApp(tx, before.id)
    })
    return { oauthApp: toOAuthApp(row, services.oauth.redirectUri()) }
  },
})
