import { newId } from '../core/ids.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { Database, Tx } from './database.ts'
import { toJsonb } from './jsonb.ts'

export interface WebhookDeliveryRow {
  id: string
  customer_id: string | null
  endpoint_id: string
  type: string
  payload: JsonObject
  status: 'pending' | 'delivered' | 'failed'
  attempts: number
  due_at: Date
  last_status: number | null
  last_error: string | null
  created_at: Date
  delivered_at: Date | null
}

const COLUMNS =
  'id, customer_id, endpoint_id, type, payload, status, attempts, due_at, last_status, last_error, created_at, delivered_at'

/** Something that happened, as endpoints are told of it. */
export interface OutboundEvent {
  organizationId: string
  customerId: string | null
  /** `connection.expired` and the like. */
  type: string
  /** Ids, names and states; never a credential. */
  data: Record<string, Json>
}

/**
 * Tells every endpoint that wants to hear of it, by a row in the outbox: in the transaction of the change itself,
 * so that neither can be without the other. Endpoints are the organization's: a transaction limited to a customer
 * sees them too.
 */
export async function enqueueWebhook(tx: Tx, event: OutboundEvent): Promise<void> {
  const endpoints = await tx.rows<{ id: string }>(
    'SELECT id FROM webhook_endpoints WHERE enabled AND (cardinality(event_types) = 0 OR $1 = ANY(event_types))',
    [event.type],
  )
  for (const { id } of endpoints) {
    await tx.run(
      `INSERT INTO webhook_deliveries (id, organization_id, customer_id, endpoint_id, type, payload) VALUES ($1, $2, $3, $4, $5, $6)`,
      [
        newId('webhookDelivery'),
        event.organizationId,
        event.customerId,
        id,
        event.type,
        toJsonb({ type: event.type, timestamp: new Date().toISOString(), data: event.data }),
      ],
    )
  }
}

export interface DueDelivery {
  id: string
  organization_id: string
  endpoint_id: string
  payload: JsonObject
  attempts: number
  /** Names this one attempt: its outcome is recorded only while no other has taken its place. */
  attempt_id: string
  url: string
  /** Sealed. */
  secret: string
}

export interface ClaimLimits {
  total: number
  perEndpoint: number
  perOrganization: number
  /** Attempts of this process under way, by id of endpoint and of organization: they count. */
  busy: ReadonlyMap<string, number>
}

/**
 * Takes deliveries that are due for one process, for `leaseMs`: should it die, they are due again then. Those
 * another process is taking are left to it. Endpoints take turns, so that one with a long queue holds up no other.
 */
export const claimDueDeliveries = (db: Database, limits: ClaimLimits, leaseMs: number) =>
  db.system((tx) =>
    tx.rows<DueDelivery>(
      `WITH busy AS (
         SELECT key AS id, value::int AS attempts FROM jsonb_each_text($5)
       ), oldest AS (
         SELECT d.id, d.due_at, e.organization_id, d.turn + coalesce(b.attempts, 0) AS turn
         FROM webhook_endpoints e LEFT JOIN busy b ON b.id = e.id CROSS JOIN LATERAL (
           SELECT w.id, w.due_at, row_number() OVER (ORDER BY w.due_at) AS turn FROM webhook_deliveries w
           WHERE w.endpoint_id = e.id AND w.status = 'pending' AND w.due_at <= now()
           ORDER BY w.due_at LIMIT greatest(0, $3::int - coalesce(b.attempts, 0))) d
         WHERE e.enabled AND EXISTS (SELECT FROM webhook_deliveries WHERE status = 'pending' AND due_at <= now())
       ), ranked AS (
         SELECT o.id, o.due_at, o.turn, coalesce(b.attempts, 0)
           + row_number() OVER (PARTITION BY o.organization_id ORDER BY o.turn, o.due_at) AS of_organization
         FROM oldest o LEFT JOIN busy b ON b.id = o.organization_id
       ), due AS (
         SELECT id FROM webhook_deliveries
         WHERE id IN (SELECT id FROM ranked WHERE of_organization <= $4::int ORDER BY turn, due_at LIMIT $1)
           AND status = 'pending' AND due_at <= now() FOR UPDATE SKIP LOCKED
       ), taken AS (
         UPDATE webhook_deliveries d SET attempts = d.attempts + 1, attempt_id = gen_random_uuid(),
           due_at = now() + $2 * interval '1 millisecond'
         FROM due WHERE d.id = due.id RETURNING d.id, d.organization_id, d.endpoint_id, d.payload, d.attempts, d.attempt_id
       )
       SELECT t.*, e.url, e.secret FROM taken t JOIN webhook_endpoints e ON e.id = t.endpoint_id`,
      [
        limits.total,
        leaseMs,
        limits.perEndpoint,
        limits.perOrganization,
        JSON.stringify(Object.fromEntries(limits.busy)),
      ],
    ),
  )

export interface DeliveryOutcome {
  status: 'pending' | 'delivered' | 'failed'
  /** Milliseconds until the next attempt. */
  delayMs: number
  httpStatus: number | null
  error: string | null
}

/** Records how an attempt went; one that a later attempt, or a new delivery by hand, overtook is left alone. */
export const recordDelivery = (db: Database, attemptId: string, id: string, outcome: DeliveryOutcome) =>
  db.system((tx) =>
    tx.run(
      `UPDATE webhook_deliveries SET status = $3, due_at = now() + $4 * interval '1 millisecond', last_status = $5, last_error = $6,
         delivered_at = CASE WHEN $3 = 'delivered' THEN now() END, attempt_id = NULL
       WHERE id = $2 AND attempt_id = $1 AND status = 'pending'`,
      [attemptId, id, outcome.status, outcome.delayMs, outcome.httpStatus, outcome.error],
    ),
  )

/** Clears away deliveries that came to an end long ago: each change of a connection adds some. */
export const deleteOldDeliveries = (db: Database) =>
  db.system((tx) =>
    tx.run(
      "DELETE FROM webhook_deliveries WHERE status <> 'pending' AND created_at < now() - interval '30 days'",
      [],
    ),
  )

export interface DeliveryFilter {
  endpointId: string | null
  status: string | null
  cursor: string | null
  limit: number
}

export const listWebhookDeliveries = (tx: Tx, filter: DeliveryFilter) =>
  tx.rows<WebhookDeliveryRow>(
    `SELECT ${COLUMNS} FROM webhook_deliveries
     WHERE ($1::text IS NULL OR endpoint_id = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [filter.endpointId, filter.status, filter.cursor, filter.limit],
  )

/** Makes a delivery due now, whatever became of it; an attempt under way no longer counts. */
export const redeliver = (tx: Tx, id: string) =>
  tx.row<WebhookDeliveryRow>(
    `UPDATE webhook_deliveries SET status = 'pending', attempts = 0, attempt_id = NULL, due_at = now(), delivered_at = NULL WHERE id = $1 RETURNING ${COLUMNS}`,
    [id],
  )
