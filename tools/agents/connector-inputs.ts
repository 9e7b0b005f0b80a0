import { z } from 'zod'
import { Verification } from '../../runtime/triggers/webhook-config.ts'
import { ConnectorRef } from '../params.ts'

/** With which account actions are tested: what test_actions takes. */
export const testFields = {
  customer: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Customer whose account is tested with; left out, your organization’s own.'),
  connection: z
    .string()
    .min(1)
    .optional()
    .describe('Id or name of the test account’s connection; the default one when left out.'),
  allowWrites: z
    .boolean()
    .default(false)
    .describe('May tests create, change and delete things of their own in the account?'),
  allowLive: z
    .boolean()
    .default(false)
    .describe('May they although the account is in production, or a customer’s?'),
  inputs: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .default({})
    .describe('Inputs by action slug, "*" for all, e.g. {"*":{"owner":"acme"}}.'),
}

/** What is known of the API’s description. */
export const sourceFields = {
  spec: z.string().min(1).optional().describe('The API’s description (OpenAPI, Swagger, Postman), as text.'),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('In place of `spec`: its address.'),
}

const Docs = z
  .array(z.url({ protocol: /^https?$/ }))
  .max(10)
  .default([])
  .describe('Addresses of documentation in prose: read when there is no description, and for mending.')

export const BuildConnectorInput = z.object({
  ...sourceFields,
  discover: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('In place of `spec`: a domain or address to find the description from.'),
  docs: Docs,
  name: z.string().trim().min(1).max(200).optional().describe('Name of the app.'),
  slug: z
    .string()
    .regex(/^[a-z][a-zA-Z0-9]*$/)
    .max(64)
    .optional()
    .describe('camelCase identifier; made from the name when left out.'),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of the API, when the description names none or another is to be used.'),
  goal: z
    .string()
    .min(1)
    .max(5_000)
    .optional()
    .describe('What the connector is for, in words: a model chooses operations by it.'),
  operations: z
    .array(z.string().min(1))
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'The operations to include (operationId, or "get /path"); all, or those for the goal, when left out. From documentation in prose at most 40 at a time.',
    ),
  replace: z.boolean().default(false).describe('Make the next version of a connector that is there already?'),
  ...testFields,
})
export type BuildConnectorInput = z.output<typeof BuildConnectorInput>

export const TestConnectorInput = z.object({
  connector: ConnectorRef,
  actions: z
    .array(z.string().min(1))
    .min(1)
    .max(2_000)
    .optional()
    .describe('Slugs to test; all when left out.'),
  ...testFields,
})

export const FixActionInput = z.object({
  connector: ConnectorRef,
  actions: z
    .array(z.string().min(1))
    .min(1)
    .max(50)
    .optional()
    .describe('Slugs to test and mend; all when left out.'),
  ...sourceFields,
  docs: Docs,
  ...testFields,
})

export const RepairConnectorInput = z.object({
  connector: ConnectorRef,
  ...sourceFields,
  docs: Docs,
  ...testFields,
})

export const BuildEventsInput = z.object({
  connector: ConnectorRef,
  docs: Docs,
  webhookVerification: Verification.optional().describe(
    'How the app signs what it sends, as its documentation says; left out, the events cannot be subscribed to until define_event says it.',
  ),
})
