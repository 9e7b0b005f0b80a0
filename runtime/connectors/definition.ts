import { z } from 'zod'
import { responseCondition } from '../conditions/condition-input.ts'
import { Verification } from '../triggers/webhook-config.ts'
import { ActionDefinition } from './action-definition.ts'
import { AuthMethod } from './auth-method.ts'
import { ErrorRule } from './error-rule.ts'
import { EventSubscription } from './event-subscription.ts'
import { JsonSchemaValue } from './json-schema.ts'

export { ActionBody, ActionDefinition, ActionParameter, Pagination } from './action-definition.ts'
export { AuthMethod, type CredentialField, credentialFields, extraFields } from './auth-method.ts'
export { type BundledSchema, bundleSchema } from './bundle-schema.ts'
export { ErrorRule } from './error-rule.ts'
export { slugify } from './slug.ts'

/** A variable of the base URL. */
export const ServerVariable = z
  .object({
    default: z.string().describe('Value used when the connection gives none.'),
    enum: z.array(z.string()).optional().describe('The only values allowed.'),
    description: z.string().optional().describe('What the variable stands for.'),
  })
  .describe('A variable of the base URL.')
export type ServerVariable = z.infer<typeof ServerVariable>

/** An event that the app can send to a webhook. */
export const EventDefinition = z
  .object({
    slug: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .max(64)
      .describe('snake_case name, unique within the connector.'),
    name: z.string().describe('Short title.'),
    description: z.string().describe('When the event is sent.'),
    payloadSchema: JsonSchemaValue.optional().describe('JSON Schema 2020-12 of the payload.'),
    subscription: EventSubscription.optional().describe(
      'How the app is asked to send it; without one, people register the URL there themselves.',
    ),
    webhookVerification: Verification.optional().describe('How the app signs what it sends.'),
    type: z
      .object({
        field: z
          .string()
          .regex(/^(payload|headers)\../, 'must begin with payload. or headers.')
          .max(200)
          .describe('payload.<dot path>, or headers.<name>.'),
        value: z.string().min(1).max(200).describe('What it holds, e.g. "order.paid".'),
      })
      .optional()
      .describe('How a delivery says that it is this event; create_app_event lets others pass by.'),
    example: z.json().optional().describe('A payload as the documentation shows it.'),
  })
  .describe('An event that the app can send to a webhook.')
export type EventDefinition = z.infer<typeof EventDefinition>

const PLACEHOLDER = /\{[^{}]*\}/g

/**
 * A connector: all that is known about a third-party app, as data. This is the document that export writes
 * and import reads; it holds no credentials and no code.
 */
export const ConnectorDefinition = z
  .object({
    slug: z
      .string()
      .regex(/^[a-z][a-zA-Z0-9]*$/)
      .max(64)
      .describe(
        'camelCase identifier, unique within the organization; workflows call ctx.connectors.<slug>.',
      ),
    name: z.string().min(1).describe('Name of the app, as people know it.'),
    description: z.string().describe('What the app does and what the connector is for.'),
    domain: z.string().optional().describe("Domain of the app's own site, such as 'stripe.com'."),
    iconUrl: z.string().optional().describe('Address of an icon to show beside the name.'),
    visibility: z
      .enum(['private', 'public'])
      .describe('private: only this organization sees it; public: it is offered to others.'),
    baseUrl: z
      .string()
      .refine((url) => URL.canParse(url.replace(PLACEHOLDER, 'x')), 'must be an absolute URL')
      .describe('Absolute URL that action paths are appended to; {variable} is replaced from variables.'),
    variables: z.record(z.string(), ServerVariable).optional().describe('Variables of baseUrl, by name.'),
    authMethods: z
      .array(AuthMethod)
      .min(1)
      .describe('The ways to authenticate; a connection chooses one. The first is the default.'),
    verification: z
      .object({
        action: z.string().describe('Slug of the action to call.'),
        input: z.record(z.string(), z.unknown()).describe('Input of that call.'),
      })
      .optional()
      .describe('The harmless call that proves a credential works.'),
    errors: z
      .array(ErrorRule)
      .optional()
      .describe('Answers of any action that mean failure although the status says otherwise.'),
    expiry: responseCondition
      .optional()
      .describe(
        'Answers that mean the credentials have expired: an OAuth token is refreshed and the call made again. Default: status 401.',
      ),
    rateLimit: z
      .object({
        remainingHeader: z.string().describe('Header with the calls left.'),
        resetHeader: z.string().describe('Header that says when they are filled up.'),
        resetUnit: z
          .enum(['seconds', 'epoch_seconds', 'epoch_milliseconds', 'date'])
          .describe('What the reset header holds: seconds from now, a Unix time, or a date.'),
      })
      .optional()
      .describe('Headers of the rate limit, where they are not the common ones.'),
    callRate: z
      .object({
        limit: z.number().int().min(1).max(1_000_000).describe('At most so many calls …'),
        seconds: z.number().int().min(1).max(86_400).describe('… in a window of so many seconds.'),
      })
      .optional()
      .describe(
        'How often one connection may call, over all servers together. A call over that waits a few seconds for the next window, or fails as one to be tried again.',
      ),
    concurrency: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe('Calls at once through one connection, in one process. Default 20.'),
    schemas: z
      .record(z.string(), JsonSchemaValue)
      .describe(
        'Shared JSON Schemas 2020-12, referred to as #/schemas/<name>; they may refer to each other in cycles.',
      ),
    actions: z.array(ActionDefinition).describe('What can be done in the app.'),
    events: z.array(EventDefinition).describe('What the app can report by webhook.'),
  })
  .describe('A connector: the definition of a third-party app.')
export type ConnectorDefinition = z.infer<typeof ConnectorDefinition>
