import type { Json, JsonObject } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface RouteRow {
  id: string
  workflow_id: string
  workflow_slug: string
  environment: string
  /** A Condition of runtime/triggers. */
  filter: JsonObject | null
  /** What a scheduler gives as input. */
  payload: Json
  /** Does the environment run a version of the workflow now? */
  deployed: boolean
}

export interface TriggerRow {
  id: string
  customer_id: string | null
  type: 'webhook' | 'scheduler' | 'app_event'
  name: string
  description: string
  enabled: boolean
  /** By type: a WebhookConfig of runtime/triggers, a SchedulerConfig of runtime/schedules. */
  config: JsonObject
  has_secret: boolean
  created_at: Date
  updated_at: Date
  /** In the order they are looked at. */
  routes: RouteRow[]
  /** Schedulers only; times are ISO 8601. */
  schedule: {
    next_run_at: string | null
    last_run_at: string | null
    consecutive_failures: number
    disabled_reason: string | null
    disabled_at: string | null
  } | null
  /** Webhooks subscribed at an app only; times are ISO 8601. See {@link SubscriptionUpkeep}. */
  upkeep: {
    due_at: string | null
    failures: number
    problem: string | null
    since: string | null
    expires_at: string | null
  } | null
}

const SELECT = `SELECT t.id, t.customer_id, t.type, t.name, t.description, t.enabled, t.config, t.secret IS NOT NULL AS has_secret,
  t.created_at, t.updated_at, coalesce((
    SELECT jsonb_agg(jsonb_build_object('id', r.id, 'workflow_id', r.workflow_id, 'workflow_slug', w.slug,
      'environment', r.environment, 'filter', r.filter, 'payload', r.payload, 'deployed',
      EXISTS (SELECT FROM deployments d WHERE d.workflow_id = r.workflow_id AND d.environment = r.environment AND d.active)) ORDER BY r.position)
    FROM routes r JOIN workflows w ON w.id = r.workflow_id WHERE r.trigger_id = t.id), '[]') AS routes,
  (SELECT to_jsonb(s) FROM schedules s WHERE s.trigger_id = t.id) AS schedule,
  (SELECT to_jsonb(a) FROM app_subscriptions a WHERE a.trigger_id = t.id) AS upkeep
  FROM triggers t`

export const getTrigger = (tx: Tx, id: string) => tx.row<TriggerRow>(`${SELECT} WHERE t.id = $1`, [id])

/** The same, locked: changes of one trigger wait for one another. */
export const lockTrigger = (tx: Tx, id: string) =>
  tx.row<TriggerRow>(`${SELECT} WHERE t.id = $1 FOR UPDATE OF t`, [id])

/** Whose subscriptions at apps are meant: those made with a connection, for a customer, or of a connector's events. */
export interface SubscriptionFilter {
  connection?: string
  customerId?: string | null
  /** Slug. */
  connector?: string
  /** Slug. */
  event?: string
}

/** Webhooks with a subscription at an app that was not ended, oldest first. */
export const listSubscribed = (
  tx: Tx,
  filter: SubscriptionFilter,
  { unsettled, lock }: { unsettled?: boolean; lock?: boolean } = {},
) =>
  tx.rows<TriggerRow>(
    `${SELECT}
     WHERE t.type = 'webhook' AND jsonb_typeof(t.config->'subscription') = 'object'
       AND t.config->'subscription'->>'endedAt' IS NULL
       AND ($1::text IS NULL OR t.config->'subscription'->>'connection' = $1)
       AND (NOT $2 OR t.customer_id IS NOT DISTINCT FROM $3)
       AND ($4::text IS NULL OR t.config->'subscription'->>'connector' = $4)
       AND ($5::text IS NULL OR t.config->'subscription'->>'event' = $5)
       AND (NOT $6 OR t.config->'subscription'->>'id' IS NULL)
     ORDER BY t.id ${lock === true ? 'FOR UPDATE OF t' : ''}`,
    [
      filter.connection ?? null,
      filter.customerId !== undefined,
      filter.customerId ?? null,
      filter.connector ?? null,
      filter.event ?? null,
      unsettled === true,
    ],
  )

/** Its sealed secret; null: it verifies nothing. */
export const triggerSecret = async (tx: Tx, id: string): Promise<string | null> =>
  (await tx.row<{ secret: string | null }>('SELECT secret FROM triggers WHERE id = $1', [id]))?.secret ?? null

export interface TriggerFilter {
  type: TriggerRow['type'] | null
  customerId: string | null
  /** Triggers with a route to this workflow. */
  workflowId: string | null
  cursor: string | null
  limit: number
}

export const listTriggers = (tx: Tx, filter: TriggerFilter) =>
  tx.rows<TriggerRow>(
    `${SELECT}
     WHERE ($1::text IS NULL OR t.type = $1) AND ($2::text IS NULL OR t.customer_id = $2)
       AND ($3::text IS NULL OR EXISTS (SELECT FROM routes r WHERE r.trigger_id = t.id AND r.workflow_id = $3))
       AND ($4::text IS NULL OR t.id < $4)
     ORDER BY t.id DESC LIMIT $5`,
    [filter.type, filter.customerId, filter.workflowId, filter.cursor, filter.limit],
  )

export const insertTrigger = (
  tx: Tx,
  trigger: {
    id: string
    organizationId: string
    customerId: string | null
    type: TriggerRow['type']
    name: string
    description: string
    config: object
    /** Sealed. */
    secret: string | null
  },
) =>
  tx.run(
    `INSERT INTO triggers (id, organization_id, customer_id, type, name, description, config, secret)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      trigger.id,
      trigger.organizationId,
      trigger.customerId,
      trigger.type,
      trigger.name,
      trigger.description,
      toJsonb(trigger.config),
      trigger.secret,
    ],
  )

export const updateTrigger = (
  tx: Tx,
  id: string,
  change: { name: string; description: string; enabled: boolean; config: object },
) =>
  tx.run(
    'UPDATE triggers SET name = $2, description = $3, enabled = $4, config = $5, updated_at = now() WHERE id = $1',
    [id, change.name, change.description, change.enabled, toJsonb(change.config)],
  )

/** @param secret sealed, or null for none */
export const setTriggerSecret = (tx: Tx, id: string, secret: string | null) =>
  tx.run('UPDATE triggers SET secret = $2, updated_at = now() WHERE id = $1', [id, secret])

/** Keeps the secret a trigger has, in the place of one kept before, until then: it is about to get another. */
export const keepPreviousSecret = (tx: Tx, id: string, until: Date) =>
  tx.run(
    `INSERT INTO previous_trigger_secrets (id, organization_id, customer_id, secret, until)
     SELECT id, organization_id, customer_id, secret, $2 FROM triggers WHERE id = $1 AND secret IS NOT NULL
     ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, until = excluded.until`,
    [id, until],
  )

export const deleteEndedSecrets = (db: Database) =>
  db.system((tx) => tx.run('DELETE FROM previous_trigger_secrets WHERE until <= now()', []))

export const deleteTrigger = (tx: Tx, id: string) => tx.run('DELETE FROM triggers WHERE id = $1', [id])

export interface NewRoute {
  id: string
  workflowId: string
  environment: string
  filter: object | null
  payload: Json
}

/**
 * Puts these routes, in this order, in the place of the trigger's present ones. Their workflows must be held
 * (`holdWorkflow`): who deletes a workflow takes it before its routes.
 */
export async function replaceRoutes(
  tx: Tx,
  owner: { organizationId: string; triggerId: string },
  routes: readonly NewRoute[],
): Promise<void> {
  await tx.run('DELETE FROM routes WHERE trigger_id = $1', [owner.triggerId])
  await tx.run(
    `INSERT INTO routes (id, organization_id, trigger_id, workflow_id, environment, filter, payload, position)
     SELECT r.id, $1, $2, r.workflow_id, r.environment, r.filter, r.payload, r.position
     FROM jsonb_to_recordset($3::jsonb) AS r(id text, workflow_id text, environment text, filter jsonb, payload jsonb, position integer)`,
    [
      owner.organizationId,
      owner.triggerId,
      toJsonb(
        routes.map((route, position) => ({
          id: route.id,
          workflow_id: route.workflowId,
          environment: route.environment,
          filter: route.filter,
          payload: route.payload,
          position,
        })),
      ),
    ],
  )
}
