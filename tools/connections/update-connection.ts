import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { Secret } from '../../core/secret.ts'
import { updateConnection as changeConnection, clearDefault, noteVerification } from '../../db/connections.ts'
import { connectionPurpose } from '../../runtime/connections/credentials.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { tellOfConnection } from '../../runtime/connections/events.ts'
import { requireConnector } from '../connectors/connector.ts'
import { defineTool } from '../define-tool.ts'
import { connectionsChanged } from './changed.ts'
import { useConnectLink } from './connect-link.ts'
import {
  AccountUrl,
  asConnectionConflict,
  Connection,
  ConnectionRef,
  Credentials,
  requireConnection,
  toConnection,
  Verify,
} from './connection.ts'
import { checkCredentials, chooseAuthMethod } from './credentials.ts'
import { obtainTokens } from './obtain-tokens.ts'
import { tryCredentials } from './try-credentials.ts'

export const updateConnection = defineTool({
  name: 'update_connection',
  title: 'Change a connection',
  description:
    'Renames a connected account, makes it the default, switches it off and on, or gives it new credentials, which makes an expired or failed one active again. New credentials are tried first; refused ones change nothing.',
  input: z.object({
    connection: ConnectionRef,
    name: z.string().trim().min(1).max(200).optional().describe('New name.'),
    isDefault: z.boolean().optional().describe('true: in place of the present default.'),
    status: z
      .enum(['active', 'inactive'])
      .optional()
      .describe('inactive: no action runs through it until it is active again.'),
    authMethod: z
      .string()
      .min(1)
      .optional()
      .describe('With `credentials`: slug of the auth method they are for, when it changes.'),
    credentials: Credentials.optional(),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('With an access token given: when it expires, ISO 8601.'),
    baseUrl: AccountUrl.nullable()
      .optional()
      .describe('With `credentials`: the account’s own address; null: the connector’s.'),
    verify: Verify,
  }),
  output: z.object({ connection: Connection }),
  permission: 'connections.update',
  effect: 'write',
  idempotent: true,
  openWorld: true,
  http: 'PATCH /connections/:connection',
  resource: (input) => input.connection,
  async run(context, input) {
    const { actor, services } = context
    const { connection: id, credentials: given } = input
    // Stored credentials go nowhere but where their owner sent them: a new address asks for them anew.
    const needing = (['authMethod', 'baseUrl'] as const).find((field) => input[field] !== undefined)
    if (needing !== undefined && given === undefined) {
      throw invalidInput(`Another ${needing} needs the credentials again.`, {
        where: 'credentials',
        hint: `Give \`credentials\` with \`${needing}\`.`,
      })
    }
    const { before, authMethod, target } = await context.read(async (tx) => {
      const before = await requireConnection(tx, id)
      if (given === undefined) return { before, authMethod: before.auth_method, target: undefined }
      const connector = await requireConnector(tx, before.connector_id)
      const method = chooseAuthMethod(headOf(connector), input.authMethod ?? before.auth_method)
      checkCredentials(method, given)
      return { before, authMethod: method.slug, target: { connector, method } }
    })
    const { credentials, oauth } =
      given === undefined || target === undefined
        ? { credentials: undefined, oauth: undefined }
        : await obtainTokens(context, target, {
            ...input,
            credentials: given,
            baseUrl: input.baseUrl === undefined ? before.base_url : input.baseUrl,
          })
    const tried =
      credentials !== undefined && input.verify
        ? await tryCredentials(context, {
            connector: before.connector_id,
            authMethod,
            credentials: new Secret(credentials),
            baseUrl: input.baseUrl === undefined ? before.base_url : input.baseUrl,
            customerId: before.customer_id,
          })
        : undefined

    const row = await context
      .transaction(async (tx) => {
        const now = await requireConnection(tx, id)
        if (input.isDefault === true && !now.is_default) {
          await clearDefault(tx, { connectorId: now.connector_id, customerId: now.customer_id })
        }
        const healed =
          credentials !== undefined && now.status !== 'inactive' ? ('active' as const) : undefined
        const sealed =
          credentials &&
          (await services.vault.seal(
            tx,
            actor.organizationId,
            connectionPurpose(id),
            JSON.stringify(credentials),
          ))
        await changeConnection(tx, id, {
          name: input.name,
          isDefault: input.isDefault,
          authMethod: credentials === undefined ? undefined : authMethod,
          credentials: sealed,
          oauth,
          baseUrl: input.baseUrl,
          status: input.status ?? healed,
        })
        if (tried?.verified) await noteVerification(tx, id, null)
        await useConnectLink(tx, actor, id)
        const changed = await requireConnection(tx, id)
        await tellOfConnection(tx, actor.organizationId, 'updated', changed)
        return changed
      })
      .catch((error: unknown) => {
        throw asConnectionConflict(error)
      })
    connectionsChanged(context)
    return { connection: toConnection(row) }
  },
})
