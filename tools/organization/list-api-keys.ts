import { z } from 'zod'
import { listApiKeys as queryApiKeys } from '../../db/api-keys.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { ApiKey, toApiKey, withinReach } from './api-key.ts'

export const listApiKeys = defineTool({
  name: 'list_api_keys',
  title: 'List API keys',
  description:
    'Lists API keys, newest first, revoked and expired ones included; of each its first characters only.',
  input: z.object({ cursor: Cursor, limit: Limit }),
  output: z.object({ apiKeys: z.array(ApiKey), nextCursor: NextCursor }),
  permission: 'api_keys.manage',
  effect: 'read',
  http: 'GET /api-keys',
  async run(context, input) {
    const found = await context.read((tx) =>
      queryApiKeys(tx, { after: input.cursor, limit: input.limit + 1 }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return {
      apiKeys: rows.filter((row) => withinReach(context.actor, row)).map(toApiKey),
      nextCursor,
    }
  },
})
