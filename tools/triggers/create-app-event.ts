import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { AppError, conflict, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { deleteTrigger, getTrigger, lockTrigger, updateTrigger } from '../../db/triggers.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { fillIn, subscriptionIdIn, takesSecret } from '../../runtime/connectors/event-subscription.ts'
import { Deduplication, RunMode, type WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { requireConnector } from '../connectors/connector.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { insertWebhook } from './insert-webhook.ts'
import { RouteInputs } from './routes.ts'
import { Trigger, toTrigger } from './trigger.ts'
import { chooseSecret } from './webhook-secret.ts'

const DEADLINE_MS = 60_000

export const createAppEvent = defineTool({
  name: 'create_app_event',
  title: 'Run workflows on an app’s event',
  description:
    'Subscribes to an event of a connector with a connected account: makes a webhook, registers its URL at the app with a secret nobody sees, and routes what arrives to workflows. delete_trigger unsubscribes.',
  input: z.object({
    name: z.string().trim().min(1).max(200).describe('Display name, e.g. "Paid orders".'),
    description: z.string().max(5_000).default('').describe('What it is for.'),
    connector: ConnectorRef,
    event: z.string().min(1).max(64).describe('Slug of one of its events, as export_connector shows them.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe(
        'Customer (id or slug) whose account is subscribed and whose workflows run; null: your organization.',
      ),
    connection: z.string().min(1).optional().describe('Id or name of one of several connections.'),
    routes: RouteInputs,
    deduplication: Deduplication.prefault({}).describe(
      'What makes a delivery a repeated one, run once only.',
    ),
    mode: RunMode.default('parallel'),
  }),
  output: z.object({ trigger: Trigger }),
  permission: 'workflows.update',
  // Subscribing is a call of the app.
  permissionFor: () => 'connections.execute',
  effect: 'write',
  openWorld: true,
  http: 'POST /triggers/app-events',
  successStatus: 201,
  deadlineMs: DEADLINE_MS,
  async run(context, input) {
    const { actor, services } = context
    const id = newId('trigger')
    context.touches(id)
    const made = await context.transaction(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const { events } = headOf(connector)
      const event = events.find(({ slug }) => slug === input.event)
      if (event === undefined)
        throw notFound(
          'event',
          input.event,
          `It has: ${events.map(({ slug }) => slug).join(', ') || 'none'}.`,
        )
      const { subscription, webhookVerification: verification } = event
      if (subscription === undefined || verification === undefined) {
        throw conflict(`How to subscribe to '${event.slug}', or how it is signed, is not defined.`, {
          where: 'event',
          hint: 'define_event says both; or register a URL of create_webhook at the app yourself.',
        })
      }
      if (verification.scheme !== 'none' && !takesSecret(subscription)) {
        throw invalidInput('The app is told no {secret}, so nothing it sends could be verified.', {
          where: 'event',
          hint: 'Put {secret} into the input of subscribe with define_event; or use create_webhook and rotate_webhook_secret with the secret the app issues.',
        })
      }
      const { plain } = chooseSecret(verification, undefined)
      const config: WebhookConfig = {
        verification,
        deduplication: input.deduplication,
        deadLetter: true,
        attempts: null,
        challenge: null,
        mode: input.mode,
        subscription: {
          connector: connector.slug,
          event: event.slug,
          connection: input.connection ?? null,
          id: null,
          unsubscribe: subscription.unsubscribe,
        },
      }
      const customerId = await actingCustomer(tx, actor, input.customer)
      await insertWebhook(tx, context, { ...input, id, customerId, config, secret: plain })
      return { subscription, connector: connector.slug, customerId, plain }
    })
    // The trigger is there before the app is asked, as some apps try the URL before they answer.
    const subscriptionId = await subscribe(made).catch(async (cause: unknown) => {
      await context.transaction((tx) => deleteTrigger(tx, id))
      throw cause
    })
    const row = await context.transaction(async (tx) => {
      const before = await lockTrigger(tx, id)
      if (before === undefined) throw notFound('trigger', id)
      const config = before.config as unknown as WebhookConfig
      const subscription = config.subscription && { ...config.subscription, id: subscriptionId }
      await updateTrigger(tx, id, { ...before, config: { ...config, subscription } })
      return getTrigger(tx, id)
    })
    if (row === undefined) throw notFound('trigger', id)
    return { trigger: toTrigger(row, services.publicUrl()) }

    async function subscribe({ subscription, connector, customerId, plain }: typeof made): Promise<string> {
      const { action, input: template } = subscription.subscribe
      const { output } = await services.connections.runAction(
        scopeOf(actor),
        {
          connector,
          action,
          customerId,
          connection: input.connection,
          input: fillIn(template, {
            webhookUrl: `${services.publicUrl()}/webhooks/${id}`,
            secret: plain ?? '',
          }),
          idempotencyKey: id,
          ...(plain === null ? {} : { hidden: [plain] }),
        },
        context.signal,
      )
      const found = subscriptionIdIn(output, subscription)
      if (found !== undefined) return found
      throw new AppError('upstream_error', `The answer of ${action} has no id at ${subscription.idPath}.`, {
        where: 'event',
        hint: 'Correct idPath with define_event, and take away at the app what was registered.',
      })
    }
  },
})
