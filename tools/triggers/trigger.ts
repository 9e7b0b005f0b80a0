import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { conflict, notFound } from '../../core/errors.ts'
import type { Tx } from '../../db/database.ts'
import { lockTrigger, type TriggerRow } from '../../db/triggers.ts'
import { missedRunPolicies, SchedulerConfig } from '../../runtime/schedules/scheduler-config.ts'
import { Timetable, TimeZone } from '../../runtime/schedules/timetable.ts'
import { Subscribed } from '../../runtime/triggers/subscribed.ts'
import {
  Challenge,
  DeliveryAttempts,
  deduplicationSource,
  RunMode,
  Verification,
  WebhookConfig,
} from '../../runtime/triggers/webhook-config.ts'
import { Timestamp } from '../params.ts'
import { requireEnvironmentFor } from '../workflows/environment.ts'
import { Route, toRoute } from './routes.ts'

export const MissedRuns = z
  .enum(missedRunPolicies)
  .describe(
    'What becomes of times that passed while nothing could run: run_once (the last of them), run_all (up to 100), skip.',
  )

export const TriggerRef = z.string().min(1).describe("A trigger's id (trg_…).")

const State = z.enum(['subscribed', 'unsettled', 'failing', 'failed', 'ended'])

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
      attempts: DeliveryAttempts.nullable().describe(
        'How executions are tried again; null: as each workflow says itself.',
      ),
      challenge: Challenge.nullable(),
      mode: RunMode,
      subscription: Subscribed.pick({ connector: true, event: true, connection: true, id: true, left: true })
        .extend({
          state: State.describe(
            'unsettled: the app is being asked, or its answer was lost: it is looked for at the app at nextAttemptAt, or now by create_app_event with the same input. failing: it could not be renewed, and is tried again. failed: nor will it be tried again. ended: its account is gone.',
          ),
          expiresAt: Timestamp.nullable().describe(
            'Until when the app sends; it is renewed before. Null: for ever, or not known.',
          ),
          failures: z.number().int().describe('Attempts to settle or renew it that failed in a row.'),
          problem: z.string().nullable().describe('Why the last attempt failed; null: it did not.'),
          nextAttemptAt: Timestamp.nullable().describe(
            'When the app is asked next by itself; null: it is not, update_trigger with enabled true begins anew.',
          ),
        })
        .nullable()
        .describe('What Patchbay registered at an app; delete_trigger takes it back. Null: nothing.'),
    })
    .nullable()
    .describe('Null for triggers of another type.'),
  scheduler: z
    .object({
      timetable: Timetable,
      timeZone: TimeZone,
      startAt: Timestamp.describe('Intervals count from here; nothing runs before.'),
      delayMinutes: z.number().int().describe('Minutes between the time and the run.'),
      missedRuns: MissedRuns,
      maxFailures: z
        .number()
        .int()
        .nullable()
        .describe('Failures in a row that switch it off; null: none do.'),
      deadLetter: z.boolean().describe('Executions that fail for good are kept as dead letters.'),
      mode: RunMode,
      nextRunAt: Timestamp.nullable().describe('Null: it is switched off, or no time comes.'),
      lastRunAt: Timestamp.nullable(),
      consecutiveFailures: z.number().int(),
      disabledReason: z
        .string()
        .nullable()
        .describe('Why it switched itself off; enable it with update_trigger.'),
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
    scheduler: row.type === 'scheduler' ? toScheduler(row) : null,
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
    attempts: config.attempts,
    challenge: config.challenge,
    mode: config.mode,
    subscription: config.subscription && toSubscription(config.subscription, row.upkeep),
  }
}

const toSubscription = (subscription: Subscribed, upkeep: TriggerRow['upkeep']) => ({
  ...subscription,
  state: stateOf(subscription, upkeep),
  expiresAt: asDate(upkeep?.expires_at),
  failures: upkeep?.failures ?? 0,
  problem: upkeep?.problem ?? null,
  nextAttemptAt: asDate(upkeep?.due_at),
})

function stateOf({ id, endedAt }: Subscribed, upkeep: TriggerRow['upkeep']): z.output<typeof State> {
  if (endedAt !== null) return 'ended'
  if (id === null) return 'unsettled'
  if (upkeep === null || upkeep.failures === 0) return 'subscribed'
  return upkeep.due_at === null ? 'failed' : 'failing'
}

function toScheduler(row: TriggerRow) {
  const config = SchedulerConfig.parse(row.config)
  return {
    ...config,
    nextRunAt: row.enabled ? asDate(row.schedule?.next_run_at) : null,
    lastRunAt: asDate(row.schedule?.last_run_at),
    consecutiveFailures: row.schedule?.consecutive_failures ?? 0,
    disabledReason: row.schedule?.disabled_reason ?? null,
  }
}

const asDate = (text: string | null | undefined) =>
  text === null || text === undefined ? null : new Date(text)

export const noTrigger = (id: string) => notFound('trigger', id, 'list_triggers shows the ones there are.')

/**
 * A trigger, locked until the transaction ends. What starts runs in production is not a test key's to change.
 * @throws AppError `not_found`, also for triggers the actor may not see; `forbidden`
 */
export async function requireTriggerLocked(tx: Tx, actor: Actor, id: string): Promise<TriggerRow> {
  const row = await lockTrigger(tx, id)
  if (row === undefined) throw noTrigger(id)
  for (const environment of new Set(row.routes.map((route) => route.environment)))
    await requireEnvironmentFor(tx, actor, environment, 'change triggers that run workflows in')
  return row
}

/**
 * The same for a webhook.
 * @throws AppError `not_found` for triggers of another type too
 */
export async function requireWebhookLocked(
  tx: Tx,
  actor: Actor,
  id: string,
): Promise<{ row: TriggerRow; config: WebhookConfig }> {
  const row = await requireTriggerLocked(tx, actor, id)
  if (row.type !== 'webhook') throw noTrigger(id)
  return { row, config: WebhookConfig.parse(row.config) }
}

/** @throws AppError `conflict`: the app goes on signing with what it was told when it was subscribed */
export function refuseSubscribed({ subscription }: WebhookConfig): void {
  if (subscription === null || subscription.endedAt !== null) return
  throw conflict(
    `The app signs this webhook as it was told when it was subscribed to ${subscription.event}.`,
    {
      where: 'trigger',
      hint: 'Make another with create_app_event, then delete this one.',
    },
  )
}
