import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { defineTool } from '../define-tool.ts'
import { EnvironmentSlug, WorkflowRef } from '../params.ts'
import { Deployment, deployVersion, toDeployment } from './deployment.ts'
import { deployPermission, requireDeployable } from './environment.ts'
import { requireVersion, VersionNumber } from './version.ts'
import { refuseCustomerKey, requireWorkflowLocked } from './workflow.ts'

export const deployWorkflow = defineTool({
  name: 'deploy_workflow',
  title: 'Deploy a workflow',
  description:
    'Makes a published version the one that runs in an environment, in place of the one before. Executions under way keep theirs. Production environments need workflows.deploy_prod and a live key. rollback_workflow undoes it.',
  input: z.object({
    workflow: WorkflowRef,
    environment: EnvironmentSlug,
    version: VersionNumber.optional().describe('Version to deploy; the newest when left out.'),
  }),
  output: z.object({
    deployment: Deployment,
    unchanged: z.boolean().describe('True: this version was deployed there already.'),
  }),
  permission: 'workflows.deploy_test',
  permissionFor: (input) => deployPermission(input.environment),
  effect: 'write',
  idempotent: true,
  http: 'POST /workflows/:workflow/deployments',
  resource: (input) => input.workflow,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    return context.transaction(async (tx) => {
      const workflow = await requireWorkflowLocked(tx, input.workflow)
      context.touches(workflow.id)
      await requireDeployable(tx, context.actor, input.environment)
      if (input.version === undefined && workflow.latest_version === 0)
        throw conflict(`The workflow '${workflow.slug}' has never been published.`, {
          where: 'workflow',
          hint: 'publish_workflow makes its first version.',
        })
      const version = await requireVersion(tx, workflow, input.version ?? workflow.latest_version)
      const { deployment, unchanged } = await deployVersion(tx, context.actor, {
        workflowId: workflow.id,
        versionId: version.id,
        environment: input.environment,
      })
      return { deployment: toDeployment(deployment), unchanged }
    })
  },
})
