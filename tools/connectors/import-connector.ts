import { z } from 'zod'
import { ConnectorChanges } from '../../runtime/connectors/diff/connector-changes.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { checkConnector } from './check-definition.ts'
import { asSlugConflict, Connector, toConnector } from './connector.ts'
import { storeConnector } from './store-connector.ts'
import { tellOfVersion } from './tell-of-version.ts'

export const OnConflict = z
  .enum(['fail', 'replace'])
  .default('fail')
  .describe(
    'When a connector with the slug exists: `fail`, or `replace` it by a new version, keeping its id, its connections and what was changed by hand.',
  )

export const importConnector = defineTool({
  name: 'import_connector',
  title: 'Import a connector',
  description:
    'Makes a connector from a definition that export_connector wrote. It is stored whole or not at all. For OpenAPI documents use import_spec.',
  input: z.object({
    definition: z
      .record(z.string(), z.unknown())
      .describe(
        'The document: slug, name, description, visibility, baseUrl, authMethods, schemas, actions, events.',
      ),
    onConflict: OnConflict,
  }),
  output: z.object({
    connector: Connector,
    replaced: z.boolean().describe('True: an existing connector got a new version.'),
    changes: ConnectorChanges.nullable().describe('Against what it was before; null for a new connector.'),
    kept: z
      .array(z.string())
      .describe('What was changed by hand since the last import and therefore stayed.'),
  }),
  permission: 'connectors.create',
  permissionFor: (input) => (input.onConflict === 'replace' ? 'connectors.update' : 'connectors.create'),
  effect: 'write',
  http: 'POST /connectors/import',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const definition = checkConnector(input.definition)
    const { row, replaced, changes, kept } = await context
      .transaction(async (tx) => {
        const stored = await storeConnector(tx, context.actor, definition, input.onConflict)
        context.touches(stored.row.id)
        if (stored.changes !== null) await tellOfVersion(tx, context.actor, stored.row, stored.changes)
        return stored
      })
      .catch((error: unknown) => {
        throw asSlugConflict(
          error,
          definition.slug,
          "Give onConflict: 'replace' to replace its content, or another slug.",
        )
      })
    connectionsChanged(context)
    return { connector: toConnector(row), replaced, changes, kept }
  },
})
