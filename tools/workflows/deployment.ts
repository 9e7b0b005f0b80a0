import { z } from 'zod'
import type { Actor } from '../../core/actor.ts'
import { newId } from '../../core/ids.ts'
import type { Tx } from '../../db/database.ts'
import { type DeploymentRow, getActiveDeployment, insertDeployment } from '../../db/deployments.ts'
import { Timestamp } from '../params.ts'

export const Deployment = z.object({
  id: z.string().describe('dep_…'),
  environment: z.string(),
  version: z.number().int(),
  active: z.boolean().describe('True: what runs there now.'),
  deployedBy: z.string().describe('Id of the key that deployed it.'),
  createdAt: Timestamp,
})

export const toDeployment = (row: DeploymentRow) => ({
  id: row.id,
  environment: row.environment,
  version: row.version,
  active: row.active,
  deployedBy: row.deployed_by,
  createdAt: row.created_at,
})

/**
 * Makes a version the one that runs in an environment. The workflow must be locked.
 * @returns the active deployment, and whether it was active before already
 */
export async function deployVersion(
  tx: Tx,
  actor: Actor,
  target: { workflowId: string; versionId: string; environment: string },
): Promise<{ deployment: DeploymentRow; unchanged: boolean }> {
  const active = await getActiveDeployment(tx, target.workflowId, target.environment)
  if (active?.workflow_version_id === target.versionId) return { deployment: active, unchanged: true }
  await insertDeployment(tx, {
    ...target,
    id: newId('deployment'),
    organizationId: actor.organizationId,
    deployedBy: actor.id,
  })
  const deployment = await getActiveDeployment(tx, target.workflowId, target.environment)
  if (deployment === undefined) throw new Error('the deployment just made is not there')
  return { deployment, unchanged: false }
}
