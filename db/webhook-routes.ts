import type { Database } from './database.ts'
import type { Concurrency, ExecutionRow, StartRate } from './executions.ts'

export interface WebhookRouteRow {
  trigger_id: string
  organization_id: string
  customer_id: string | null
  name: string
  enabled: boolean
  config: unknown
  secret: string | null
  previous_secret: string | null
  previous_until: Date | null
  routes: {
    id: string
    environment: string
    filter: unknown
    workflow_id: string
    workflow_slug: string
    workflow_status: string
    workflow_version_id: string | null
    tier: ExecutionRow['tier'] | null
    max_attempts: number
    concurrency: Concurrency | null
    rate_limit: StartRate | null
  }[]
}

/** A webhook trigger, its routes, and the version each route's environment now runs. */
export const findWebhook = (db: Database, triggerId: string) =>
  db.system((tx) =>
    tx.row<WebhookRouteRow>(
      `SELECT t.id AS trigger_id, t.organization_id, t.customer_id, t.name, t.config, t.secret,
         p.secret AS previous_secret, p.until AS previous_until,
         coalesce((SELECT jsonb_agg(jsonb_build_object(
             'id', r.id, 'environment', r.environment, 'filter', r.filter, 'workflow_id', w.id, 'workflow_slug', w.slug,
             'workflow_status', w.status, 'workflow_version_id', v.id, 'tier', v.tier, 'concurrency', v.concurrency, 'rate_limit', v.rate_limit,
             'max_attempts', coalesce((v.retry->>'maxAttempts')::int, 1)) ORDER BY r.position)
           FROM routes r JOIN workflows w ON w.id = r.workflow_id
           LEFT JOIN deployments d ON d.workflow_id = w.id AND d.environment = r.environment AND d.active
           LEFT JOIN workflow_versions v ON v.id = d.workflow_version_id
           WHERE r.trigger_id = t.id), '[]') AS routes,
         t.enabled AND coalesce((SELECT c.status = 'active' FROM customers c WHERE c.id = t.customer_id), true) AS enabled
       FROM triggers t LEFT JOIN previous_trigger_secrets p ON p.id = t.id AND p.until > now()
       WHERE t.id = $1 AND t.type = 'webhook'`,
      [triggerId],
    ),
  )
