import { z } from 'zod'
import { deleteWorkflow as removeWorkflow } from '../../db/workflows.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { refuseCustomerKey, requireWorkflowLocked } from './workflow.ts'

export const deleteWorkflow = defineTool({
  name: 'delete_workflow',
  title: 'Delete a workflow',
  description:
    'Deletes a workflow with its versions, deployments, routes and executions, for good. To only stop it, set its status to inactive with update_workflow.',
  input: z.object({ workflow: WorkflowRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the workflow had.') }),
  permission: 'workflows.delete',
  effect: 'destructive',
  http: 'DELETE /workflows/:workflow',
  resource: (input) => input.workflow,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    const { id } = await context.transaction(async (tx) => {
      const workflow = await requireWorkflowLocked(tx, input.workflow)
      context.touches(workflow.id)
      await removeWorkflow(tx, workflow.id)
      return workflow
    })
    return { deleted: true as const, id }
  },
})
