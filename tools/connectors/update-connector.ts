import { z } from 'zod'
import { conflict, invalidInput, notFound } from '../../core/errors.ts'
import { getAction } from '../../db/actions.ts'
import { authMethodsInUse } from '../../db/connector-versions.ts'
import { updateConnector as changeConnector } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { contentOf, headOf } from '../../runtime/connections/definitions.ts'
import type { AuthMethod } from '../../runtime/connectors/definition.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { checkAuthMethods } from './check-definition.ts'
import { Connector, requireConnectorForChange, toConnector } from './connector.ts'
import { ConnectorFields, withoutUndefined } from './connector-fields.ts'

export const updateConnector = defineTool({
  name: 'update_connector',
  title: 'Change a connector',
  description:
    'Changes a connector’s description, base URL, auth methods, verification call, error and expiry rules or limits; what is left out stays, null takes a rule or limit away. Its slug never changes. Connections go on working as long as their auth method keeps its slug.',
  input: z.object({
    connector: ConnectorRef,
    name: ConnectorFields.name.optional(),
    description: ConnectorFields.description.optional(),
    domain: ConnectorFields.domain.optional(),
    visibility: ConnectorFields.visibility.optional(),
    iconUrl: ConnectorFields.iconUrl.optional(),
    baseUrl: ConnectorFields.baseUrl.optional(),
    variables: ConnectorFields.variables.optional(),
    authMethods: ConnectorFields.authMethods.optional().describe('Replaces all auth methods.'),
    errors: ConnectorFields.errors.nullable().optional(),
    expiry: ConnectorFields.expiry.nullable().optional(),
    rateLimit: ConnectorFields.rateLimit.nullable().optional(),
    callRate: ConnectorFields.callRate.nullable().optional(),
    concurrency: ConnectorFields.concurrency.nullable().optional(),
    verification: z
      .object({
        action: z.string().min(1).describe('Slug of a harmless action of this connector.'),
        input: z.record(z.string(), z.unknown()).default({}).describe('Input of that call.'),
      })
      .nullable()
      .optional()
      .describe('The call that proves credentials work; null: none.'),
  }),
  output: z.object({ connector: Connector }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /connectors/:connector',
  resource: (input) => input.connector,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const { connector: ref, verification, ...change } = input
    if (change.authMethods !== undefined) checkAuthMethods(change.authMethods)
    const row = await context.transaction(async (tx) => {
      const before = await requireConnectorForChange(tx, ref)
      context.touches(before.id)
      if (change.authMethods !== undefined) await refuseLossInUse(tx, before.id, change.authMethods)
      const { verification: oldVerification, ...head } = headOf(before)
      const kept = verification === undefined ? oldVerification : (verification ?? undefined)
      if (verification && (await getAction(tx, before.id, verification.action)) === undefined) {
        throw invalidInput(`The connector has no action '${verification.action}'.`, {
          where: 'verification.action',
          hint: 'list_actions shows its actions.',
        })
      }
      const merged = Object.entries({ ...head, ...withoutUndefined(change) }).filter(
        ([, value]) => value !== null,
      )
      const after = {
        ...(Object.fromEntries(merged) as typeof head),
        ...(kept === undefined ? {} : { verification: kept }),
        schemas: {},
      }
      const { schemas: _unchanged, ...content } = contentOf(after)
      return changeConnector(tx, before.id, content)
    })
    if (row === undefined) throw notFound('connector', ref)
    connectionsChanged(context)
    return { connector: toConnector(row) }
  },
})

/** @throws AppError `conflict` when connections were made with an auth method that would be gone */
async function refuseLossInUse(tx: Tx, connectorId: string, methods: readonly AuthMethod[]): Promise<void> {
  const lost = (await authMethodsInUse(tx, connectorId)).filter(
    ({ slug }) => !methods.some((method) => method.slug === slug),
  )
  if (lost.length === 0) return
  const used = lost.map(({ slug, connections }) => `'${slug}' (${connections} connections)`).join(', ')
  throw conflict(`Auth methods in use would be gone: ${used}.`, {
    where: 'authMethods',
    hint: 'Keep them in the list, or delete their connections first (list_connections shows them).',
    data: { inUse: lost },
  })
}
