import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { buildLogger } from '../../core/log.ts'
import { type Database, openDatabase } from '../../db/database.ts'
import { monthlyModelUse, setModelBudget } from '../../db/model-usage.ts'
import { createOrganization } from '../../runtime/access/bootstrap.ts'
import { prepareQueueSchema } from '../../runtime/queue/execution-queue.ts'
import { startCountingModel } from '../../tests/setup/counting-model.ts'
import { createTestDatabase, type TestDatabase } from '../../tests/setup/database.ts'

const run = promisify(execFile)
const PRICE = { input: 2, output: 10 }
const RUNS_EACH = 6

describe.skipIf(inject('postgresUrl') === null)('budgets of models (needs a Postgres server)', () => {
  let where: TestDatabase
  let db: Database
  beforeAll(async () => {
    where = await createTestDatabase('postgres')
    db = await openDatabase({ ...where, log: buildLogger('warn'), prepare: prepareQueueSchema })
  })
  afterAll(async () => {
    await db.close()
    await where.drop()
  })

  /** Two processes spend an organization's budget at once. */
  async function spendAll(budget: { tokensPerMonth?: number; usdPerMonth?: number }, shares: number[]) {
    const server = await startCountingModel((call) => shares[call % shares.length] ?? 1)
    const { organizationId } = await db.system((tx) => createOrganization(tx, { name: 'Spender' }))
    const scope = { organizationId, customerIds: null }
    await db.tenant(scope, (tx) => setModelBudget(tx, organizationId, budget))
    const environment = {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: where.databaseUrl,
      PATCHBAY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
      PATCHBAY_DATA_DIR: where.dataDir,
      PATCHBAY_MODEL_BASE_URL: server.url,
      PATCHBAY_MODEL: 'm',
      PATCHBAY_MODEL_PRICES: JSON.stringify({ m: PRICE }),
      PATCHBAY_MODEL_MAX_OUTPUT_TOKENS: '2000',
      ORGANIZATION: organizationId,
      RUNS: String(RUNS_EACH),
    }
    const program = fileURLToPath(new URL('../../tests/setup/spender.ts', import.meta.url))
    const processes = await Promise.all(
      [1, 2].map(() => run(process.execPath, [program], { env: environment })),
    )
    await server.close()
    const counted = await db.read(scope, (tx) => monthlyModelUse(tx, organizationId))
    const held = await db.tenant(scope, (tx) => tx.rows('SELECT id FROM model_reservations'))
    const { inputTokens, outputTokens } = server.spent
    return {
      spent: {
        tokens: inputTokens + outputTokens,
        usd: (inputTokens * PRICE.input + outputTokens * PRICE.output) / 1_000_000,
        calls: server.spent.calls,
      },
      counted,
      held,
      ends: processes.flatMap(({ stdout }) => JSON.parse(stdout) as string[]),
    }
  }

  test('runs at once on two processes never spend more than the organization’s budget, and most of it', async () => {
    const cases = fc.record({
      inTokens: fc.boolean(),
      calls: fc.integer({ min: 2, max: 25 }),
      shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ inTokens, calls, shares }) => {
        const budget = inTokens ? { tokensPerMonth: calls * 1_500 } : { usdPerMonth: calls * 0.01 }
        const { spent, counted, held, ends } = await spendAll(budget, shares)
        const [limit, used] = inTokens ? [calls * 1_500, spent.tokens] : [calls * 0.01, spent.usd]
        expect(used).toBeLessThanOrEqual(limit + 1e-9)
        // What is left is less than the least a call may need.
        const least = inTokens ? 1_500 : 0.01
        expect(limit - used).toBeLessThan(least)
        expect(counted?.tokens).toBe(spent.tokens)
        expect(held).toEqual([])
        expect(ends).toEqual(Array.from({ length: 2 * RUNS_EACH }, () => 'limit_exceeded modelBudget'))
      }),
      { numRuns: 3, endOnFailure: true },
    )
  }, 600_000)
})
