import type { Tx } from './database.ts'

/** Counts of model calls; tokens of the cache are among the input tokens. */
export interface ModelUsageRow {
  calls: number
  steps: number
  input_tokens: number
  cached_input_tokens: number
  output_tokens: number
  cost_usd: number
}

const SUMS = `coalesce(sum(calls), 0)::int AS calls, coalesce(sum(steps), 0)::int AS steps,
  coalesce(sum(input_tokens), 0)::float8 AS input_tokens, coalesce(sum(cached_input_tokens), 0)::float8 AS cached_input_tokens,
  coalesce(sum(output_tokens), 0)::float8 AS output_tokens, coalesce(sum(cost_usd), 0)::float8 AS cost_usd`

/** Adds one call to what its run has used today. */
export const addModelUsage = (
  tx: Tx,
  use: ModelUsageRow & { organizationId: string; runId: string; model: string; durationMs: number },
) =>
  tx.run(
    `INSERT INTO model_usage AS u (organization_id, run_id, model, calls, steps, input_tokens, cached_input_tokens, output_tokens, cost_usd, duration_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (organization_id, run_id, model, day) DO UPDATE SET
       calls = u.calls + excluded.calls, steps = u.steps + excluded.steps,
       input_tokens = u.input_tokens + excluded.input_tokens,
       cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens,
       output_tokens = u.output_tokens + excluded.output_tokens,
       cost_usd = u.cost_usd + excluded.cost_usd, duration_ms = u.duration_ms + excluded.duration_ms`,
    [
      use.organizationId,
      use.runId,
      use.model,
      use.calls,
      use.steps,
      use.input_tokens,
      use.cached_input_tokens,
      use.output_tokens,
      use.cost_usd,
      Math.round(use.durationMs),
    ],
  )

/** What a run has used in all. */
export const modelUsageOfRun = async (tx: Tx, runId: string): Promise<ModelUsageRow> =>
  (await tx.row<ModelUsageRow>(`SELECT ${SUMS} FROM model_usage WHERE run_id = $1`, [runId])) ?? {
    calls: 0,
    steps: 0,
    input_tokens: 0,
    cached_input_tokens: 0,
    output_tokens: 0,
    cost_usd: 0,
  }

/** What the organization used from a day to a day, both included, by day and model. */
export const modelUsageByDay = (tx: Tx, range: { from: string; to: string; runId: string | null }) =>
  tx.rows<ModelUsageRow & { day: string; model: string; runs: number }>(
    `SELECT to_char(day, 'YYYY-MM-DD') AS day, model, count(DISTINCT run_id)::int AS runs, ${SUMS} FROM model_usage
     WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR run_id = $3)
     GROUP BY day, model ORDER BY day DESC, model`,
    [range.from, range.to, range.runId],
  )

/** What the organization may use in this month, and has used. */
export interface MonthlyModelUse {
  month: string
  tokens_per_month: number | null
  usd_per_month: number | null
  tokens: number
  cost_usd: number
}

export const monthlyModelUse = (tx: Tx, organizationId: string) =>
  tx.row<MonthlyModelUse>(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM') AS month, o.model_tokens_per_month::float8 AS tokens_per_month,
       o.model_usd_per_month AS usd_per_month, coalesce(sum(u.input_tokens + u.output_tokens), 0)::float8 AS tokens,
       coalesce(sum(u.cost_usd), 0)::float8 AS cost_usd
     FROM organizations o LEFT JOIN model_usage u
       ON u.organization_id = o.id AND u.day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date
     WHERE o.id = $1 GROUP BY o.id`,
    [organizationId],
  )

/** Sets what is given. */
export const setModelBudget = (
  tx: Tx,
  organizationId: string,
  budget: { tokensPerMonth?: number | null | undefined; usdPerMonth?: number | null | undefined },
) =>
  tx.run(
    `UPDATE organizations SET model_tokens_per_month = CASE WHEN $2 THEN $3::bigint ELSE model_tokens_per_month END,
       model_usd_per_month = CASE WHEN $4 THEN $5::float8 ELSE model_usd_per_month END, updated_at = now() WHERE id = $1`,
    [
      organizationId,
      budget.tokensPerMonth !== undefined,
      budget.tokensPerMonth ?? null,
      budget.usdPerMonth !== undefined,
      budget.usdPerMonth ?? null,
    ],
  )
