import { z } from 'zod'
import { listDeployments as queryDeployments } from '../../db/deployments.ts'
import { defineTool } from '../define-tool.ts'
import { Cursor, EnvironmentSlug, Limit, NextCursor, page, WorkflowRef } from '../params.ts'
import { Deployment, toDeployment } from './deployment.ts'
import { requireWorkflow } from './workflow.ts'

export const listDeployments = defineTool({
  name: 'list_deployments',
  title: 'List a workflow’s deployments',
  description:
    'The history of what was deployed where, newest first; `active` marks what runs there now. Ends with the oldest.',
  input: z.object({
    workflow: WorkflowRef,
    environment: EnvironmentSlug.nullable().default(null).describe('Only this environment’s.'),
    cursor: Cursor,
    limit: Limit,
  }),
  output: z.object({ deployments: z.array(Deployment), nextCursor: NextCursor }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /workflows/:workflow/deployments',
  async run(context, { workflow, environment, cursor, limit }) {
    const found = await context.read(async (tx) => {
      const { id } = await requireWorkflow(tx, workflow)
      return queryDeployments(tx, { workflowId: id, environment, cursor, limit: limit + 1 })
    })
    const { rows, nextCursor } = page(found, limit)
    return { deployments: rows.map(toDeployment), nextCursor }
  },
})
