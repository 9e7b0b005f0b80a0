import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { countConnectionsOfApp, deleteOAuthApp as removeOAuthApp } from '../../db/oauth-apps.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { OAuthAppRef, requireOAuthApp } from './oauth-app.ts'

export const deleteOAuthApp = defineTool({
  name: 'delete_oauth_app',
  title: 'Delete an OAuth app',
  description:
    'Deletes an OAuth app and its client secret. Refused while connections use it, because their tokens could then not be refreshed.',
  input: z.object({ oauthApp: OAuthAppRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id it had.') }),
  permission: 'connectors.delete',
  effect: 'destructive',
  http: 'DELETE /oauth-apps/:oauthApp',
  resource: (input) => input.oauthApp,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'An OAuth app')
    return context.transaction(async (tx) => {
      const { id, slug } = await requireOAuthApp(tx, input.oauthApp)
      context.touches(id)
      const connections = await countConnectionsOfApp(tx, id)
      if (connections > 0) {
        throw conflict(
          `${connections} connection${connections === 1 ? ' uses' : 's use'} the OAuth app '${slug}'.`,
          {
            hint: 'Delete or reconnect them first; list_connections shows them.',
            data: { connections },
          },
        )
      }
      await removeOAuthApp(tx, id)
      return { deleted: true as const, id }
    })
  },
})
