import { setTimeout as sleep } from 'node:timers/promises'
import { type AppError, invalidInput } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { ModelPrice } from '../../core/model-settings.ts'
import { type Database, isDatabaseAway, type Tx } from '../../db/database.ts'
import {
  deleteModelReservation,
  insertModelReservation,
  lockModelBudget,
  modelBudgetState,
  renewModelReservation,
} from '../../db/model-reservations.ts'
import { addModelUsage, type ModelUsageRow, modelUsageOfRun } from '../../db/model-usage.ts'
import { wait } from './failures.ts'
import { costAtMost, costOf, grantCall, type Need, usedUp } from './grant.ts'
import type { Budget, Usage } from './models.ts'
import type { TurnAnswer } from './turn.ts'

/** A process that is silent for so long holds nothing any more. */
const LEASE_SECONDS = 30
const RENEW_MS = 10_000
/** While the database is away. */
const COUNT_TRIES = 10
const COUNT_WAIT_MS = 2_000
/** How often a call that waits for others looks again. */
const FIRST_LOOK_MS = 100
const LAST_LOOK_MS = 1_000

/** What a call may use, held against the budgets until it ends in one of these ways. */
export interface Hold {
  /** The answer may be so long. */
  outputTokens: number
  /** The budget that made it shorter than a call’s answer may be otherwise. */
  lowered: AppError | undefined
  /** Counts the answer in place of what was held. @returns what it used */
  settle(answer: Pick<TurnAnswer, 'model' | 'usage'>, durationMs: number): Promise<Usage>
  /** Counts what is known of an answer that did not come to its end. */
  lose(usage: TurnAnswer['usage'], durationMs: number): Promise<void>
  /** Nothing was used. */
  free(): Promise<void>
}

/** Keeps what a run uses, and ends it when a budget does not hold its next call. */
export interface Meter {
  /**
   * Takes what a call may use out of the budgets before it is made. Where calls under way hold what it needs it waits
   * for them, since most give back a good part.
   * @throws AppError `limit_exceeded` naming the budget that does not hold the call
   */
  reserve(call: { model: string; inputTokens: number; outputTokens: number; step: boolean }): Promise<Hold>
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
  const signal = AbortSignal.any([options.signal, deadline.signal])
  let known: Usage | undefined

  /** @returns what is held; undefined while others hold what it needs */
  const take = (id: string, need: Need) =>
    db.tenant(scope, async (tx) => {
      await lockModelBudget(tx, organizationId)
      const state = await modelBudgetState(tx, organizationId, runId)
      if (state === undefined) throw invalidInput(`There is no organization '${organizationId}'.`)
      if (state.usd_per_month !== null && options.unpriced !== undefined)
        throw withoutPrice(options.unpriced, 'modelBudget', 'Set usdPerMonth to null with set_model_budget')
      const grant = grantCall(budget, state, need)
      if ('refused' in grant) throw grant.refused
      if ('wait' in grant) return undefined
      const held = {
        tokens: need.inputTokens + grant.outputTokens,
        cost_usd: costAtMost(need, grant.outputTokens),
        steps: need.step ? 1 : 0,
      }
      await insertModelReservation(tx, { id, organizationId, runId, ...held }, LEASE_SECONDS)
      return grant
    })

  const count = async (
    id: string,
    { model, usage }: Pick<TurnAnswer, 'model' | 'usage'>,
    durationMs: number,
    { calls, steps }: { calls: number; steps: number },
  ): Promise<Usage> => {
    const use = { ...usage, costUsd: costOf(usage, options.priceOf(model)), calls, steps }
    const store = async (tx: Tx) => {
      await addModelUsage(tx, {
        ...{ organizationId, runId, model, durationMs, calls, steps, cost_usd: use.costUsd },
        input_tokens: use.inputTokens,
        cached_input_tokens: use.cachedInputTokens,
        output_tokens: use.outputTokens,
      })
      await deleteModelReservation(tx, id)
      return toUsage(await modelUsageOfRun(tx, runId))
    }
    // What was spent has to be known: were it lost with a connection, its hold would come to an end and be spent again.
    for (let tries = 1; ; tries += 1) {
      try {
        known = await db.tenant(scope, store)
        return use
      } catch (error) {
        if (!isDatabaseAway(error) || tries === COUNT_TRIES) throw error
        await sleep(COUNT_WAIT_MS)
      }
    }
  }

  return {
    signal,
    used: async () => {
      known ??= toUsage(await db.read(scope, (tx) => modelUsageOfRun(tx, runId)))
      return known
    },
    async reserve({ model, inputTokens, outputTokens, step }) {
      const id = newId('modelReservation')
      const need = { inputTokens, outputTokens, step, price: options.priceOf(model) }
      for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(lookMs * 2, LAST_LOOK_MS)) {
        options.signal.throwIfAborted()
        if (options.secondsUsed + secondsSince(startedAt) >= budget.maxSeconds) throw outOfTime()
        const grant = await take(id, need)
        if (grant === undefined) {
          await wait(lookMs, signal)
          continue
        }
        const renewal = setInterval(() => {
          // One that fails is made again before the lease is over.
          db.tenant(scope, (tx) => renewModelReservation(tx, id, LEASE_SECONDS)).catch(() => undefined)
        }, RENEW_MS)
        renewal.unref()
        const ended = <T>(work: Promise<T>) => work.finally(() => clearInterval(renewal))
        return {
          ...grant,
          settle: (answer, durationMs) =>
            ended(count(id, answer, durationMs, { calls: 1, steps: step ? 1 : 0 })),
          lose: async (usage, durationMs) => {
            await ended(count(id, { model, usage }, durationMs, { calls: 0, steps: 0 }))
          },
          // Where the database is away, the lease ends it.
          free: () =>
            ended(db.tenant(scope, (tx) => deleteModelReservation(tx, id))).then(
              () => undefined,
              () => undefined,
            ),
        }
      }
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
  throw withoutPrice(unpriced, 'budget.maxCostUsd', 'Leave maxCostUsd out')
}

const withoutPrice = (model: string, where: string, otherwise: string) =>
  invalidInput(`A budget in money cannot be kept: the price of the model '${model}' is not known.`, {
    where,
    hint: `${otherwise} and bound the tokens, or have the operator set PATCHBAY_MODEL_PRICES.`,
  })

const secondsSince = (start: number) => (performance.now() - start) / 1000

const toUsage = (row: ModelUsageRow): Usage => ({
  inputTokens: row.input_tokens,
  cachedInputTokens: row.cached_input_tokens,
  outputTokens: row.output_tokens,
  costUsd: row.cost_usd,
  calls: row.calls,
  steps: row.steps,
})
