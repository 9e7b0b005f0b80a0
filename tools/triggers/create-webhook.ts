import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { getTrigger, type RouteRow } from '../../db/triggers.ts'
import {
  Challenge,
  Deduplication,
  DeliveryAttempts,
  deduplicationSource,
  RunMode,
  Verification,
  type WebhookConfig,
} from '../../runtime/triggers/webhook-config.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef } from '../params.ts'
import { insertWebhook } from './insert-webhook.ts'
import { RouteInputs } from './routes.ts'
import { Trigger, toTrigger } from './trigger.ts'
import { chooseSecret, NewSecret, nextStep, SecretInput } from './webhook-secret.ts'

export const createWebhook = defineTool({
  name: 'create_webhook',
  title: 'Create a webhook',
  description:
    'Makes a URL that third parties post events to, and routes them to workflows. Deliveries are verified, told apart from repeated ones, kept, and run in the background. Returns the URL, and the signing secret this once.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('Display name, e.g. "GitHub pushes".'),
    description: z.string().max(5_000).default('').describe('What it is for.'),
    routes: RouteInputs,
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) its workflows run for; left out, the organization itself.'),
    verification: Verification.prefault({}).describe(
      'How deliveries prove where they come from; a generated API key when left out.',
    ),
    secret: SecretInput,
    deduplication: Deduplication.prefault({}).describe(
      'What makes a delivery a repeated one, run once only. When left out, the sender’s delivery id: X-GitHub-Delivery, webhook-id, X-Shopify-Webhook-Id, the id of a Stripe event, the event_id of a Slack one; none for other schemes.',
    ),
    deadLetter: z
      .boolean()
      .default(true)
      .describe('Keep executions that fail for good as dead letters, to be replayed.'),
    attempts: DeliveryAttempts.nullable()
      .default(null)
      .describe('How executions that fail in passing are tried again; null: as each workflow says itself.'),
    mode: RunMode.default('parallel'),
    challenge: Challenge.nullable()
      .default(null)
      .describe(
        'The question a sender asks before it sends events; null: none (the scheme slack has its own).',
      ),
  }),
  output: z.object({
    trigger: Trigger,
    secret: NewSecret,
    nextStep: z.string().describe('What is left to do.'),
  }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'POST /triggers/webhooks',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    const { plain, shown } = chooseSecret(input.verification, input.secret)
    const config: WebhookConfig = {
      verification: input.verification,
      deduplication: input.deduplication,
      deadLetter: input.deadLetter,
      attempts: input.attempts,
      challenge: input.challenge,
      mode: input.mode,
      subscription: null,
    }
    const { row, told } = await context.transaction(async (tx) => {
      const id = newId('trigger')
      context.touches(id)
      const customerId = await actingCustomer(tx, actor, input.customer)
      await insertWebhook(tx, context, { ...input, id, customerId, config, secret: plain })
      return { row: await getTrigger(tx, id), told: shown }
    })
    if (row === undefined) throw new Error('the trigger just made is not there')
    return {
      trigger: toTrigger(row, services.publicUrl()),
      secret: told,
      nextStep: [
        nextStep(input.verification, input.secret !== undefined),
        ...noDeduplication(config),
        ...row.routes.flatMap(notDeployed),
      ].join(' '),
    }
  },
})

const noDeduplication = (config: WebhookConfig): string[] =>
  config.deduplication.enabled && deduplicationSource(config) === null
    ? [
        'Nothing tells a delivery that is sent again from a new one: name what does with update_trigger (deduplication), or keep its runs apart with the workflow’s concurrency (limit 1, a key, hold until_ended).',
      ]
    : []

const notDeployed = ({ workflow_slug, environment, deployed }: RouteRow): string[] =>
  deployed
    ? []
    : [`Until deploy_workflow puts ${workflow_slug} into ${environment}, what arrives for it starts nothing.`]
