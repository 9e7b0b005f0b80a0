import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Database } from '../../db/database.ts'
import { insertModelReservation } from '../../db/model-reservations.ts'
import { monthlyModelUse, setModelBudget } from '../../db/model-usage.ts'
import { startPlayedModel } from '../../evals/models/played-model.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import { type CountingModel, startCountingModel } from '../../tests/setup/counting-model.ts'
import { describeOnBothDatabases, openTestDatabase } from '../../tests/setup/database.ts'
import { buildModels } from './build-models.ts'
import type { Budget, Models, RunModel } from './models.ts'

const budget: Budget = { maxTokens: 1_000_000, maxSteps: 100, maxSeconds: 60 }
const PRICE = { input: 2, output: 10 }

describeOnBothDatabases('what model calls under way hold of the budgets', (kind) => {
  let db: Database
  let organizationId: string
  let server: { url: string; close(): Promise<void> } | undefined
  beforeAll(async () => {
    db = await openTestDatabase(kind)
  })
  afterEach(() => server?.close())
  afterAll(() => db.close())

  const scope = () => ({ organizationId, customerIds: null })
  async function begin(url: string, environment: Record<string, string> = {}): Promise<Models> {
    ;({ organizationId } = await db.system((tx) => createOrganization(tx, { name: 'Budget' })))
    const { model: settings } = readConfig({
      PATCHBAY_MODEL_BASE_URL: url,
      PATCHBAY_MODEL: 'm',
      PATCHBAY_MODEL_PRICES: JSON.stringify({ m: PRICE }),
      PATCHBAY_MODEL_MAX_OUTPUT_TOKENS: '2000',
      ...environment,
    })
    return buildModels({ settings, db })
  }
  async function counting(share: number, environment?: Record<string, string>, delayMs?: number) {
    const model = await startCountingModel(() => share, delayMs === undefined ? {} : { delayMs })
    server = model
    return { model, models: await begin(model.url, environment) }
  }
  const runOf = (models: Models, own: Partial<Budget> = {}, signal = new AbortController().signal) =>
    models.forRun({
      ...{ organizationId, runId: newId('agentRun'), budget: { ...budget, ...own }, signal },
      sink: { token: () => {}, call: () => {}, toolCall: () => {} },
    })
  const ask = (model: RunModel) =>
    model.converse({
      ...{ tier: 'plan' as const, system: 'You talk.', tools: [], maxSteps: 1 },
      messages: [{ role: 'user', content: 'What do you make of this?' }],
    })
  const failure = async (work: Promise<unknown>): Promise<AppError> => {
    const error = await work.then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!(error instanceof AppError)) throw new Error(`no AppError but ${String(error)}`)
    return error
  }
  const billed = ({ spent }: CountingModel) => spent.inputTokens + spent.outputTokens
  const held = () =>
    db.tenant(scope(), (tx) => tx.rows<{ tokens: string }>('SELECT tokens FROM model_reservations'))

  test('a call whose shortest answer of use does not fit is refused before it is made, by either budget', async () => {
    const { model, models } = await counting(0.1)
    const own = await failure(ask(runOf(models, { maxTokens: 300 })))
    expect(own).toMatchObject({
      ...{ code: 'limit_exceeded', where: 'budget.maxTokens', retryable: false },
      message: expect.stringContaining('does not hold another call: 0 are used'),
      data: { budget: 'tokens', limit: 300, used: 0 },
    })
    await db.tenant(scope(), (tx) => setModelBudget(tx, organizationId, { usdPerMonth: 0.001 }))
    expect(await failure(ask(runOf(models)))).toMatchObject({ where: 'modelBudget' })
    expect(model.spent.calls).toBe(0)
    expect(await held()).toEqual([])
  })

  test('an answer is let be as long as there is budget for; one that is cut off by it ends the run', async () => {
    const { model, models } = await counting(1)
    expect((await ask(runOf(models))).text).toContain('word')
    const error = await failure(ask(runOf(models, { maxTokens: 1_000 })))
    expect(error).toMatchObject({ where: 'budget.maxTokens' })
    expect(model.limits[0]).toBe(2_000)
    expect(model.limits[1]).toBeLessThan(1_000)
    expect(model.limits[1]).toBeGreaterThan(500)
  })

  test('calls at once of one run, and of many, spend no more than the budget; those that are short of it wait for others', async () => {
    const { model, models } = await counting(0.1, {}, 30)
    const one = runOf(models, { maxTokens: 6_000 })
    const ends = await Promise.allSettled(Array.from({ length: 24 }, () => ask(one)))
    expect(billed(model)).toBeLessThanOrEqual(6_000)
    // Without waiting for what others give back only two or three would have been made.
    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(8)
    const before = billed(model)
    await db.tenant(scope(), (tx) => setModelBudget(tx, organizationId, { tokensPerMonth: before + 5_000 }))
    await Promise.allSettled(Array.from({ length: 24 }, () => ask(runOf(models))))
    expect(billed(model) - before).toBeLessThanOrEqual(5_000)
    expect(billed(model) - before).toBeGreaterThan(4_000)
    const month = await db.read(scope(), (tx) => monthlyModelUse(tx, organizationId))
    expect(month?.tokens).toBe(billed(model))
    expect(await held()).toEqual([])
  }, 60_000)

  test('steps are held too: calls at once are not more than the run may take', async () => {
    const { model, models } = await counting(0.1, {}, 50)
    const one = runOf(models, { maxSteps: 3 })
    const ends = await Promise.allSettled(Array.from({ length: 10 }, () => ask(one)))
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(model.spent.calls).toBe(3)
  })

  test('what is held is free when the call fails, and of a process that died when its lease is over', async () => {
    const played = await startPlayedModel({ turns: [{ error: { status: 400 }, times: 0 }] })
    server = played
    const models = await begin(played.url)
    await failure(ask(runOf(models)))
    expect(await held()).toEqual([])
    await played.close()
    const { models: again } = await counting(0.1)
    await db.tenant(scope(), (tx) => setModelBudget(tx, organizationId, { tokensPerMonth: 5_000 }))
    const dead = { id: newId('modelReservation'), runId: newId('agentRun'), cost_usd: 0, steps: 1 }
    await db.tenant(scope(), (tx) =>
      insertModelReservation(tx, { ...dead, organizationId, tokens: 4_900 }, 2),
    )
    const startedAt = performance.now()
    await ask(runOf(again))
    expect(performance.now() - startedAt).toBeGreaterThan(1_000)
    expect(await held()).toEqual([])
  })

  test('an answer that is cut short, or stopped, is counted as far as it is known', async () => {
    const played = await startPlayedModel({
      turns: [
        { drop: 'midway', text: 'word '.repeat(400) },
        { text: 'Done.', usage: { input: 10, output: 5 } },
        { text: 'Late.', delayMs: 20_000 },
      ],
    })
    server = played
    const models = await begin(played.url)
    const run = runOf(models)
    await ask(run)
    expect(await run.used()).toMatchObject({ calls: 1, steps: 1 })
    expect((await run.used()).outputTokens).toBeGreaterThan(100)
    const stopping = new AbortController()
    const stopped = runOf(models, {}, stopping.signal)
    const work = failure(ask(stopped))
    await sleep(300)
    expect(await held()).toHaveLength(1)
    stopping.abort(new AppError('cancelled', 'The run was cancelled.'))
    expect((await work).code).toBe('cancelled')
    expect((await stopped.used()).inputTokens).toBeGreaterThan(20)
    expect(await held()).toEqual([])
  })

  test('the limit of an answer is asked for as the server takes it: by the other name, or a shorter one', async () => {
    const cases: [string, (request: Record<string, unknown>) => boolean][] = [
      [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        (request) => 'max_completion_tokens' in request,
      ],
      [
        'max_tokens is too large: 2000. This model supports at most 600 completion tokens.',
        (request) => Number(request.max_tokens) <= 600,
      ],
    ]
    for (const [message, takes] of cases) {
      const model = await startCountingModel(() => 0.1, {
        refuse: (request) => (takes({ ...request }) ? undefined : message),
      })
      server = model
      const models = await begin(model.url)
      await ask(runOf(models))
      const tries = model.limits.length
      expect(tries).toBeGreaterThan(1)
      await ask(runOf(models))
      // What the model takes is remembered.
      expect(model.limits).toHaveLength(tries + 1)
      await model.close()
    }
  })
})
