import { z } from 'zod'
import { listWorkflowVersions as queryVersions } from '../../db/workflows.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, Limit, NextCursor, page, WorkflowRef } from '../params.ts'
import { toVersion, WorkflowVersion } from './version.ts'
import { requireWorkflow } from './workflow.ts'

export const listWorkflowVersions = defineTool({
  name: 'list_workflow_versions',
  title: 'List a workflow’s versions',
  description: 'Lists the published versions of a workflow, newest first, without their code.',
  input: z.object({ workflow: WorkflowRef, cursor: Cursor, limit: Limit }),
  output: z.object({ versions: z.array(WorkflowVersion), nextCursor: NextCursor }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /workflows/:workflow/versions',
  async run(context, { workflow, cursor, limit }) {
    const found = await context.read(async (tx) => {
      const { id } = await requireWorkflow(tx, workflow)
      return queryVersions(tx, { workflowId: id, cursor, limit: limit + 1 })
    })
    const { rows, nextCursor } = page(found, limit)
    return { versions: rows.map(toVersion), nextCursor }
  },
})
