import { z } from 'zod'
import { AppError, conflict, notFound } from '../../core/errors.ts'
import { countActiveOwnerKeys, getApiKey, revokeApiKey as revoke } from '../../db/api-keys.ts'
import { lockOrganization } from '../../db/locks.ts'
import { defineTool } from '../define-tool.ts'
import { ApiKey, toApiKey, withinReach } from './api-key.ts'

export const revokeApiKey = defineTool({
  name: 'revoke_api_key',
  title: 'Revoke an API key',
  description:
    'Stops an API key for good: at once in this process, within two seconds in others. The last active owner key cannot be revoked.',
  input: z.object({ key: z.string().min(1).describe('The key’s id (key_…), as list_api_keys shows it.') }),
  output: z.object({ apiKey: ApiKey }),
  permission: 'api_keys.manage',
  effect: 'destructive',
  idempotent: true,
  http: 'DELETE /api-keys/:key',
  resource: (input) => input.key,
  async run(context, input) {
    const { actor } = context
    const row = await context.transaction(async (tx) => {
      await lockOrganization(tx, actor.organizationId)
      const key = await getApiKey(tx, input.key)
      if (key === undefined || !withinReach(actor, key)) {
        throw notFound('API key', input.key, 'list_api_keys shows the ids.')
      }
      if (key.role === 'owner' && actor.role !== 'owner') {
        throw new AppError('forbidden', 'Only an owner revokes owner keys.', { hint: 'Ask an owner.' })
      }
      if (
        key.role === 'owner' &&
        toApiKey(key).status === 'active' &&
        (await countActiveOwnerKeys(tx)) <= 1
      ) {
        throw conflict(
          'This is the last active owner key: without it nobody could manage the organization.',
          {
            hint: 'Make another owner key first (create_api_key), then revoke this one.',
          },
        )
      }
      return revoke(tx, input.key)
    })
    if (row === undefined) throw notFound('API key', input.key)
    context.services.apiKeys.forget(row.id)
    return { apiKey: toApiKey(row) }
  },
})
