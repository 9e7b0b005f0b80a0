import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { listActions as queryActions } from '../../db/actions.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, Cursor, Limit, NextCursor } from '../params.ts'
import { ActionSummary, toActionSummary } from './action.ts'
import { requireConnector } from './connector.ts'

export const listActions = defineTool({
  name: 'list_actions',
  title: 'List actions',
  description:
    'Lists what a connector can do. With `query` (what you want to do, in a few words) the best fitting first; without, by slug. get_action shows the input one takes.',
  input: z.object({
    connector: ConnectorRef,
    query: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .nullable()
      .default(null)
      .describe('What the action does, e.g. "create issue comment".'),
    effect: z.enum(['read', 'write', 'destructive']).nullable().default(null).describe('Only these.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({
    actions: z.array(ActionSummary),
    total: z.number().int().describe('Actions the connector has.'),
    nextCursor: NextCursor,
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/actions',
  async run(context, input) {
    const offset = offsetOf(input.cursor)
    const { effect, query, limit } = input
    const connector = await context.read((tx) => requireConnector(tx, input.connector))
    const rows =
      query === null
        ? await context.read((tx) => queryActions(tx, connector.id, { effect, offset, limit: limit + 1 }))
        : (
            await context.services.actionSearch.search(
              {
                organizationId: context.actor.organizationId,
                connectors: [{ ...connector, pinned: null }],
                read: context.read,
              },
              { query, effect },
            )
          ).slice(offset, offset + limit + 1)
    return {
      actions: rows.slice(0, limit).map(toActionSummary),
      total: connector.action_count,
      nextCursor: rows.length > limit ? String(offset + limit) : null,
    }
  },
})

/** Ranked results have no key to go on from, so the cursor of this list is a position. */
function offsetOf(cursor: string | null): number {
  if (cursor === null) return 0
  if (/^\d{1,6}$/.test(cursor)) return Number(cursor)
  throw invalidInput('This is not a cursor of list_actions.', {
    where: 'cursor',
    hint: 'Pass `nextCursor` of the previous page, or leave it out.',
  })
}
