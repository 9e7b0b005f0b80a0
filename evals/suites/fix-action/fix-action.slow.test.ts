import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { specifications } from '../../environments/specifications.ts'
import { mutationClasses } from '../../mutations/mutation.ts'
import { startSuite, type TestedSuite } from './suite.fixture.ts'

let suite: TestedSuite
beforeAll(async () => {
  suite = await startSuite()
})
afterAll(() => suite.close())

describe('fix-action on our own small API', () => {
  const specs = 'ledger'

  test('who does nothing mends nothing, and the oracle everything', async () => {
    const count = mutationClasses.length
    expect((await suite.run('nothing', { count, specs })).total).toMatchObject({ passed: 0, total: count })
    expect((await suite.run('oracle', { count, specs })).total).toMatchObject({ passed: count, total: count })
  })

  test('the deterministic fixer mends two of every class, and nothing else is touched', async () => {
    const report = await suite.run('deterministic', { count: 2 * mutationClasses.length, specs })
    expect(report.tasks.filter(({ passed }) => !passed)).toEqual([])
    expect(Object.keys(report.byClass).toSorted()).toEqual(mutationClasses.toSorted())
    expect(report.regressions).toBe(0)
  })

  test('the same seed gives the same tasks', async () => {
    const ids = async () => (await suite.run('nothing', { count: 6, specs })).tasks.map(({ id }) => id)
    expect(await ids()).toEqual(await ids())
  })
})

const REAL = 'petstore,museum'
const { absent } = specifications(REAL.split(','))

describe.skipIf(absent.length > 0)('fix-action on real APIs (needs ../shared/data)', () => {
  test('the deterministic fixer mends nearly all, and touches nothing else', async () => {
    const report = await suite.run('deterministic', { count: 28, specs: REAL })
    expect(report.regressions).toBe(0)
    expect(report.total.rate).toBeGreaterThan(0.9)
  })
})
