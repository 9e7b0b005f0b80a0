import { AppError, invalidInput } from '../../core/errors.ts'
import type { ModelPrice } from '../../core/model-settings.ts'
import type { Database } from '../../db/database.ts'
import { addModelUsage, type ModelUsageRow, modelUsageOfRun } from '../../db/model-usage.ts'
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

/** @throws AppError `invalid_input` when money is to be bounded and a model has no price */
export function requirePrices(
  budget: Budget,
  models: readonly string[],
  prices: Record<string, unknown>,
): void {
  const unpriced = models.find((model) => prices[model] === undefined)
  if (budget.maxCostUsd === undefined || unpriced === undefined) return
  throw invalidInput(`A budget in money cannot be kept: the price of the model '${unpriced}' is not known.`, {
    where: 'budget.maxCostUsd',
    hint: 'Leave maxCostUsd out and bound the tokens, or have the operator set PATCHBAY_MODEL_PRICES.',
  })
}

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
