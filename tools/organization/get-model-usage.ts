import { z } from 'zod'
import { invalidInput } from '../../core/errors.ts'
import { modelUsageByDay, monthlyModelUse } from '../../db/model-usage.ts'
import { defineTool } from '../define-tool.ts'
import { ModelBudget, toModelBudget } from './model-budget.ts'

const MAX_DAYS = 366
const DAY_MS = 86_400_000

const counts = {
  calls: z.number().describe('Requests that a model answered.'),
  inputTokens: z.number().describe('Tokens sent, those read from the provider’s cache included.'),
  cachedInputTokens: z.number().describe('Of these, tokens read from the provider’s cache.'),
  outputTokens: z.number(),
  costUsd: z.number().describe('By the prices the operator has configured; 0 for models without one.'),
}

export const getModelUsage = defineTool({
  name: 'get_model_usage',
  title: 'Get model usage',
  description:
    'Tells what the agents’ models used, by day and model: calls, tokens, money. For one agent run, give its id.',
  input: z.object({
    from: z.iso.date().nullable().default(null).describe('First day, UTC; 30 days ago when null.'),
    to: z.iso.date().nullable().default(null).describe('Last day, UTC; today when null.'),
    run: z.string().min(1).nullable().default(null).describe('Only this agent run.'),
  }),
  output: z.object({
    from: z.string(),
    to: z.string(),
    budget: ModelBudget.describe('Of this month, whatever days are asked for.'),
    total: z.object(counts),
    days: z.array(
      z.object({
        day: z.string().describe('UTC, as 2026-11-24.'),
        model: z.string(),
        runs: z.number().describe('Agent runs that used the model on the day.'),
        ...counts,
      }),
    ),
  }),
  permission: 'agents.read',
  effect: 'read',
  http: 'GET /model-usage',
  async run(context, input) {
    const to = input.to ?? new Date().toISOString().slice(0, 10)
    const from = input.from ?? new Date(Date.parse(to) - 30 * DAY_MS).toISOString().slice(0, 10)
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS
    if (days < 0 || days > MAX_DAYS) {
      throw invalidInput(`From ${from} to ${to} is not a range of up to ${MAX_DAYS} days.`, {
        where: 'from',
        hint: 'Ask for a shorter range, its first day first.',
      })
    }
    const [rows, month] = await context.read(async (tx) => [
      await modelUsageByDay(tx, { from, to, runId: input.run }),
      await monthlyModelUse(tx, context.actor.organizationId),
    ])
    const entries = rows.map((row) => ({
      day: row.day,
      model: row.model,
      runs: row.runs,
      calls: row.calls,
      inputTokens: row.input_tokens,
      cachedInputTokens: row.cached_input_tokens,
      outputTokens: row.output_tokens,
      costUsd: row.cost_usd,
    }))
    const sum = (of: (entry: (typeof entries)[number]) => number) =>
      entries.reduce((all, entry) => all + of(entry), 0)
    return {
      from,
      to,
      budget: toModelBudget(month),
      total: {
        calls: sum((entry) => entry.calls),
        inputTokens: sum((entry) => entry.inputTokens),
        cachedInputTokens: sum((entry) => entry.cachedInputTokens),
        outputTokens: sum((entry) => entry.outputTokens),
        costUsd: sum((entry) => entry.costUsd),
      },
      days: entries,
    }
  },
})
