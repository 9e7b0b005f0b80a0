import type { Tx } from '../../db/database.ts'
import { insertTrigger } from '../../db/triggers.ts'
import { triggerPurpose } from '../../runtime/triggers/ingest.ts'
import type { WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import type { ToolContext } from '../define-tool.ts'
import { type RouteInput, setRoutes } from './routes.ts'

/** Stores a webhook with its routes; `secret` is sealed, null: it verifies nothing. */
export async function insertWebhook(
  tx: Tx,
  { actor, services }: Pick<ToolContext, 'actor' | 'services'>,
  webhook: {
    id: string
    customerId: string | null
    name: string
    description: string
    config: WebhookConfig
    secret: string | null
    routes: readonly RouteInput[]
  },
): Promise<void> {
  const { id, customerId, name, description, config, secret } = webhook
  const { organizationId } = actor
  await insertTrigger(tx, {
    ...{ id, organizationId, customerId, type: 'webhook', name, description, config },
    secret:
      secret === null ? null : await services.vault.seal(tx, organizationId, triggerPurpose(id), secret),
  })
  await setRoutes(tx, actor, id, webhook.routes)
}
