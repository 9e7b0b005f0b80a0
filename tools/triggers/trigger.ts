import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { lockTrigger, type TriggerRow } from '../../db/triggers.ts'
import { deduplicationSource, Verification, WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { Timestamp } from '../params.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { Route, toRoute } from './routes.ts'

export const TriggerRef = z.string().min(1).describe("A trigger's id (trg_…).")

export const Trigger = z.object({
  id: z.string().describe('trg_…'),
  type: z.enum(['webhook', 'scheduler', 'app_event']),
  name: z.string(),
  description: z.string(),
  enabled: z.boolean().describe('A disabled trigger takes no deliveries.'),
  customerId: z
    .string()
    .nullable()
    .describe('Customer its workflows run for; null: the organization itself.'),
  webhook: z
    .object({
      url: z.string().describe('Where senders post to.'),
      verification: Verification,
      hasSecret: z.boolean(),
      deduplicatedBy: z
        .string()
        .nullable()
        .describe('Where the id is read that makes a delivery a repeated one; null: every delivery counts.'),
      deadLetter: z.boolean().describe('Executions that fail for good are kept as dead letters.'),
    })
    .nullable()
    .describe('Null for triggers of another type.'),
  routes: z.array(Route),
  createdAt: Timestamp,
  updatedAt: Timestamp,
})

export function toTrigger(row: TriggerRow, publicUrl: string) {
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    description: row.description,
    enabled: row.enabled,
    customerId: row.customer_id,
    webhook: row.type === 'webhook' ? toWebhook(row, publicUrl) : null,
    routes: row.routes.map(toRoute),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toWebhook(row: TriggerRow, publicUrl: string) {
  const config = WebhookConfig.parse(row.config)
  const source = deduplicationSource(config)
  return {
    url: `${publicUrl}/webhooks/${row.id}`,
    verification: config.verification,
    hasSecret: row.has_secret,
    deduplicatedBy:
      source && ('header' in source ? `headers.${source.header}` : `payload.${source.payloadPath}`),
    deadLetter: config.deadLetter,
  }
}

export const noTrigger = (id: string) => notFound('trigger', id, 'list_triggers shows the ones there are.')

/** What a trigger's signing secret is sealed for. */
export const triggerPurpose = (id: string) => `trigger:${id}`

/**
 * A webhook trigger, locked until the transaction ends. Who verifies its deliveries decides what runs, so a test
 * key does not change one that runs workflows in production.
 * @throws AppError `not_found`, also for triggers the actor may not see; `forbidden`
 */
export async function requireWebhookLocked(
  tx: Tx,
  actor: Actor,
  id: string,
): Promise<{ row: TriggerRow; config: WebhookConfig }> {
  const row = await lockTrigger(tx, id)
  if (row === undefined || row.type !== 'webhook') throw noTrigger(id)
  for (const environment of new Set(row.routes.map((route) => route.environment)))
    await requireEnvironmentFor(tx, actor, environment, 'change webhooks that run workflows in')
  return { row, config: WebhookConfig.parse(row.config) }
}
