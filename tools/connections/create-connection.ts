import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { Secret } from '../../core/secret.ts'
import { clearDefault, hasConnection, insertConnection, noteVerification } from '../../db/connections.ts'
import type { Tx } from '../../db/database.ts'
import { connectionPurpose } from '../../runtime/connections/credentials.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { tellOfConnection } from '../../runtime/connections/events.ts'
import { requireConnector } from '../connectors/connector.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import { OAuthAppRef } from '../oauth/oauth-app.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { connectionsChanged } from './changed.ts'
import { useConnectLink } from './connect-link.ts'
import {
  AccountUrl,
  asConnectionConflict,
  Connection,
  Credentials,
  requireConnection,
  toConnection,
  Verify,
} from './connection.ts'
import { checkCredentials, chooseAuthMethod } from './credentials.ts'
import { obtainTokens } from './obtain-tokens.ts'
import { tryCredentials } from './try-credentials.ts'

export const createConnection = defineTool({
  name: 'create_connection',
  title: 'Connect an account',
  description:
    'Connects an account of a third-party app with credentials you have: a customer’s, or your organization’s own when no customer is named. (For OAuth with consent use start_oauth or create_connect_link.) The credentials are tried first; when the provider refuses them nothing is stored. get_connector tells which credentials an auth method needs.',
  input: z.object({
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) whose account it is; left out, the organization’s own.'),
    connector: ConnectorRef,
    authMethod: z
      .string()
      .min(1)
      .optional()
      .describe('Slug of one of the connector’s auth methods; the first when left out.'),
    credentials: Credentials.default({}),
    oauthApp: OAuthAppRef.optional().describe(
      'For an auth method of the client credentials grant: another OAuth app than the one its connector uses.',
    ),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('With an access token given: when it expires, ISO 8601.'),
    name: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe('Tells several accounts of one customer apart; the connector’s name when left out.'),
    baseUrl: AccountUrl.nullable().default(null),
    isDefault: z
      .boolean()
      .optional()
      .describe('Used when a call names no connection. The first one is, unless false is given.'),
    verify: Verify,
  }),
  output: z.object({
    connection: Connection,
    verified: z.boolean().describe('Were the credentials tried and accepted?'),
    detail: z.string().describe('What was tried and what came back.'),
  }),
  permission: 'connections.create',
  // Another app's client secret would go to this connector's provider: that is for who sets up connectors.
  permissionFor: (input) => (input.oauthApp !== undefined ? 'connectors.update' : 'connections.create'),
  effect: 'write',
  openWorld: true,
  http: 'POST /connections',
  successStatus: 201,
  async run(context, input) {
    const { actor, services } = context
    const prepared = await context.read((tx) => prepare(tx, context, input))
    const { credentials, oauth } = await obtainTokens(context, prepared, input)
    const tried = input.verify
      ? await tryCredentials(context, {
          connector: prepared.connector.id,
          authMethod: prepared.method.slug,
          credentials: new Secret(credentials),
          baseUrl: input.baseUrl,
          customerId: prepared.customerId,
        })
      : { verified: false, detail: 'The credentials were not tried, as asked.' }

    const id = newId('connection')
    context.touches(id)
    const row = await context
      .transaction(async (tx) => {
        // Again: the connector or the customer may have changed while the credentials were tried.
        const { connector, customerId, method } = await prepare(tx, context, input)
        const place = { connectorId: connector.id, customerId }
        const isDefault = input.isDefault ?? !(await hasConnection(tx, place))
        if (isDefault) await clearDefault(tx, place)
        await insertConnection(tx, {
          id,
          organizationId: actor.organizationId,
          ...place,
          name: input.name ?? connector.name,
          authMethod: method.slug,
          credentials: await services.vault.seal(
            tx,
            actor.organizationId,
            connectionPurpose(id),
            JSON.stringify(credentials),
          ),
          baseUrl: input.baseUrl,
          isDefault,
          oauth,
        })
        if (tried.verified) await noteVerification(tx, id, null)
        await useConnectLink(tx, actor, id)
        const made = await requireConnection(tx, id)
        await tellOfConnection(tx, actor.organizationId, 'created', made)
        return made
      })
      .catch((error: unknown) => {
        throw asConnectionConflict(error)
      })
    connectionsChanged(context)
    return { connection: toConnection(row), ...tried }
  },
})

/** Who and what the connection is for, with its credentials checked for completeness. */
async function prepare(
  tx: Tx,
  { actor }: ToolContext,
  input: {
    customer: string | null
    connector: string
    authMethod?: string | undefined
    credentials: Record<string, string>
  },
) {
  const connector = await requireConnector(tx, input.connector)
  const customerId = await actingCustomer(tx, actor, input.customer)
  const method = chooseAuthMethod(headOf(connector), input.authMethod)
  checkCredentials(method, input.credentials)
  return { connector, customerId, method }
}
