import { z } from 'zod'
import { listDocSources } from '../../db/doc-index.ts'
import { requireConnector } from '../connectors/connector.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Cursor, Limit, NextCursor, page } from '../params.ts'
import { DocSource, toDocSource } from './source.ts'

export const listApiDocs = defineTool({
  name: 'list_api_docs',
  title: 'List indexed documentation',
  description:
    'The documentation that search_api_docs searches, newest first: where each source was read, when, and how many passages it has.',
  input: z.object({
    connector: ConnectorRef.optional().describe('Only that of this connector, by slug or id.'),
    limit: Limit,
    cursor: Cursor,
  }),
  output: z.object({
    sources: z.array(DocSource),
    retrieval: z
      .enum(['fused', 'full_text'])
      .describe('fused: found by words and by meaning; full_text: by words alone.'),
    note: z.string().nullable().describe('Why not both, if not.'),
    nextCursor: NextCursor,
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /docs',
  async run(context, { connector, limit, cursor }) {
    const rows = await context.read(async (tx) => {
      const connectorId = connector === undefined ? null : (await requireConnector(tx, connector)).id
      return listDocSources(tx, { connectorId, cursor, limit: limit + 1 })
    })
    const { rows: shown, nextCursor } = page(rows, limit)
    const { retrieval, note } = context.services.docsIndex.describe()
    return { sources: shown.map(toDocSource), retrieval, note, nextCursor }
  },
})
