import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestPlatform, type Tenant, type TestPlatform } from '../../../tests/setup/platform.ts'
import { buildDoors, type Doors } from '../../doors.ts'
import { runSuite } from '../../runner.ts'
import type { Policy, Suite } from '../../suite.ts'
import type { FixSituation } from './policies.ts'
import { fixAction } from './suite.ts'

let server: TestPlatform
let tenant: Tenant
let doors: Doors
beforeAll(async () => {
  server = await startTestPlatform()
  tenant = await server.organization()
  doors = buildDoors(server.url, tenant.ownerKey)
})
afterAll(() => server.close())
const emptied = () => tenant.call('delete_connector', { connector: 'ledger', force: true })

const run = async (policy: string, count: number, suite: Suite<FixSituation> = fixAction) => {
  const settings = { specs: 'ledger' }
  const options = { doors, policy, count, seed: 7, maxSeconds: 600, settings, note: () => {} }
  return runSuite(suite, options).finally(emptied)
}

/** The suite with one more policy. */
const withPolicy = (policy: Policy<FixSituation>): Suite<FixSituation> => ({
  ...fixAction,
  policies: { ...fixAction.policies, near: () => policy },
})

describe('fix-action on our own small API', () => {
  test('who does nothing mends nothing, and the oracle everything', async () => {
    expect((await run('nothing', 2)).total).toMatchObject({ passed: 0, total: 2 })
    expect((await run('oracle', 2)).total).toMatchObject({ passed: 2, total: 2 })
  })

  test('the deterministic fixer mends one of every class, and nothing else is touched', async () => {
    const report = await run('deterministic', 14)
    expect(report.tasks.filter(({ passed }) => !passed)).toEqual([])
    expect(Object.keys(report.byClass)).toHaveLength(14)
    expect(report.regressions).toBe(0)
  })

  test('the right action at the price of another one is no success', async () => {
    const report = await run(
      'near',
      1,
      withPolicy(async ({ situation }) => {
        const { connector, action, spec } = situation
        const { update, connectorUpdate } = await doors.call('propose_action_fix', {
          connector,
          action,
          spec,
        })
        if (update !== null) await doors.call('update_action', update)
        if (connectorUpdate !== null) await doors.call('update_connector', connectorUpdate)
        const other = action === 'get_customer' ? 'get_invoice' : 'get_customer'
        await doors
          .call('update_action', { connector, action: other, path: '/elsewhere/{customerId}/{invoiceId}' })
          .catch(() => doors.call('update_action', { connector, action: other, method: 'POST' }))
        return {}
      }),
    )
    expect(report.total.passed).toBe(0)
    expect(report.tasks[0]?.problems).toEqual([])
    expect(report.regressions).toBe(1)
  })
})
