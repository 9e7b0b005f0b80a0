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
