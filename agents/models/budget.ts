import { AppError, invalidInput } from '../../core/errors.ts'
import type { ModelPrice } from '../../core/model-settings.ts'
import type { Database } from '../../db/database.ts'
import {
  addModelUsage,
  type ModelUsageRow,
  type MonthlyModelUse,
  modelUsageOfRun,
  monthlyModelUse,
} from '../../db/model-usage.ts'
import type { Budget, Usage } from './models.ts'
import type { TurnAnswer } from './turn.ts'

const TOKENS_PER_PRICE = 1_000_000

/** Keeps what a run uses, and ends it when a budget is used up. */
export interface Meter {
  /** @throws AppError `limit_exceeded` naming the budget that is used up */
  check(): Promise<void>
  /** Counts an answer; `step` for the first of a turn. @returns what it used */
  add(answer: TurnAnswer, durationMs: number, step: boolean): Promise<Usage>
  used(): Promise<Usage>
  /** Aborts when the run is cancelled, or its time is up. */
  signal: AbortSignal
}

export interface MeterOptions {
  db: Database
  organizationId: string
  runId: string
  budget: Budget
  secondsUsed: number
  signal: AbortSignal
  priceOf(model: string): ModelPrice | undefined
  /** A model the operator has set no price for. */
  unpriced: string | undefined
}

/** The usage is a row of the database, so it outlives the process and is one for all who work on the run. */
export function buildMeter(options: MeterOptions): Meter {
  const { db, organizationId, runId, budget } = options
  const scope = { organizationId, customerIds: null }
  const startedAt = performance.now()
  const secondsLeft = budget.maxSeconds - options.secondsUsed
  const outOfTime = () => usedUp('seconds', budget.maxSeconds, options.secondsUsed + secondsSince(startedAt))
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(outOfTime()), Math.max(0, secondsLeft * 1000))
  timer.unref()
  if (options.signal.aborted) clearTimeout(timer)
  options.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  let known: Usage | undefined
  const used = async () => {
    known ??= toUsage(await db.read(scope, (tx) => modelUsageOfRun(tx, runId)))
    return known
  }
  return {
    signal: AbortSignal.any([options.signal, deadline.signal]),
    used,
    async check() {
      options.signal.throwIfAborted()
      if (options.secondsUsed + secondsSince(startedAt) >= budget.maxSeconds) throw outOfTime()
      const now = await used()
      const tokens = now.inputTokens + now.outputTokens
      if (tokens >= budget.maxTokens) throw usedUp('tokens', budget.maxTokens, tokens)
      if (now.steps >= budget.maxSteps) throw usedUp('steps', budget.maxSteps, now.steps)
      if (budget.maxCostUsd !== undefined && now.costUsd >= budget.maxCostUsd)
        throw usedUp('costUsd', budget.maxCostUsd, now.costUsd)
      refuseBeyondMonth(await db.read(scope, (tx) => monthlyModelUse(tx, organizationId)), options.unpriced)
    },
    async add(answer, durationMs, step) {
      const price = options.priceOf(answer.model)
      const use = { ...answer.usage, costUsd: costOf(answer.usage, price), calls: 1, steps: step ? 1 : 0 }
      known = await db.tenant(scope, async (tx) => {
        await addModelUsage(tx, {
          organizationId,
          runId,
          model: answer.model,
          durationMs,
          calls: use.calls,
          steps: use.steps,
          input_tokens: use.inputTokens,
          cached_input_tokens: use.cachedInputTokens,
          output_tokens: use.outputTokens,
          cost_usd: use.costUsd,
        })
        return toUsage(await modelUsageOfRun(tx, runId))
      })
      return use
    },
  }
}

/** @throws AppError `limit_exceeded` when the organization has used up its month; `invalid_input` as `requirePrices` */
function refuseBeyondMonth(month: MonthlyModelUse | undefined, unpriced: string | undefined): void {
  if (month === undefined) return
  const { tokens_per_month: maxTokens, usd_per_month: maxUsd, tokens, cost_usd: usd } = month
  const over = (limit: number, used: number, what: string) =>
    new AppError(
      'limit_exceeded',
      `The organization’s model budget of ${limit} ${what} for ${month.month} is used up (${Number(used.toFixed(4))}).`,
      {
        where: 'modelBudget',
        hint: 'It begins anew with the next month (UTC). set_model_budget gives it more, with the permission billing.manage.',
        retryable: false,
        data: { month: month.month, limit, used },
      },
    )
  if (maxTokens !== null && tokens >= maxTokens) throw over(maxTokens, tokens, 'tokens')
  if (maxUsd === null) return
  if (unpriced !== undefined)
    throw withoutPrice(unpriced, 'modelBudget', 'Set usdPerMonth to null with set_model_budget')
  if (usd >= maxUsd) throw over(maxUsd, usd, 'USD')
}

/** @throws AppError `invalid_input` when money is to be bounded and a model has no price */
export function requirePrices(
  budget: Budget,
  models: readonly string[],
  prices: Record<string, unknown>,
): void {
  const unpriced = models.find((model) => prices[model] === undefined)
  if (budget.maxCostUsd === undefined || unpriced === undefined) return
  throw withoutPrice(unpriced, 'budget.maxCostUsd', 'Leave maxCostUsd out')
}

const withoutPrice = (model: string, where: string, otherwise: string) =>
  invalidInput(`A budget in money cannot be kept: the price of the model '${model}' is not known.`, {
    where,
    hint: `${otherwise} and bound the tokens, or have the operator set PATCHBAY_MODEL_PRICES.`,
  })

const secondsSince = (start: number) => (performance.now() - start) / 1000

const NAMES = { tokens: 'tokens', steps: 'steps', costUsd: 'USD', seconds: 'seconds' }
const FIELDS = { tokens: 'maxTokens', steps: 'maxSteps', costUsd: 'maxCostUsd', seconds: 'maxSeconds' }

export function usedUp(which: keyof typeof NAMES, limit: number, used: number): AppError {
  const field = FIELDS[which]
  return new AppError(
    'limit_exceeded',
    `The run’s budget of ${limit} ${NAMES[which]} is used up (${Number(used.toFixed(4))}).`,
    {
      where: `budget.${field}`,
      hint: `Start a run with a larger ${field}, or go on by hand from what this one made.`,
      retryable: false,
      data: { budget: which, limit, used },
    },
  )
}

function costOf(usage: TurnAnswer['usage'], price: ModelPrice | undefined): number {
  if (price === undefined) return 0
  const fresh = usage.inputTokens - usage.cachedInputTokens
  const cached = usage.cachedInputTokens * (price.cachedInput ?? price.input)
  return (fresh * price.input + cached + usage.outputTokens * price.output) / TOKENS_PER_PRICE
}

const toUsage = (row: ModelUsageRow): Usage => ({
  inputTokens: row.input_tokens,
  cachedInputTokens: row.cached_input_tokens,
  outputTokens: row.output_tokens,
  costUsd: row.cost_usd,
  calls: row.calls,
  steps: row.steps,
})
