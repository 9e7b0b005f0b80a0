import { z } from 'zod'
import { listPins } from '../../db/connector-versions.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Timestamp } from '../params.ts'
import { requireConnector } from './connector.ts'

export const listConnectorPins = defineTool({
  name: 'list_connector_pins',
  title: 'List held customers',
  description: 'Lists the customers who are held on a version of a connector.',
  input: z.object({ connector: ConnectorRef }),
  output: z.object({
    pins: z.array(
      z.object({
        customerId: z.string(),
        customer: z.string().describe('Slug.'),
        version: z.number().int(),
        createdBy: z.string(),
        createdAt: Timestamp,
      }),
    ),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/pins',
  async run(context, input) {
    const rows = await context.read(async (tx) =>
      listPins(tx, (await requireConnector(tx, input.connector)).id),
    )
    return {
      pins: rows.map((row) => ({
        customerId: row.customer_id,
        customer: row.customer_slug,
        version: row.version,
        createdBy: row.created_by,
        createdAt: row.created_at,
      })),
    }
  },
})
