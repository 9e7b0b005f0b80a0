import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { getActiveDeployment, getPreviousDeployment } from '../../db/deployments.ts'
import { defineTool } from '../define-tool.ts'
import { EnvironmentSlug, WorkflowRef } from '../params.ts'
import { Deployment, deployVersion, toDeployment } from './deployment.ts'
import { deployPermission, requireDeployable } from './environment.ts'
import { requireVersion, VersionNumber } from './version.ts'
import { refuseCustomerKey, requireWorkflowLocked } from './workflow.ts'

export const rollbackWorkflow = defineTool({
  name: 'rollback_workflow',
  title: 'Roll a workflow back',
  description:
    'Puts the version deployed before back into an environment, or the version named. Executions under way keep theirs. list_deployments shows the history.',
  input: z.object({
    workflow: WorkflowRef,
    environment: EnvironmentSlug,
    version: VersionNumber.optional().describe(
      'Version to go back to; when left out, the last one deployed there that is not the present one.',
    ),
  }),
  output: z.object({
    deployment: Deployment,
    replacedVersion: z.number().int().describe('The version that ran there until now.'),
  }),
  permission: 'workflows.deploy_test',
  permissionFor: (input) => deployPermission(input.environment),
  effect: 'write',
  http: 'POST /workflows/:workflow/rollback',
  resource: (input) => input.workflow,
  async run(context, input) {
    refuseCustomerKey(context.actor)
    return context.transaction(async (tx) => {
      const workflow = await requireWorkflowLocked(tx, input.workflow)
      context.touches(workflow.id)
      await requireDeployable(tx, context.actor, input.environment)
      const active = await getActiveDeployment(tx, workflow.id, input.environment)
      if (active === undefined)
        throw conflict(`The workflow '${workflow.slug}' is not deployed to '${input.environment}'.`, {
          where: 'environment',
          hint: 'deploy_workflow puts a version there.',
        })
      const versionId =
        input.version === undefined
          ? (await getPreviousDeployment(tx, active))?.workflow_version_id
          : (await requireVersion(tx, workflow, input.version)).id
      if (versionId === undefined)
        throw conflict(`No other version was ever deployed to '${input.environment}'.`, {
          where: 'environment',
          hint: 'Name a version, or deploy one with deploy_workflow.',
        })
      const { deployment, unchanged } = await deployVersion(tx, context.actor, {
        workflowId: workflow.id,
        versionId,
        environment: input.environment,
      })
      if (unchanged)
        throw conflict(`Version ${active.version} is the one deployed to '${input.environment}'.`, {
          where: 'version',
          hint: 'list_deployments shows what was deployed before.',
        })
      return { deployment: toDeployment(deployment), replacedVersion: active.version }
    })
  },
})
