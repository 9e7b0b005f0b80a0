import type { Database, Tx } from './database.ts'

/** What is to be done next about a trigger's subscription at an app, and how that went. */
export interface SubscriptionUpkeep {
  /** Null: nothing. */
  dueAt: Date | null
  /** Attempts that failed since one last succeeded. */
  failures: number
  /** Why the last one did. */
  problem: string | null
  /** When the app was last got to send. */
  since: Date | null
  /** Until when it will; null: for ever, or it is not known. */
  expiresAt: Date | null
}

/** Notes what is to be done next; the trigger must be locked. What is left out stays. */
export const setUpkeep = (
  tx: Tx,
  owner: { triggerId: string; organizationId: string; customerId: string | null },
  { dueAt, failures, problem, since, expiresAt }: Partial<SubscriptionUpkeep>,
) =>
  tx.run(
    `INSERT INTO app_subscriptions (trigger_id, organization_id, customer_id, due_at, failures, problem, since, expires_at)
     VALUES ($1, $2, $3, $5::timestamptz, coalesce($7::integer, 0), $9::text, $11::timestamptz, $13::timestamptz)
     ON CONFLICT (trigger_id) DO UPDATE SET
       due_at = CASE WHEN $4::boolean THEN excluded.due_at ELSE app_subscriptions.due_at END,
       failures = CASE WHEN $6::boolean THEN excluded.failures ELSE app_subscriptions.failures END,
       problem = CASE WHEN $8::boolean THEN excluded.problem ELSE app_subscriptions.problem END,
       since = CASE WHEN $10::boolean THEN excluded.since ELSE app_subscriptions.since END,
       expires_at = CASE WHEN $12::boolean THEN excluded.expires_at ELSE app_subscriptions.expires_at END`,
    [
      ...[owner.triggerId, owner.organizationId, owner.customerId],
      ...[dueAt !== undefined, dueAt ?? null, failures !== undefined, failures ?? null],
      ...[problem !== undefined, problem ?? null, since !== undefined, since ?? null],
      ...[expiresAt !== undefined, expiresAt ?? null],
    ],
  )

export interface DueSubscription {
  trigger_id: string
  organization_id: string
  customer_id: string | null
}

/**
 * Takes subscriptions about which something is to be done, oldest first and few of each organization, for one process:
 * should it die with them, they are due again after `leaseMs`. Those another process is taking are left to it. Nothing is
 * done for disabled triggers.
 * @param now the database's clock when left out
 */
export const claimDueSubscriptions = (
  db: Database,
  options: { limit: number; perOrganization: number; leaseMs: number; now?: Date | undefined },
) =>
  db.system((tx) =>
    tx.rows<DueSubscription>(
      `WITH ranked AS (
         SELECT s.trigger_id, row_number() OVER (PARTITION BY s.organization_id ORDER BY s.due_at) AS turn
         FROM app_subscriptions s JOIN triggers t ON t.id = s.trigger_id
         WHERE s.due_at <= coalesce($4::timestamptz, now()) AND t.enabled
       ), due AS (
         SELECT trigger_id FROM app_subscriptions
         WHERE trigger_id IN (SELECT trigger_id FROM ranked WHERE turn <= $2) AND due_at <= coalesce($4::timestamptz, now())
         ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
       )
       UPDATE app_subscriptions s SET due_at = coalesce($4::timestamptz, now()) + $3 * interval '1 millisecond'
       FROM due WHERE s.trigger_id = due.trigger_id RETURNING s.trigger_id, s.organization_id, s.customer_id`,
      [options.limit, options.perOrganization, options.leaseMs, options.now ?? null],
    ),
  )
