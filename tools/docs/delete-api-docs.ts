import { z } from 'zod'
import { deleteDocSource } from '../../db/doc-index.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { DocSourceRef, requireDocSource } from './source.ts'

export const deleteApiDocs = defineTool({
  name: 'delete_api_docs',
  title: 'Delete indexed documentation',
  description:
    'Takes a source out of the documentation index, with all its passages. index_api_docs can read it again.',
  input: z.object({ source: DocSourceRef }),
  output: z.object({
    deleted: z.literal(true),
    id: z.string().describe('The id the source had.'),
    chunks: z.number().int().describe('Passages deleted with it.'),
  }),
  permission: 'connectors.update',
  effect: 'destructive',
  http: 'DELETE /docs/:source',
  resource: (input) => input.source,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'Documentation')
    const { id, chunks } = await context.transaction(async (tx) => {
      const row = await requireDocSource(tx, input.source)
      await deleteDocSource(tx, row.id)
      return row
    })
    return { deleted: true as const, id, chunks }
  },
})
