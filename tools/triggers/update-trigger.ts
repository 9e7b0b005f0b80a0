import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { setSchedule } from '../../db/schedules.ts'
import {
  updateTrigger as changeTrigger,
  getTrigger,
  setTriggerSecret,
  type TriggerRow,
} from '../../db/triggers.ts'
import { comingRun, SchedulerConfig } from '../../runtime/schedules/scheduler-config.ts'
import { triggerPurpose } from '../../runtime/triggers/ingest.ts'
import {
  Challenge,
  Deduplication,
  DeliveryAttempts,
  RunMode,
  Verification,
  WebhookConfig,
} from '../../runtime/triggers/webhook-config.ts'
import { withoutUndefined } from '../connectors/connector-fields.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import { AnyRouteInputs, setRoutes } from './routes.ts'
import { SchedulerFields } from './scheduler-fields.ts'
import { refuseSubscribed, requireTriggerLocked, Trigger, TriggerRef, toTrigger } from './trigger.ts'
import { chooseSecret, NewSecret } from './webhook-secret.ts'

const webhookFields = {
  verification: Verification.optional().describe(
    'Webhooks: replaces how deliveries prove where they come from.',
  ),
  deduplication: Deduplication.optional().describe(
    'Webhooks: replaces what makes a delivery a repeated one.',
  ),
  attempts: DeliveryAttempts.nullable()
    .optional()
    .describe('Webhooks: replaces how executions are tried again; null: as each workflow says itself.'),
  challenge: Challenge.nullable()
    .optional()
    .describe('Webhooks: replaces the question a sender asks before it sends events; null: none.'),
}

const schedulerFields = {
  timetable: SchedulerFields.timetable.optional().describe('Schedulers: replaces when it runs.'),
  timeZone: SchedulerFields.timeZone.optional(),
  startAt: SchedulerFields.startAt.optional(),
  delayMinutes: SchedulerFields.delayMinutes.optional(),
  missedRuns: SchedulerFields.missedRuns.optional(),
  maxFailures: SchedulerFields.maxFailures.optional(),
}

const Input = z.object({
  trigger: TriggerRef,
  name: z.string().trim().min(1).max(200).optional().describe('New display name.'),
  description: z.string().max(5_000).optional().describe('New description.'),
  enabled: z
    .boolean()
    .optional()
    .describe(
      'False refuses deliveries or stops the timetable; true also enables what switched itself off, and has a subscription that failed at its app tried anew.',
    ),
  routes: AnyRouteInputs.optional().describe(
    'Replaces all routes: with `filter` for webhooks, with `payload` for schedulers.',
  ),
  ...webhookFields,
  ...schedulerFields,
  mode: RunMode.optional(),
  deadLetter: z.boolean().optional().describe('Keep executions that fail for good as dead letters.'),
})
type Input = z.output<typeof Input>

export const updateTrigger = defineTool({
  name: 'update_trigger',
  title: 'Change a trigger',
  description:
    'Changes a webhook or scheduler; what is left out stays. `enabled: false` pauses it. Another verification scheme makes a new secret, shown this once; with the same scheme the secret stays (rotate_webhook_secret changes it).',
  input: Input,
  output: z.object({ trigger: Trigger, secret: NewSecret }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'PATCH /triggers/:trigger',
  resource: (input) => input.trigger,
  async run(context, input) {
    const { actor, services } = context
    const { row, secret } = await context.transaction(async (tx) => {
      const before = await requireTriggerLocked(tx, actor, input.trigger)
      context.touches(before.id)
      refuseForeignFields(before.type, input)
      const shown =
        before.type === 'scheduler'
          ? await changeScheduler(tx, context, before, input)
          : await changeWebhook(tx, context, before, input)
      if (input.routes !== undefined) await setRoutes(tx, actor, before.id, input.routes)
      return { row: await getTrigger(tx, before.id), secret: shown }
    })
    if (row === undefined) throw new Error('the trigger just changed is not there')
    return { trigger: toTrigger(row, services.publicUrl()), secret }
  },
})

/** A field of the other type would be without effect. */
function refuseForeignFields(type: TriggerRow['type'], input: Input): void {
  const isScheduler = type === 'scheduler'
  const fields = Object.keys(isScheduler ? webhookFields : schedulerFields) as (keyof Input)[]
  const ofRoutes = (input.routes ?? []).flatMap((route, i) =>
    (isScheduler ? route.filter : route.payload) === undefined
      ? []
      : [`routes.${i}.${isScheduler ? 'filter' : 'payload'}`],
  )
  const [where] = [...fields.filter((name) => input[name] !== undefined), ...ofRoutes]
  if (where === undefined) return
  throw invalidInput(`${where} has no effect on a ${type}.`, { where, hint: 'Leave it out.' })
}

const common = (before: TriggerRow, input: Input) => ({
  name: input.name ?? before.name,
  description: input.description ?? before.description,
  enabled: input.enabled ?? before.enabled,
})

const MOVING_RUNS = ['timetable', 'timeZone', 'startAt', 'delayMinutes'] as const

async function changeScheduler(
  tx: Tx,
  { actor }: ToolContext,
  before: TriggerRow,
  input: Input,
): Promise<null> {
  const { timetable, timeZone, startAt, delayMinutes, missedRuns, maxFailures, deadLetter, mode } = input
  // Parsed as it will be: settings that switched it off because they cannot be read are mended here.
  const config = SchedulerConfig.parse({
    ...before.config,
    ...withoutUndefined({
      timetable,
      timeZone,
      startAt,
      delayMinutes,
      missedRuns,
      maxFailures,
      deadLetter,
      mode,
    }),
  })
  const after = common(before, input)
  await changeTrigger(tx, before.id, { ...after, config })
  // A run that waits for its delay, and the count of failures, outlive a change of anything else.
  const movesRuns = MOVING_RUNS.some((field) => !isDeepStrictEqual(config[field], before.config[field]))
  if (!movesRuns && after.enabled === before.enabled) return null
  const owner = { triggerId: before.id, organizationId: actor.organizationId, customerId: before.customer_id }
  await setSchedule(tx, owner, after.enabled ? comingRun(config, new Date()) : { slotAt: null, runAt: null })
  return null
}

/** @returns the new secret, when another verification scheme made one */
async function changeWebhook(
  tx: Tx,
  { actor, services }: ToolContext,
  before: TriggerRow,
  input: Input,
): Promise<string | null> {
  const config = WebhookConfig.parse(before.config)
  const verification = input.verification ?? config.verification
  if (input.verification !== undefined) refuseSubscribed(config)
  await changeTrigger(tx, before.id, {
    ...common(before, input),
    config: {
      verification,
      deduplication: input.deduplication ?? config.deduplication,
      deadLetter: input.deadLetter ?? config.deadLetter,
      attempts: input.attempts === undefined ? config.attempts : input.attempts,
      challenge: input.challenge === undefined ? config.challenge : input.challenge,
      mode: input.mode ?? config.mode,
      subscription: config.subscription,
    },
  })
  const { subscription } = config
  // Begun anew by hand, as a scheduler that switched itself off is.
  if (input.enabled === true && subscription?.endedAt === null && (before.upkeep?.failures ?? 0) > 0) {
    const owner = {
      triggerId: before.id,
      organizationId: actor.organizationId,
      customerId: before.customer_id,
    }
    await setUpkeep(tx, owner, { dueAt: new Date(), failures: 0 })
  }
  // A secret of one scheme need not fit, and should not serve, another.
  if (verification.scheme === config.verification.scheme) return null
  const { plain, shown } = chooseSecret(verification, undefined)
  const sealed =
    plain === null
      ? null
      : await services.vault.seal(tx, actor.organizationId, triggerPurpose(before.id), plain)
  await setTriggerSecret(tx, before.id, sealed)
  return shown
}
