import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { requireConnection } from '../connections/connection.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef, Timestamp } from '../params.ts'
import { OAuthAppRef } from './oauth-app.ts'

export const startOAuth = defineTool({
  name: 'start_oauth',
  title: 'Connect an account by OAuth',
  description:
    'Begins connecting (or reconnecting) an account by OAuth: returns the provider’s address where its owner gives consent. When they come back the connection is stored; list_connections shows it. create_connect_link gives a page with your branding around it.',
  input: z.object({
    connector: ConnectorRef.optional().describe('Connector (slug or id) to connect an account of.'),
    connection: z
      .string()
      .min(1)
      .optional()
      .describe('In place of `connector`: the connection (cxn_…) to give new tokens.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) whose account it is; left out, your organization’s own.'),
    authMethod: z
      .string()
      .min(1)
      .optional()
      .describe('Slug of an oauth2 auth method; the first when left out.'),
    oauthApp: OAuthAppRef.optional().describe('Another OAuth app than the one the connector uses.'),
    scopes: z
      .array(z.string().min(1))
      .max(200)
      .optional()
      .describe('Scopes to ask for in place of the usual ones.'),
    name: z.string().trim().min(1).max(200).optional().describe('Name of the connection.'),
    fields: z
      .record(z.string(), z.string())
      .optional()
      .describe('Further values the auth method asks for, e.g. {"shop": "acme"}.'),
    returnUrl: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe('Where the person is sent afterwards.'),
  }),
  output: z.object({
    url: z.string().describe('Open it in the account owner’s browser.'),
    authorizationId: z.string().describe('oau_…'),
    expiresAt: Timestamp.describe('Consent must be given by then.'),
  }),
  permission: 'connections.create',
  // Another app's client secret would go to this connector's provider: that is for who sets up connectors.
  permissionFor: (input) =>
    input.oauthApp !== undefined
      ? 'connectors.update'
      : input.connection === undefined
        ? 'connections.create'
        : 'connections.update',
  effect: 'write',
  openWorld: true,
  http: 'POST /oauth/start',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    if ((input.connector === undefined) === (input.connection === undefined)) {
      throw invalidInput('Give either connector or connection.', {
        where: 'connector',
        hint: '`connector` connects a new account; `connection` gives an existing one new tokens.',
      })
    }
    const { customerId, connector } = await context.read(async (tx) => {
      if (input.connection === undefined) {
        return {
          customerId: await actingCustomer(tx, actor, input.customer),
          connector: input.connector ?? '',
        }
      }
      const row = await requireConnection(tx, input.connection)
      return { customerId: row.customer_id, connector: row.connector_id }
    })
    const begun = await services.oauth.begin(scopeOf(actor), actor.id, {
      connector,
      customerId,
      reconnects: input.connection,
      authMethod: input.authMethod,
      oauthApp: input.oauthApp,
      scopes: input.scopes,
      connectionName: input.name,
      fields: input.fields,
      returnUrl: input.returnUrl,
      connectLinkId: actor.kind === 'connect_link' ? actor.id : undefined,
    })
    context.touches(begun.authorizationId)
    return begun
  },
})
