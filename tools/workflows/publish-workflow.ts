import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { newId } from '../../core/ids.ts'
import {
  getWorkflowVersion,
  insertWorkflowVersion,
  type WorkflowRow,
  type WorkflowVersionRow,
} from '../../db/workflows.ts'
import { prepareWorkflow, validateWorkflow } from '../../runtime/sandbox/prepare.ts'
import { defineTool } from '../define-tool.ts'
import { WorkflowRef } from '../params.ts'
import { Issue } from './issue.ts'
import { typeIssues } from './type-issues.ts'
import { toVersion, WorkflowVersion } from './version.ts'
import { refuseCustomerKey, requireWorkflowLocked } from './workflow.ts'

export const publishWorkflow = defineTool({
  name: 'publish_workflow',
  title: 'Publish a workflow version',
  description:
    'Makes the next version of a workflow from its draft: code and settings as they are now, never changed again. What its types say against it comes back as warnings. It runs nowhere until deploy_workflow puts it into an environment.',
  input: z.object({ workflow: WorkflowRef }),
  output: z.object({
    version: WorkflowVersion,
    unchanged: z.boolean().describe('True: it differs from the version before in nothing.'),
    warnings: z
      .array(Issue)
      .describe('What validate_workflow says of its types: it is published, and may fail when it runs.'),
  }),
  permission: 'workflows.update',
  effect: 'write',
  http: 'POST /workflows/:workflow/versions',
  successStatus: 201,
  resource: (input) => input.workflow,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    const published = await context.transaction(async (tx) => {
      const workflow = await requireWorkflowLocked(tx, input.workflow)
      context.touches(workflow.id)
      const before = await getWorkflowVersion(tx, workflow.id, workflow.latest_version)
      const { code } = prepareWorkflow(workflow.draft_code)
      const { connectors } = validateWorkflow(workflow.draft_code)
      const used = connectors.map(({ slug }) => slug)
      const version = await insertWorkflowVersion(tx, {
        id: newId('workflowVersion'),
        workflowId: workflow.id,
        code,
        connectors: [...new Set(used)].sort(),
        publishedBy: context.actor.id,
      })
      if (version === undefined) throw new Error('INSERT … RETURNING gave no row')
      const unchanged = before !== undefined && isSame(before, workflow)
      return { version: toVersion(version), unchanged, source: workflow.draft_code }
    })
    const { source, ...answer } = published
    const { read } = validateWorkflow(source)
    const types = read === undefined ? undefined : await typeIssues(context, source, read)
    return { ...answer, warnings: types?.issues ?? [] }
  },
})

const isSame = (version: WorkflowVersionRow, draft: WorkflowRow): boolean =>
  version.source === draft.draft_code &&
  version.tier === draft.tier &&
  version.timeout_ms === draft.timeout_ms &&
  isDeepStrictEqual(version.retry, draft.retry) &&
  isDeepStrictEqual(version.concurrency, draft.concurrency) &&
  isDeepStrictEqual(version.rate_limit, draft.rate_limit) &&
  isDeepStrictEqual(version.reach, draft.reach) &&
  isDeepStrictEqual(version.input_schema, draft.input_schema)
