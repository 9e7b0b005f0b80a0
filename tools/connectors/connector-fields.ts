import { z } from 'zod'
import {
  AuthMethod,
  ConnectorDefinition,
  ErrorRule,
  ServerVariable,
} from '../../runtime/connectors/definition.ts'

/** The fields of a connector that create_connector and update_connector share, described once. */
export const ConnectorFields = {
  name: z.string().trim().min(1).max(200).describe('Name of the app as people know it, e.g. "Stripe".'),
  description: z.string().max(5000).describe('What the app does and what the connector is for.'),
  domain: z.string().min(1).max(253).describe("Domain of the app's own site, e.g. stripe.com."),
  visibility: ConnectorDefinition.shape.visibility,
  iconUrl: z.url({ protocol: /^https?$/ }).describe('Address of an icon to show beside the name.'),
  baseUrl: ConnectorDefinition.shape.baseUrl.max(2000),
  variables: z
    .record(z.string(), ServerVariable)
    .describe(
      'Variables of baseUrl by name, e.g. {"region":{"default":"eu"}} for https://{region}.example.com.',
    ),
  authMethods: z
    .array(AuthMethod)
    .min(1)
    .max(20)
    .describe('The ways to authenticate; a connection chooses one, the first by default.'),
  errors: z
    .array(ErrorRule)
    .max(50)
    .describe(ConnectorDefinition.shape.errors.description ?? ''),
  expiry: ConnectorDefinition.shape.expiry.unwrap(),
  rateLimit: ConnectorDefinition.shape.rateLimit.unwrap(),
  callRate: ConnectorDefinition.shape.callRate.unwrap(),
  concurrency: ConnectorDefinition.shape.concurrency.unwrap(),
}

export const NO_AUTH: AuthMethod = { slug: 'none', type: 'no_auth', name: 'No authentication' }

/** The object without its undefined fields: absent and undefined are different things to stored JSON and types. */
export const withoutUndefined = <T extends object>(object: T) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
