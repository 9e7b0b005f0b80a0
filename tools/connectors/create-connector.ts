import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import { insertConnector } from '../../db/connectors.ts'
import { contentOf } from '../../runtime/connections/definitions.ts'
import { slugify } from '../../runtime/connectors/definition.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { checkConnector } from './check-definition.ts'
import { asSlugConflict, Connector, ConnectorSlug, toConnector } from './connector.ts'
import { ConnectorFields, NO_AUTH, withoutUndefined } from './connector-fields.ts'

export const createConnector = defineTool({
  name: 'create_connector',
  title: 'Create a connector',
  description:
    'Makes an empty connector for an app’s HTTP API; add actions with create_action. When the app has an OpenAPI 3 description, use import_spec in its place: it makes the connector and all its actions.',
  input: z.object({
    name: ConnectorFields.name,
    slug: ConnectorSlug.optional().describe(
      'camelCase identifier, unique in your organization; made from the name when left out.',
    ),
    description: ConnectorFields.description.default(''),
    domain: ConnectorFields.domain.optional(),
    visibility: ConnectorFields.visibility.default('private'),
    iconUrl: ConnectorFields.iconUrl.optional(),
    baseUrl: ConnectorFields.baseUrl,
    variables: ConnectorFields.variables.optional(),
    authMethods: ConnectorFields.authMethods.default([NO_AUTH]),
    errors: ConnectorFields.errors.optional(),
    expiry: ConnectorFields.expiry.optional(),
    rateLimit: ConnectorFields.rateLimit.optional(),
    callRate: ConnectorFields.callRate.optional(),
    concurrency: ConnectorFields.concurrency.optional(),
  }),
  output: z.object({ connector: Connector }),
  permission: 'connectors.create',
  effect: 'write',
  http: 'POST /connectors',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const slug = input.slug ?? slugify(input.name)
    const definition = checkConnector(
      withoutUndefined({ ...input, slug, schemas: {}, actions: [], events: [] }),
    )
    const id = newId('connector')
    context.touches(id)
    const { organizationId } = context.actor
    const row = await context
      .transaction((tx) => insertConnector(tx, { ...contentOf(definition), id, organizationId, slug }))
      .catch((error: unknown) => {
        throw asSlugConflict(error, slug, 'Give another slug, or change the existing one (update_connector).')
      })
    if (row === undefined) throw new Error('INSERT … RETURNING gave no row')
    connectionsChanged(context)
    return { connector: toConnector(row) }
  },
})
