import { z } from 'zod'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { requireVersion, toVersion, VersionNumber, WorkflowVersion } from './version.ts'
import { requireWorkflow } from './workflow.ts'

export const getWorkflowVersion = defineTool({
  name: 'get_workflow_version',
  title: 'Get a workflow version',
  description: 'One published version of a workflow with its code as it was written.',
  input: z.object({ workflow: WorkflowRef, version: VersionNumber }),
  output: z.object({ version: WorkflowVersion.extend({ code: z.string().describe('The source.') }) }),
  permission: 'workflows.read',
  effect: 'read',
  http: 'GET /workflows/:workflow/versions/:version',
  async run(context, input) {
    return context.read(async (tx) => {
      const row = await requireVersion(tx, await requireWorkflow(tx, input.workflow), input.version)
      return { version: { ...toVersion(row), code: row.source } }
    })
  },
})
