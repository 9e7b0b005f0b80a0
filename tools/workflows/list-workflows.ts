import { z } from 'zod'
import { listWorkflows as queryWorkflows } from '../../db/workflows.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page } from '../params.ts'
import { toWorkflow, Workflow } from './workflow.ts'

export const listWorkflows = defineTool({
  name: 'list_workflows',
  title: 'List workflows',
  description:
    'Lists workflows, newest first, without their code; get_workflow has that. `query` narrows by name, slug or description.',
  input: z.object({
    query: z.string().min(1).nullable().default(null).describe('Part of the name, slug or description.'),
    status: z.enum(['active', 'inactive']).nullable().default(null).describe('Only those of this status.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ workflows: z.array(Workflow), nextCursor: NextCursor }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /workflows',
  async run(context, input) {
    const found = await context.read((tx) => queryWorkflows(tx, { ...input, limit: input.limit + 1 }))
    const { rows, nextCursor } = page(found, input.limit)
    return { workflows: rows.map(toWorkflow), nextCursor }
  },
})
