import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSuite, type TestedSuite } from './suite.fixture.ts'
import { fixAction } from './suite.ts'

let suite: TestedSuite
beforeAll(async () => {
  suite = await startSuite()
})
afterAll(() => suite.close())

test('the deterministic fixer mends what is broken, and the right action at the price of another is no success', async () => {
  const clumsy = {
    ...fixAction,
    policies: {
      clumsy: (options: Parameters<typeof fixAction.open>[0]) => {
        let tasks = 0
        const mend = fixAction.policies.deterministic?.(options)
        return async (task: Parameters<NonNullable<typeof mend>>[0]) => {
          const attempt = await mend?.(task)
          tasks += 1
          const { connector, action } = task.situation
          const other = action === 'list_invoices' ? 'get_invoice' : 'list_invoices'
          if (tasks === 3)
            await suite.doors.call('update_action', { connector, action: other, method: 'POST' })
          return attempt ?? {}
        }
      },
    },
  }
  const report = await suite.run('clumsy', { count: 3, specs: 'ledger', suite: clumsy })
  expect(report.tasks.map(({ problems }) => problems)).toEqual([[], [], []])
  expect(report.tasks.map(({ passed, regressions }) => [passed, regressions.length])).toEqual([
    [true, 0],
    [true, 0],
    [false, 1],
  ])
})
