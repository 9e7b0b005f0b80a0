import { z } from 'zod'
import type { MonthlyModelUse } from '../../db/model-usage.ts'

export const ModelBudget = z.object({
  month: z.string().describe('UTC, as 2026-11.'),
  tokensPerMonth: z.number().nullable().describe('Null: no bound.'),
  usdPerMonth: z.number().nullable().describe('Null: no bound.'),
  tokensUsed: z.number().describe('In this month, by all agents.'),
  usdUsed: z.number(),
})

export const toModelBudget = (use: MonthlyModelUse | undefined): z.input<typeof ModelBudget> => ({
  month: use?.month ?? '',
  tokensPerMonth: use?.tokens_per_month ?? null,
  usdPerMonth: use?.usd_per_month ?? null,
  tokensUsed: use?.tokens ?? 0,
  usdUsed: use?.cost_usd ?? 0,
})
