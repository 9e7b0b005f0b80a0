import { AppError } from '../../core/errors.ts'
import type { ModelPrice } from '../../core/model-settings.ts'
import type { ModelBudgetState } from '../../db/model-reservations.ts'
import type { Budget } from './models.ts'

const TOKENS_PER_PRICE = 1_000_000
/** An answer that may not even be as long is of no use. */
export const LEAST_OUTPUT_TOKENS = 256

/** What a call needs at most. */
export interface Need {
  inputTokens: number
  /** As long as the answer may be, budgets aside. */
  outputTokens: number
  step: boolean
  price: ModelPrice | undefined
}

export type Grant =
  /** The answer may be so long; `lowered` by this budget, when it is less than asked. */
  | { outputTokens: number; lowered: AppError | undefined }
  /** Calls under way hold what it needs, and may give some of it back. */
  | { wait: true }
  | { refused: AppError }

/** One budget, in its own measure. */
interface Bound {
  limit: number
  used: number
  held: number
  fixed: number
  /** By which each token of output counts. */
  perOutput: number
  error: (used: number, needed: number) => AppError
}

/** Whether a call may be made, and how long its answer may be, so that no budget is gone beyond whatever it uses. */
export function grantCall(budget: Budget, state: ModelBudgetState, need: Need): Grant {
  const bounds = boundsOf(budget, state, need)
  const free = (bound: Bound, held: number) => bound.limit - bound.used - held - bound.fixed
  // Written so that rounding cannot grant more than there is.
  const roomIn = (bound: Bound, held: number) => {
    const left = free(bound, held)
    if (left < 0) return -1
    return bound.perOutput === 0 ? need.outputTokens : Math.floor(left / bound.perOutput)
  }
  const least = Math.min(LEAST_OUTPUT_TOKENS, need.outputTokens)
  const never = bounds.find((bound) => bound.used >= bound.limit || roomIn(bound, 0) < least)
  if (never !== undefined) return { refused: errorOf(never, least) }
  if (bounds.some((bound) => bound.held > 0 && roomIn(bound, bound.held) < need.outputTokens))
    return { wait: true }
  const tightest = bounds.reduce((a, b) => (roomIn(b, b.held) < roomIn(a, a.held) ? b : a))
  const room = roomIn(tightest, tightest.held)
  if (room >= need.outputTokens) return { outputTokens: need.outputTokens, lowered: undefined }
  return { outputTokens: room, lowered: errorOf(tightest, need.outputTokens) }
}

const errorOf = (bound: Bound, output: number) =>
  bound.error(bound.used, bound.fixed + output * bound.perOutput)

function boundsOf(budget: Budget, state: ModelBudgetState, need: Need): Bound[] {
  const { run_used: ran, run_held: runHeld, used, held } = state
  const tokens = { fixed: need.inputTokens, perOutput: 1 }
  const money = { fixed: costOfInput(need), perOutput: (need.price?.output ?? 0) / TOKENS_PER_PRICE }
  const run = (which: BudgetName, limit: number) => ({
    limit,
    error: (already: number, needed: number) => usedUp(which, limit, already, needed),
  })
  const month = (limit: number, what: string) => ({
    limit,
    error: (already: number, needed: number) => monthUsedUp(state.month, limit, what, already, needed),
  })
  const bounds: Bound[] = [
    { ...run('tokens', budget.maxTokens), used: ran.tokens, held: runHeld.tokens, ...tokens },
  ]
  // What is asked again within a step is no step.
  if (need.step)
    bounds.push({
      ...run('steps', budget.maxSteps),
      ...{ used: ran.steps, held: runHeld.steps, fixed: 1, perOutput: 0 },
    })
  if (budget.maxCostUsd !== undefined)
    bounds.push({
      ...run('costUsd', budget.maxCostUsd),
      ...{ used: ran.cost_usd, held: runHeld.cost_usd, ...money },
    })
  if (state.tokens_per_month !== null)
    bounds.push({
      ...month(state.tokens_per_month, 'tokens'),
      ...{ used: used.tokens, held: held.tokens, ...tokens },
    })
  if (state.usd_per_month !== null)
    bounds.push({ ...month(state.usd_per_month, 'USD'), used: used.cost_usd, held: held.cost_usd, ...money })
  return bounds
}

const costOfInput = ({ inputTokens, price }: Need) =>
  (inputTokens * Math.max(price?.input ?? 0, price?.cachedInput ?? 0)) / TOKENS_PER_PRICE

/** What a call may cost at most. */
export const costAtMost = (need: Need, outputTokens: number): number =>
  costOfInput(need) + (outputTokens * (need.price?.output ?? 0)) / TOKENS_PER_PRICE

/** What a call did cost. */
export function costOf(
  usage: { inputTokens: number; cachedInputTokens: number; outputTokens: number },
  price: ModelPrice | undefined,
): number {
  if (price === undefined) return 0
  const fresh = usage.inputTokens - usage.cachedInputTokens
  const cached = usage.cachedInputTokens * (price.cachedInput ?? price.input)
  return (fresh * price.input + cached + usage.outputTokens * price.output) / TOKENS_PER_PRICE
}

const NAMES = { tokens: 'tokens', steps: 'steps', costUsd: 'USD', seconds: 'seconds' }
const FIELDS = { tokens: 'maxTokens', steps: 'maxSteps', costUsd: 'maxCostUsd', seconds: 'maxSeconds' }
type BudgetName = keyof typeof NAMES

const rounded = (amount: number) => Number(amount.toFixed(4))

/** How a budget is gone: wholly, or too far for what comes next. */
const gone = (limit: number, used: number, needed: number) =>
  used >= limit
    ? `is used up (${rounded(used)})`
    : `does not hold another call: ${rounded(used)} are used, and it may need ${rounded(needed)}`

/** @param needed what the call that is refused may use, when it is for one */
export function usedUp(which: BudgetName, limit: number, used: number, needed = 0): AppError {
  const field = FIELDS[which]
  return new AppError(
    'limit_exceeded',
    `The run’s budget of ${limit} ${NAMES[which]} ${gone(limit, used, needed)}.`,
    {
      where: `budget.${field}`,
      hint: `Start a run with a larger ${field}, or go on by hand from what this one made.`,
      retryable: false,
      data: { budget: which, limit, used, needed },
    },
  )
}

const monthUsedUp = (month: string, limit: number, what: string, used: number, needed: number) =>
  new AppError(
    'limit_exceeded',
    `The organization’s model budget of ${limit} ${what} for ${month} ${gone(limit, used, needed)}.`,
    {
      where: 'modelBudget',
      hint: 'It begins anew with the next month (UTC). set_model_budget gives it more, with the permission billing.manage.',
      retryable: false,
      data: { month, limit, used, needed },
    },
  )
