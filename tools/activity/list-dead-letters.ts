import { z } from 'zod'
import { listDeadLetters as queryDeadLetters } from '../../db/dead-letters.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { DeadLetterStatus, DeadLetterSummary, toDeadLetterSummary } from './dead-letter.ts'
import { ByCustomer, ByWorkflow, idsOf } from './filters.ts'

export const listDeadLetters = defineTool({
  name: 'list_dead_letters',
  title: 'List dead letters',
  description:
    'Lists executions that failed for good, newest first: the work that is still to be done. replay_dead_letter runs one again once the cause is mended.',
  input: z.object({
    status: DeadLetterStatus.nullable().default(null).describe('Only those of this status.'),
    workflow: ByWorkflow,
    customer: ByCustomer,
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ deadLetters: z.array(DeadLetterSummary), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /dead-letters',
  async run(context, input) {
    const found = await context.read(async (tx) =>
      queryDeadLetters(tx, {
        ...(await idsOf(tx, input, context.actor)),
        status: input.status,
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { deadLetters: rows.map(toDeadLetterSummary), nextCursor }
  },
})
