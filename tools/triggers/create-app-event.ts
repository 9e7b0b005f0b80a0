import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { conflict, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { setUpkeep } from '../../db/app-subscriptions.ts'
import type { Tx } from '../../db/database.ts'
import { getTrigger } from '../../db/triggers.ts'
import type { Condition } from '../../runtime/conditions/condition.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import type { EventDefinition } from '../../runtime/connectors/definition.ts'
import { secretNames, sharesSecret } from '../../runtime/connectors/event-subscription.ts'
import { subscribeAtApp } from '../../runtime/triggers/subscribe.ts'
import { type AppCaller, GONE_AFTER_MS } from '../../runtime/triggers/subscription-upkeep.ts'
import { Deduplication, RunMode, type WebhookConfig } from '../../runtime/triggers/webhook-config.ts'
import { requireConnector } from '../connectors/connector.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { insertWebhook } from './insert-webhook.ts'
import { RouteInputs } from './routes.ts'
import { takeOverUnsettled } from './take-over-unsettled.ts'
import { Trigger, toTrigger } from './trigger.ts'
import { chooseSecret } from './webhook-secret.ts'

const DEADLINE_MS = 60_000

export const createAppEvent = defineTool({
  name: 'create_app_event',
  title: 'Run workflows on an app’s event',
  description:
    'Subscribes to an event of a connector with a connected account: makes a webhook, registers its URL at the app with a secret nobody sees, its own or the app’s, and routes what arrives to workflows. Called again after the app’s answer was lost, it goes on with the trigger that is there. delete_trigger unsubscribes.',
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
  output: z.object({
    trigger: Trigger,
    warning: z
      .string()
      .nullable()
      .describe('What may be left at the app of an earlier call whose answer was lost; null: nothing.'),
  }),
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
    const { connector, event, customerId } = await context.read(async (tx) => ({
      ...(await subscribable(tx, input.connector, input.event)),
      customerId: await actingCustomer(tx, actor, input.customer),
    }))
    const { action } = event.subscription.subscribe
    const { connection } = await services.connections.look(scopeOf(actor), {
      ...{ connector, action, customerId, connection: input.connection },
    })
    const attempt = newId('trigger')
    // The trigger is there before the app is asked: some apps try the URL before they answer, and what is asked for must
    // be known of when the answer is lost.
    const made = await context.transaction(async (tx) => {
      const routes = input.routes.map((route) => ({ ...route, filter: ofType(event, route.filter) }))
      const wanted = { ...input, routes, customerId, connector, connection, event }
      const before = await takeOverUnsettled(tx, actor, wanted)
      context.touches(before ?? attempt)
      if (before !== undefined) return { id: before, attempt }
      // What the app issues takes its place; nothing that comes before that is accepted.
      const issues = event.subscription.secretPath !== undefined
      const { plain } = issues ? { plain: null } : chooseSecret(event.webhookVerification, undefined)
      const config: WebhookConfig = {
        verification: event.webhookVerification,
        deduplication: input.deduplication,
        deadLetter: true,
        attempts: null,
        challenge: null,
        mode: input.mode,
        subscription: {
          connector,
          event: event.slug,
          connection,
          id: null,
          askedUntil: null,
          endedAt: null,
          left: null,
          publicUrl: services.publicUrl(),
          answer: {},
          ending: [],
          round: 0,
          secretNames: secretNames(event.subscription),
          unsubscribe: event.subscription.unsubscribe,
          list: event.subscription.list,
        },
      }
      await insertWebhook(tx, context, { ...input, routes, id: attempt, customerId, config, secret: plain })
      // Should this process end before it asks the app, another one does.
      const dueAt = new Date(Date.now() + GONE_AFTER_MS)
      await setUpkeep(tx, { triggerId: attempt, organizationId: actor.organizationId, customerId }, { dueAt })
      return { id: attempt, attempt }
    })
    const caller: AppCaller = {
      ...{ scope: scopeOf(actor), connections: services.connections, vault: services.vault },
      ...{ publicUrl: services.publicUrl(), transaction: context.transaction, signal: context.signal },
      ...{ now: Date.now, attended: true },
    }
    const warning = await subscribeAtApp(caller, made.id, event.subscription, {
      // Whoever made this very call before has ended.
      alone: made.attempt !== attempt,
    })
    const row = await context.read((tx) => getTrigger(tx, made.id))
    if (row === undefined) throw notFound('trigger', made.id)
    return { trigger: toTrigger(row, services.publicUrl()), warning }
  },
})

/** Some apps send all they have to one address. */
const ofType = ({ type }: EventDefinition, filter: Condition | undefined): Condition | undefined => {
  if (type === undefined) return filter
  // Header names may be written in any case.
  const field = type.field.startsWith('headers.') ? type.field.toLowerCase() : type.field
  const isIt: Condition = { field, op: 'eq', value: type.value }
  return filter === undefined ? isIt : { all: [isIt, filter] }
}

/** @throws AppError when there is no such event, or it cannot be subscribed to and verified */
async function subscribable(tx: Tx, connectorRef: string, slug: string) {
  const connector = await requireConnector(tx, connectorRef)
  const { events } = headOf(connector)
  const event = events.find((one) => one.slug === slug)
  if (event === undefined)
    throw notFound('event', slug, `It has: ${events.map((one) => one.slug).join(', ') || 'none'}.`)
  const { subscription, webhookVerification } = event
  if (subscription === undefined || webhookVerification === undefined) {
    throw conflict(`How to subscribe to '${slug}', or how it is signed, is not defined.`, {
      where: 'event',
      hint: 'define_event says both; or register a URL of create_webhook at the app yourself.',
    })
  }
  if (webhookVerification.scheme !== 'none' && !sharesSecret(subscription)) {
    throw invalidInput('The app is told no {secret}, so nothing it sends could be verified.', {
      where: 'event',
      hint: 'Put {secret} into the input of subscribe with define_event, or say with secretPath where the app’s answer has the secret it issues.',
    })
  }
  return { connector: connector.slug, event: { ...event, subscription, webhookVerification } }
}
