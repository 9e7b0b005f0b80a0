import { z } from 'zod'
import { listConnectors as queryConnectors } from '../../db/connectors.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { ConnectorSummary, toConnectorSummary } from './connector.ts'

export const listConnectors = defineTool({
  name: 'list_connectors',
  title: 'List connectors',
  description:
    'Lists connectors, newest first; `query` narrows by name, slug or description. list_actions shows what one can do.',
  input: z.object({
    query: z.string().min(1).nullable().default(null).describe('Part of the name, slug or description.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ connectors: z.array(ConnectorSummary), nextCursor: NextCursor }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors',
  async run(context, input) {
    const found = await context.read((tx) => queryConnectors(tx, { ...input, limit: input.limit + 1 }))
    const { rows, nextCursor } = page(found, input.limit)
    return { connectors: rows.map(toConnectorSummary), nextCursor }
  },
})
