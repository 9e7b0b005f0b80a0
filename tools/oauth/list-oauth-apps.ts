import { z } from 'zod'
import { listOAuthApps as queryOAuthApps } from '../../db/oauth-apps.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { OAuthApp, toOAuthApp } from './oauth-app.ts'

export const listOAuthApps = defineTool({
  name: 'list_oauth_apps',
  title: 'List OAuth apps',
  description: 'Lists the OAuth apps (your clients at providers), newest first; never their secrets.',
  input: z.object({ cursor: Cursor, limit: Limit }),
  output: z.object({ oauthApps: z.array(OAuthApp), nextCursor: NextCursor }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /oauth-apps',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'An OAuth app')
    const found = await context.read((tx) =>
      queryOAuthApps(tx, { cursor: input.cursor, limit: input.limit + 1 }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    const redirectUri = context.services.oauth.redirectUri()
    return { oauthApps: rows.map((row) => toOAuthApp(row, redirectUri)), nextCursor }
  },
})
