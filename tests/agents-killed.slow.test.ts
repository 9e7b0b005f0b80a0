import { expect, test } from 'vitest'
import { killAtEveryNode } from './setup/kill-at-every-node.ts'
import { toldByRun } from './setup/told-by-run.ts'

test('a run whose server is killed at any moment of any node ends as one undisturbed, with no effect twice', async () => {
  const [undisturbed, ...killed] = await killAtEveryNode({
    module: new URL('setup/agent.fixture.ts', import.meta.url).href,
    agent: 'registrar',
    input: { prefix: 'Kill' },
    answers: { after_making: { name: 'Tertia' } },
    effects: async (server) => {
      const { ok } = server
      const { customers } = await ok('list_customers')
      const { entries } = await ok('list_audit_log', { action: 'create_customer' })
      return {
        told: await toldByRun(server),
        customers: customers.map(({ name }: { name: string }) => name).sort(),
        calls: entries.map(({ outcome }: { outcome: string }) => outcome),
      }
    },
  })
  expect(undisturbed).toMatchObject({
    status: 'completed',
    output: { created: ['Kill Left', 'Kill Right', 'Kill Tertia'], answer: 'Tertia' },
    effects: {
      told: {
        messages: [
          'Two customers of Kill.',
          'Kept: NUL \ufffd and half \ufffd',
          'Who is there?',
          'Who is there?',
        ],
        artifacts: ['list: Customers'],
        questions: ['after_making'],
      },
      customers: ['Kill Left', 'Kill Right', 'Kill Tertia'],
      calls: ['success', 'success', 'success'],
    },
  })
  // plan, make_left, make_right, finish: entered and left; ask is entered twice and left once; three calls make something
  expect(killed).toHaveLength(14)
  for (const run of killed) expect(run).toEqual({ ...undisturbed, at: run.at })
}, 900_000)
