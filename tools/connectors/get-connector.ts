import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { Connector, requireConnector, toConnector } from './connector.ts'

export const getConnector = defineTool({
  name: 'get_connector',
  title: 'Get a connector',
  description:
    'One connector: its base URL, its auth methods with the credentials each needs, and its verification call. list_actions shows its actions, export_connector the whole definition.',
  input: z.object({ connector: ConnectorRef }),
  output: z.object({ connector: Connector }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector',
  async run(context, input) {
    return { connector: toConnector(await context.read((tx) => requireConnector(tx, input.connector))) }
  },
})
