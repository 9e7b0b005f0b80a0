import { z } from 'zod'
import { listDriftWatches as list } from '../../db/drift-watches.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { DriftWatch, toDriftWatch } from './drift-watch.ts'

export const listDriftWatches = defineTool({
  name: 'list_drift_watches',
  title: 'List APIs watched for changes',
  description:
    'Connectors whose API is watched for changes (watch_connector_drift): when it was looked last, why that failed, and which run proposes the changes found.',
  input: z.object({ cursor: Cursor, limit: Limit }),
  output: z.object({ watches: z.array(DriftWatch), nextCursor: NextCursor }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /drift-watches',
  async run(context, { cursor, limit }) {
    refuseCustomerKey(context.actor, 'A connector')
    const found = await context.read((tx) => list(tx, { cursor, limit: limit + 1 }))
    const { rows, nextCursor } = page(found, limit)
    return { watches: rows.map(toDriftWatch), nextCursor }
  },
})
