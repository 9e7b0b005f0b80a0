import { firstId } from '../core/ids.ts'
import type { Tx } from './database.ts'

/** What one connector is to one customer. */
export interface IntegrationRow {
  connector_id: string
  slug: string
  name: string
  action_count: number
  connections: {
    id: string
    name: string
    status: 'active' | 'inactive' | 'expired' | 'failed'
    statusReason: string | null
    isDefault: boolean
    lastUsedAt: string | null
  }[]
}

/** A customer's integrations by name, as the version has them that it is held on; with `all` also the connectors it has no connection of. */
export const listIntegrations = (
  tx: Tx,
  want: { customerId: string; connectorId: string | null; all: boolean },
) =>
  tx.rows<IntegrationRow>(
    `SELECT c.id AS connector_id, c.slug, c.name,
       coalesce(
         (SELECT (SELECT count(*)::int FROM jsonb_object_keys(v.actions))
          FROM connector_pins p JOIN connector_versions v ON v.connector_id = p.connector_id AND v.version = p.version
          WHERE p.connector_id = c.id AND p.customer_id = $1),
         (SELECT count(*)::int FROM actions a WHERE a.connector_id = c.id)) AS action_count,
       coalesce(jsonb_agg(jsonb_build_object('id', x.id, 'name', x.name, 'status', x.status, 'statusReason', x.status_reason,
         'isDefault', x.is_default,
         'lastUsedAt', to_char(x.last_used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) ORDER BY x.id)
         FILTER (WHERE x.id IS NOT NULL), '[]') AS connections
     FROM connectors c LEFT JOIN connections x ON x.connector_id = c.id AND x.customer_id = $1
     WHERE ($2::text IS NULL OR c.id = $2) AND ($3 OR x.id IS NOT NULL)
     GROUP BY c.id ORDER BY c.name, c.id LIMIT 500`,
    [want.customerId, want.connectorId, want.all],
  )

export interface CallCounts {
  connector: string
  calls: number
  errors: number
  averageMs: number | null
}

/** A customer's connector calls since a time, by connector. */
export const countCalls = (tx: Tx, want: { customerId: string; since: Date; connector: string | null }) =>
  tx.rows<CallCounts>(
    `SELECT connector, count(*)::int AS calls, count(*) FILTER (WHERE status = 'error')::int AS errors,
       round(avg(duration_ms))::int AS "averageMs"
     FROM traces WHERE customer_id = $1 AND id >= $2 AND ($3::text IS NULL OR connector = $3)
     GROUP BY connector ORDER BY calls DESC, connector`,
    [want.customerId, firstId('trace', want.since.getTime()), want.connector],
  )

/** A customer's executions since a time, by status. */
export const countExecutions = (tx: Tx, want: { customerId: string; since: Date }) =>
  tx.rows<{ status: string; n: number }>(
    'SELECT status, count(*)::int AS n FROM executions WHERE customer_id = $1 AND id >= $2 GROUP BY status',
    [want.customerId, firstId('execution', want.since.getTime())],
  )

/** A customer's events since a time. */
export const countEvents = async (tx: Tx, want: { customerId: string; since: Date }): Promise<number> =>
  (
    await tx.row<{ n: number }>('SELECT count(*)::int AS n FROM events WHERE customer_id = $1 AND id >= $2', [
      want.customerId,
      firstId('event', want.since.getTime()),
    ])
  )?.n ?? 0
