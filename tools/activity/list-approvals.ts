import { z } from 'zod'
import { listApprovals as queryApprovals } from '../../db/approvals.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { Approval, ApprovalStatus, toApproval } from './approval.ts'

export const listApprovals = defineTool({
  name: 'list_approvals',
  title: 'List approvals',
  description:
    'Decisions that executions wait for (ctx.wait.approval), newest first. decide_approval approves or rejects one.',
  input: z.object({
    status: ApprovalStatus.nullable().default('pending').describe('Only those of this status; null: all.'),
    execution: z.string().min(1).nullable().default(null).describe('Only those of this execution (exec_…).'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ approvals: z.array(Approval), nextCursor: NextCursor }),
  permission: 'activity.read',
  effect: 'read',
  http: 'GET /approvals',
  async run(context, input) {
    const { status, execution: executionId, cursor } = input
    const found = await context.read((tx) =>
      queryApprovals(tx, { status, executionId, cursor, limit: input.limit + 1 }),
    )
    const { rows, nextCursor } = page(found, input.limit)
    return { approvals: rows.map(toApproval), nextCursor }
  },
})
