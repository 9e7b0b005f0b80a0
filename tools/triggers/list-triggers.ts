import { z } from 'zod'
import { listTriggers as queryTriggers } from '../../db/triggers.ts'
import { requireCustomer } from '../customers/customer.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, CustomerRef, Limit, NextCursor, page, WorkflowRef } from '../params.ts'
import { requireWorkflow } from '../workflows/workflow.ts'
import { Trigger, toTrigger } from './trigger.ts'

export const listTriggers = defineTool({
  name: 'list_triggers',
  title: 'List triggers',
  description: 'Lists what starts workflows: webhooks with their URLs and routes, newest first.',
  input: z.object({
    workflow: WorkflowRef.nullable().default(null).describe('Only triggers with a route to this workflow.'),
    customer: CustomerRef.nullable().default(null).describe('Only triggers of this customer.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ triggers: z.array(Trigger), nextCursor: NextCursor }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /triggers',
  async run(context, input) {
    const found = await context.read(async (tx) =>
      queryTriggers(tx, {
        type: null,
        workflowId: input.workflow === null ? null : (await requireWorkflow(tx, input.workflow)).id,
        customerId: input.customer === null ? null : (await requireCustomer(tx, input.customer)).id,
        cursor: input.cursor,
        limit: input.limit + 1,
      }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    const publicUrl = context.services.publicUrl()
    return { triggers: rows.map((row) => toTrigger(row, publicUrl)), nextCursor }
  },
})
