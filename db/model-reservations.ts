import type { Tx } from './database.ts'

/** What budgets of models bound, as used, or held by calls under way. */
interface Amounts {
  tokens: number
  cost_usd: number
  steps: number
}

/** How the budgets of a run and of its organization stand. */
export interface ModelBudgetState {
  month: string
  tokens_per_month: number | null
  usd_per_month: number | null
  /** In this month, by all runs. */
  used: Amounts
  /** By all runs; what is held over the end of a month is held against both. */
  held: Amounts
  run_used: Amounts
  run_held: Amounts
}

/** Reservations of one organization are made one after the other; what else is done with it does not wait for this. */
export const lockModelBudget = (tx: Tx, organizationId: string) =>
  tx.run('SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE', [organizationId])

const amounts = (tokens: string) =>
  `jsonb_build_object('tokens', coalesce(sum(${tokens}), 0), 'cost_usd', coalesce(sum(cost_usd), 0), 'steps', coalesce(sum(steps), 0))`
const USED = amounts('input_tokens + output_tokens')
const HELD = amounts('tokens')

/** One statement, so that a call that is being counted is seen as held or as used, and never as neither. */
export const modelBudgetState = (tx: Tx, organizationId: string, runId: string) =>
  tx.row<ModelBudgetState>(
    `WITH held AS (SELECT * FROM model_reservations WHERE organization_id = $1 AND leased_until > clock_timestamp())
     SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM') AS month, model_tokens_per_month::float8 AS tokens_per_month,
       model_usd_per_month AS usd_per_month,
       (SELECT ${USED} FROM model_usage
        WHERE organization_id = $1 AND day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date) AS used,
       (SELECT ${HELD} FROM held) AS held,
       (SELECT ${USED} FROM model_usage WHERE organization_id = $1 AND run_id = $2) AS run_used,
       (SELECT ${HELD} FROM held WHERE run_id = $2) AS run_held
     FROM organizations WHERE id = $1`,
    [organizationId, runId],
  )

export interface ModelReservation extends Amounts {
  id: string
  organizationId: string
  runId: string
}

/** Holds it for so long, and clears away what is held no longer. */
export async function insertModelReservation(
  tx: Tx,
  held: ModelReservation,
  leaseSeconds: number,
): Promise<void> {
  await tx.run(
    'DELETE FROM model_reservations WHERE organization_id = $1 AND leased_until < clock_timestamp()',
    [held.organizationId],
  )
  await tx.run(
    `INSERT INTO model_reservations (id, organization_id, run_id, tokens, cost_usd, steps, leased_until)
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 second')`,
    [held.id, held.organizationId, held.runId, held.tokens, held.cost_usd, held.steps, leaseSeconds],
  )
}

export const renewModelReservation = (tx: Tx, id: string, leaseSeconds: number) =>
  tx.run(
    `UPDATE model_reservations SET leased_until = clock_timestamp() + $2 * interval '1 second' WHERE id = $1`,
    [id, leaseSeconds],
  )

export const deleteModelReservation = (tx: Tx, id: string) =>
  tx.run('DELETE FROM model_reservations WHERE id = $1', [id])
