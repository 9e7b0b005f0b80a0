import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestPlatform, type TestPlatform } from '../../../tests/setup/platform.ts'
import { buildDoors } from '../../doors.ts'
import { startPlayedModel } from '../../models/played-model.ts'
import type { Report } from '../../records.ts'
import { runSuite } from '../../runner.ts'
import { withReferences } from '../../valid.ts'
import { buildWorkflow, makeTrigger, makeWorkflow, workflowTasks } from './suite.ts'
import type { WorkflowTask } from './tasks/task.ts'

const played = buildWorkflow.played?.({ seed: 1, count: 9, settings: {} }) ?? {
  script: { turns: [] },
  count: 0,
}
let model: Awaited<ReturnType<typeof startPlayedModel>>
let platform: TestPlatform
beforeAll(async () => {
  model = await startPlayedModel(played.script)
  const environment = { PATCHBAY_MODEL_BASE_URL: model.url, PATCHBAY_MODEL: 'played' }
  platform = await startTestPlatform('embedded', environment)
}, 120_000)
afterAll(async () => {
  await platform.close()
  await model.close()
})

async function run(
  policy: string,
  given: { suite?: typeof buildWorkflow; tasks?: string } = {},
): Promise<Report> {
  const { ownerKey } = await platform.organization()
  const { suite = buildWorkflow, tasks } = given
  return runSuite(suite, {
    ...{ policy, doors: buildDoors(platform.url, ownerKey), seed: 3, count: 9, maxSeconds: 600 },
    ...{ settings: tasks === undefined ? {} : { tasks }, note: () => {} },
  })
}

test('it is valid: right code passes every hidden test, twice, and nothing passes none', async () => {
  const report = withReferences(await run('nothing'), [await run('oracle')])
  expect(report.invalid).toEqual([])
  expect(report.total).toMatchObject({ passed: 0, total: workflowTasks.length })
  expect(report.tasks[0]?.problems).toEqual(['no webhook starts anything in dev'])
}, 300_000)

test('a played model goes the whole way, from the request to what the hidden tests find, by both of our builders', async () => {
  const names = workflowTasks.slice(0, played.count).map(({ name }) => name)
  const agent = await run('agent', { tasks: names.join(',') })
  expect(agent.tasks.map(({ id, problems, regressions }) => ({ id, problems, regressions }))).toEqual(
    names.map((id) => ({ id, problems: [], regressions: [] })),
  )
  expect(agent.tokens).toBeGreaterThan(1_000)
  const [trial] = agent.tasks[0]?.trials ?? []
  expect(trial?.trajectory.map(({ title }) => title)).toEqual(
    expect.arrayContaining(['validate_workflow', 'run_workflow', 'deploy_workflow', 'create_webhook']),
  )
  const builder = await run('builder', { tasks: names[0] ?? '' })
  expect(builder.tasks.map(({ id, problems }) => [id, problems])).toEqual([[names[0], []]])
}, 300_000)

type Miss = [task: string, was: string, is: string, problem: RegExp]
/** Each is how such workflows are wrong in the world, and looks right. */
const MISSES: readonly Miss[] = [
  ['invoices', 'Math.round(order.total_gross * 100)', 'Math.floor(order.total_gross * 100)', /to the cent/],
  ['invoices', 'if (invoices.length > 0)', 'if (false)', /no second invoice.*answer got lost/s],
  ['invoices', "order.currency ?? 'EUR'", 'order.currency', /without a currency/],
  [
    'invoices',
    "throw new Error('The order has no email address.')",
    'return { skipped: 1 }',
    /ended as completed, not failed/,
  ],
  ['newsletter', 'crm.list_contacts.items({})', '(await crm.list_contacts({})).contacts', /from all pages/],
  ['newsletter', 'done.errors += 1', 'throw error', /does not keep the others off/],
  [
    'newsletter',
    "mailing.list_subscribers({ email, list: 'news' })",
    'mailing.list_subscribers({ email })',
    /another list/,
  ],
  ['refunds', 'refund.amount < FROM', 'refund.amount <= FROM', /500 is large/],
  ['refunds', 'refund.id)) return', 'refund.order)) return', /another of the same order|not told of/],
  ['urgent', "status: 'open' })", '})', /closed tickets/],
]

/** Right code that two runs at once may both come to. */
const UNBOUND: readonly [task: string, problem: RegExp][] = [
  ['invoices', /^the same order at the same moment gets one invoice: .*and holds .*at-once.*at-once/],
  ['refunds', /^the same refund at the same moment is told of once: /],
]

/** The suite with a policy that builds this code, whatever is asked. */
const built = (code: string, concurrency?: object) => ({
  ...buildWorkflow,
  policies: {
    nearly:
      ({ doors }: Parameters<(typeof buildWorkflow.policies)['agent']>[0]) =>
      async ({ id, situation }: { id: string; situation: { customer: string | null } }) => {
        const task = workflowTasks.find(({ name }) => name === id) as WorkflowTask
        await makeWorkflow(doors, { slug: 'nearly', code, concurrency })
        await makeTrigger(doors, 'nearly', task.trigger, situation.customer)
        return {}
      },
  },
})

test.each(UNBOUND)(
  'a near miss fails: the right code of %s whose runs are not kept apart',
  async (name, problem) => {
    const task = workflowTasks.find((one) => one.name === name) as WorkflowTask
    const report = await run('nearly', { suite: built(task.code), tasks: name })
    expect(report.tasks[0]?.problems).toEqual([expect.stringMatching(problem)])
  },
  120_000,
)

test.each(MISSES)(
  'a near miss fails: %s with %s → %s',
  async (name, was, is, problem) => {
    const task = workflowTasks.find((one) => one.name === name) as WorkflowTask
    const code = task.code.replaceAll(was, is)
    expect(code).not.toBe(task.code)
    const nearly = built(code, task.concurrency)
    const report = await run('nearly', { suite: nearly, tasks: name })
    expect(report.tasks[0]?.problems.join('\n')).toMatch(problem)
    expect(report.total.passed).toBe(0)
  },
  120_000,
)

test('a trigger of another kind, time or customer is told; what was not to be touched is a regression', async () => {
  const wrongly = {
    ...buildWorkflow,
    policies: {
      wrongly:
        ({ doors }: Parameters<(typeof buildWorkflow.policies)['agent']>[0]) =>
        async ({ id }: { id: string }) => {
          const task = workflowTasks.find(({ name }) => name === id) as WorkflowTask
          await makeWorkflow(doors, { slug: 'wrongly', code: task.code })
          const daily = { time: '05:30', timeZone: 'UTC' }
          await makeTrigger(doors, 'wrongly', { type: 'scheduler', daily }, null)
          if (id === 'urgent') await makeTrigger(doors, 'wrongly', { type: 'webhook' }, null)
          if (id === 'invoices')
            await doors.call('update_workflow', { workflow: 'bystander', name: 'Changed' })
          return {}
        },
    },
  }
  const { tasks } = await run('wrongly', { suite: wrongly })
  expect(tasks.map(({ id, problems, regressions }) => [id, problems[0], regressions[0]])).toEqual([
    ['invoices', 'no webhook starts anything in dev', 'bystander changed'],
    [
      'newsletter',
      expect.stringMatching(/^it runs at .* in UTC, not daily at 05:30 in Europe.Berlin/),
      undefined,
    ],
    ['refunds', 'no webhook starts anything in dev', undefined],
    ['urgent', 'its trigger is not for the customer it was asked for', undefined],
  ])
}, 120_000)
