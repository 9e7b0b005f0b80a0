import { z } from 'zod'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { OAuthApp, OAuthAppRef, requireOAuthApp, toOAuthApp } from './oauth-app.ts'

export const getOAuthApp = defineTool({
  name: 'get_oauth_app',
  title: 'Get an OAuth app',
  description:
    'An OAuth app with the connectors it serves and the redirect URI to register; never its secret.',
  input: z.object({ oauthApp: OAuthAppRef }),
  output: z.object({ oauthApp: OAuthApp }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /oauth-apps/:oauthApp',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'An OAuth app')
    const row = await context.read((tx) => requireOAuthApp(tx, input.oauthApp))
    return { oauthApp: toOAuthApp(row, context.services.oauth.redirectUri()) }
  },
})
