import { z } from 'zod'
import { listActionDefinitions } from '../../db/actions.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnector } from './connector.ts'

export const exportConnector = defineTool({
  name: 'export_connector',
  title: 'Export a connector',
  description:
    'The whole definition of a connector as one JSON document, with all actions and schemas, for version control or import_connector elsewhere. It holds no credentials. Large APIs give megabytes; get_action shows one action.',
  input: z.object({ connector: ConnectorRef }),
  output: z.object({
    definition: z.record(z.string(), z.unknown()).describe('What import_connector takes.'),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/export',
  async run(context, input) {
    return context.read(async (tx) => {
      const row = await requireConnector(tx, input.connector)
      const schemas = await getConnectorSchemas(tx, row.id)
      const actions = await listActionDefinitions(tx, row.id)
      return {
        definition: { ...headOf(row), schemas, actions: actions.map(({ definition }) => definition) },
      }
    })
  },
})
