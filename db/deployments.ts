import type { Tx } from './database.ts'

export interface DeploymentRow {
  id: string
  workflow_id: string
  workflow_version_id: string
  version: number
  environment: string
  active: boolean
  deployed_by: string
  created_at: Date
}

const SELECT = `SELECT d.id, d.workflow_id, d.workflow_version_id, v.version, d.environment, d.active, d.deployed_by, d.created_at
  FROM deployments d JOIN workflow_versions v ON v.id = d.workflow_version_id`

/** What is deployed where, now. */
export const listActiveDeployments = (tx: Tx, workflowId: string) =>
  tx.rows<DeploymentRow>(`${SELECT} WHERE d.workflow_id = $1 AND d.active ORDER BY d.environment`, [
    workflowId,
  ])

export const getActiveDeployment = (tx: Tx, workflowId: string, environment: string) =>
  tx.row<DeploymentRow>(`${SELECT} WHERE d.workflow_id = $1 AND d.environment = $2 AND d.active`, [
    workflowId,
    environment,
  ])

/** The latest deployment to the environment of another version than this one. */
export const getPreviousDeployment = (tx: Tx, active: DeploymentRow) =>
  tx.row<DeploymentRow>(
    `${SELECT} WHERE d.workflow_id = $1 AND d.environment = $2 AND d.workflow_version_id <> $3 ORDER BY d.id DESC LIMIT 1`,
    [active.workflow_id, active.environment, active.workflow_version_id],
  )

/** The history, newest first. */
export const listDeployments = (
  tx: Tx,
  page: { workflowId: string; environment: string | null; cursor: string | null; limit: number },
) =>
  tx.rows<DeploymentRow>(
    `${SELECT} WHERE d.workflow_id = $1 AND ($2::text IS NULL OR d.environment = $2) AND ($3::text IS NULL OR d.id < $3)
     ORDER BY d.id DESC LIMIT $4`,
    [page.workflowId, page.environment, page.cursor, page.limit],
  )

/** Makes a version the active one of its environment; the workflow must be locked. */
export async function insertDeployment(
  tx: Tx,
  deployment: {
    id: string
    organizationId: string
    workflowId: string
    versionId: string
    environment: string
    deployedBy: string
  },
): Promise<void> {
  await tx.run(
    'UPDATE deployments SET active = false WHERE workflow_id = $1 AND environment = $2 AND active',
    [deployment.workflowId, deployment.environment],
  )
  await tx.run(
    `INSERT INTO deployments (id, organization_id, workflow_id, workflow_version_id, environment, deployed_by)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      deployment.id,
      deployment.organizationId,
      deployment.workflowId,
      deployment.versionId,
      deployment.environment,
      deployment.deployedBy,
    ],
  )
}
