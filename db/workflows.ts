import type { JsonObject } from '../core/json.ts'
import type { Tx } from './database.ts'
import type { Concurrency, Reach, RetryPolicy, StartRate, Tier } from './executions.ts'
import { toJsonb } from './jsonb.ts'

/** What makes a workflow besides its code; a version keeps it as it was when published. */
export interface WorkflowSettings {
  tier: Tier
  timeout_ms: number
  retry: RetryPolicy | null
  escalate_on_timeout: boolean
  input_schema: JsonObject | null
  concurrency: Concurrency | null
  rate_limit: StartRate | null
  /** Null: all that its runs may. */
  reach: Reach | null
}

export interface WorkflowRow extends WorkflowSettings {
  id: string
  slug: string
  name: string
  description: string
  status: 'active' | 'inactive'
  draft_code: string
  latest_version: number
  created_at: Date
  updated_at: Date
}

export interface WorkflowVersionRow extends WorkflowSettings {
  id: string
  workflow_id: string
  version: number
  source: string
  connectors: string[]
  published_by: string
  created_at: Date
}

const COLUMNS =
  'id, slug, name, description, status, tier, timeout_ms, retry, escalate_on_timeout, input_schema, concurrency, rate_limit, reach, draft_code, latest_version, created_at, updated_at'
const VERSION_COLUMNS =
  'id, workflow_id, version, source, tier, timeout_ms, retry, escalate_on_timeout, input_schema, concurrency, rate_limit, reach, connectors, published_by, created_at'

const jsonbOrNull = (value: object | null) => (value === null ? null : toJsonb(value))

export const insertWorkflow = (
  tx: Tx,
  workflow: Omit<WorkflowRow, 'status' | 'latest_version' | 'created_at' | 'updated_at'> & {
    organization_id: string
  },
) =>
  tx.row<WorkflowRow>(
    `INSERT INTO workflows (id, organization_id, slug, name, description, tier, timeout_ms, retry, escalate_on_timeout, input_schema, draft_code, concurrency, rate_limit, reach)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING ${COLUMNS}`,
    [
      workflow.id,
      workflow.organization_id,
      workflow.slug,
      workflow.name,
      workflow.description,
      workflow.tier,
      workflow.timeout_ms,
      jsonbOrNull(workflow.retry),
      workflow.escalate_on_timeout,
      jsonbOrNull(workflow.input_schema),
      workflow.draft_code,
      jsonbOrNull(workflow.concurrency),
      jsonbOrNull(workflow.rate_limit),
      jsonbOrNull(workflow.reach),
    ],
  )

/** By id or slug. */
export const findWorkflow = (tx: Tx, ref: string) =>
  tx.row<WorkflowRow>(`SELECT ${COLUMNS} FROM workflows WHERE id = $1 OR slug = $1 LIMIT 1`, [ref])

/** The same, locked: changes, versions and deployments of one workflow wait for one another. */
export const lockWorkflow = (tx: Tx, ref: string) =>
  tx.row<WorkflowRow>(`SELECT ${COLUMNS} FROM workflows WHERE id = $1 OR slug = $1 LIMIT 1 FOR UPDATE`, [ref])

/** The same, held: it may be changed, but is there until the transaction ends, for what refers to it. */
export const holdWorkflow = (tx: Tx, ref: string) =>
  tx.row<WorkflowRow>(`SELECT ${COLUMNS} FROM workflows WHERE id = $1 OR slug = $1 LIMIT 1 FOR KEY SHARE`, [
    ref,
  ])

export const listWorkflows = (
  tx: Tx,
  page: { query: string | null; status: WorkflowRow['status'] | null; cursor: string | null; limit: number },
) =>
  tx.rows<WorkflowRow>(
    `SELECT ${COLUMNS} FROM workflows
     WHERE ($1::text IS NULL OR name ILIKE '%' || $1 || '%' OR slug ILIKE '%' || $1 || '%' OR description ILIKE '%' || $1 || '%')
       AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [page.query, page.status, page.cursor, page.limit],
  )

/** Writes what may change of a row read with {@link lockWorkflow} in the same transaction. */
export const saveWorkflow = (tx: Tx, row: WorkflowRow) =>
  tx.row<WorkflowRow>(
    `UPDATE workflows SET name = $2, description = $3, status = $4, tier = $5, timeout_ms = $6, retry = $7,
       input_schema = $8, draft_code = $9, escalate_on_timeout = $10, concurrency = $11, rate_limit = $12, reach = $13, updated_at = now()
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [
      row.id,
      row.name,
      row.description,
      row.status,
      row.tier,
      row.timeout_ms,
      jsonbOrNull(row.retry),
      jsonbOrNull(row.input_schema),
      row.draft_code,
      row.escalate_on_timeout,
      jsonbOrNull(row.concurrency),
      jsonbOrNull(row.rate_limit),
      jsonbOrNull(row.reach),
    ],
  )

export const deleteWorkflow = (tx: Tx, id: string) => tx.run('DELETE FROM workflows WHERE id = $1', [id])

/** Adds the next version, made of the workflow's draft; the workflow must be locked. */
export const insertWorkflowVersion = (
  tx: Tx,
  version: {
    id: string
    workflowId: string
    /** What the sandbox runs, made of the draft. */
    code: string
    connectors: readonly string[]
    publishedBy: string
  },
) =>
  tx.row<WorkflowVersionRow>(
    `WITH workflow AS (
       UPDATE workflows SET latest_version = latest_version + 1, updated_at = now() WHERE id = $2 RETURNING *
     )
     INSERT INTO workflow_versions
       (id, organization_id, workflow_id, version, source, code, tier, timeout_ms, retry, escalate_on_timeout, input_schema, concurrency, rate_limit, reach, connectors, published_by)
     SELECT $1, organization_id, id, latest_version, draft_code, $3, tier, timeout_ms, retry, escalate_on_timeout, input_schema, concurrency, rate_limit, reach, $4, $5
     FROM workflow RETURNING ${VERSION_COLUMNS}`,
    [version.id, version.workflowId, version.code, version.connectors, version.publishedBy],
  )

export const getWorkflowVersion = (tx: Tx, workflowId: string, version: number) =>
  tx.row<WorkflowVersionRow>(
    `SELECT ${VERSION_COLUMNS} FROM workflow_versions WHERE workflow_id = $1 AND version = $2`,
    [workflowId, version],
  )

/** Newest first. The cursor is a version's id. */
export const listWorkflowVersions = (
  tx: Tx,
  page: { workflowId: string; cursor: string | null; limit: number },
) =>
  tx.rows<Omit<WorkflowVersionRow, 'source'>>(
    `SELECT ${VERSION_COLUMNS.replace(' source,', '')} FROM workflow_versions
     WHERE workflow_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    [page.workflowId, page.cursor, page.limit],
  )

/** Which of these connectors (by slug) and actions the organization has. */
export const findUsedActions = (tx: Tx, used: readonly { slug: string; action: string }[]) =>
  tx.rows<{ slug: string; action: string; connector_known: boolean; action_known: boolean }>(
    `SELECT u.slug, u.action, c.id IS NOT NULL AS connector_known, a.id IS NOT NULL AS action_known
     FROM unnest($1::text[], $2::text[]) AS u(slug, action)
     LEFT JOIN connectors c ON c.slug = u.slug LEFT JOIN actions a ON a.connector_id = c.id AND a.slug = u.action`,
    [used.map(({ slug }) => slug), used.map(({ action }) => action)],
  )
