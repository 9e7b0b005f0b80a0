import { z } from 'zod'
import { listActiveDeployments } from '../../db/deployments.ts'
import { getWorkflowVersion } from '../../db/workflows.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { Deployment, toDeployment } from './deployment.ts'
import { toVersion, WorkflowVersion } from './version.ts'
import { requireWorkflow, toWorkflow, Workflow } from './workflow.ts'

export const getWorkflow = defineTool({
  name: 'get_workflow',
  title: 'Get a workflow',
  description:
    'A workflow with the code of its draft, its newest version and what is deployed where. The code of versions comes from get_workflow_version.',
  input: z.object({ workflow: WorkflowRef }),
  output: z.object({
    workflow: Workflow.extend({
      code: z.string().describe('The draft.'),
      unpublishedChanges: z
        .boolean()
        .describe('The draft’s code is not that of the newest version: publish_workflow to make it one.'),
      newestVersion: WorkflowVersion.nullable(),
      deployments: z.array(Deployment).describe('What runs where now.'),
    }),
  }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /workflows/:workflow',
  async run(context, input) {
    return context.read(async (tx) => {
      const row = await requireWorkflow(tx, input.workflow)
      const newest = await getWorkflowVersion(tx, row.id, row.latest_version)
      const deployments = await listActiveDeployments(tx, row.id)
      return {
        workflow: {
          ...toWorkflow(row),
          code: row.draft_code,
          unpublishedChanges: newest?.source !== row.draft_code,
          newestVersion: newest === undefined ? null : toVersion(newest),
          deployments: deployments.map(toDeployment),
        },
      }
    })
  },
})
