import type { TestCase } from '../../../tools/agents/test-case.ts'
import type { ScriptInput } from '../../models/script.ts'
import { field, type Plan } from '../plan/wish.ts'
import { invoices as invoicesWish } from '../plan/wishes/invoices.ts'
import { newsletter as newsletterWish } from '../plan/wishes/newsletter.ts'
import type { WorkflowTask } from './tasks/task.ts'

interface Exchange {
  plan: Plan
  cases: TestCase[]
}

const happy = (input: object, created: number, call: { connector: string; action: string }): TestCase => ({
  ...{ id: 'TC-01', group: 'happy-path', scenario: 'It does what was asked.' },
  input: input as TestCase['input'],
  expect: {
    status: 'completed',
    output: [{ path: 'created', op: 'equals', value: created }],
    calls: [{ ...call, times: created }],
  },
})

const order = {
  ...{ number: 'patchbay-test-{{run}}-1', status: 'paid', email: 'patchbay-test-{{run}}@example.com' },
  ...{ buyer_name: 'Test', total_gross: 12.5, currency: 'EUR' },
}

/** What a model that builds well answers, by task; the code is the oracle's. */
const exchanges: Readonly<Record<string, Exchange>> = {
  invoices: {
    plan: {
      ...invoicesWish.plan({ start: 'posted', amount: 'gross', unknown: 'create', status: 'sent' }),
      input: [
        field('order.number', 'string', '1001'),
        field('order.status', 'string', 'paid'),
        { ...field('order.email', 'string', 'ada@example.com'), required: false },
        { ...field('order.buyer_name', 'string', 'Ada'), required: false },
        { ...field('order.total_gross', 'number', '119.6'), required: false },
        { ...field('order.currency', 'string', 'EUR'), required: false },
      ],
    },
    cases: [happy({ order }, 1, { connector: 'ledger', action: 'create_invoice' })],
  },
  newsletter: {
    plan: {
      ...newsletterWish.plan({
        ...{ tenancy: 'organization', often: 'nightly', list: 'news', known: 'leave', refused: 'go_on' },
      }),
      trigger: { type: 'schedule', reason: 'Daily.', cron: '30 5 * * *', timeZone: 'Europe/Berlin' },
    },
    cases: [happy({}, 0, { connector: 'mailing', action: 'create_subscriber' })],
  },
}

/** Tasks that {@link playedBuilder} plays, the first of the suite. */
export const PLAYED = Object.keys(exchanges).length

/**
 * A model that builds the workflows of these tasks, as a script: played to Patchbay's own agents it shows that the way from
 * the request to the deployed workflow works; it is no measure of any model.
 */
export const playedBuilder = (tasks: readonly WorkflowTask[]): ScriptInput => ({
  turns: tasks.flatMap((task) => {
    const exchange = exchanges[task.name]
    return exchange === undefined ? [] : turnsOf(task, exchange)
  }),
})

function turnsOf({ request, code }: WorkflowTask, { plan, cases }: Exchange): ScriptInput['turns'] {
  const answer = (contains: string[], json: unknown) => ({ when: { contains }, times: 0, json })
  const needs = plan.actions.map(({ connector, action }) => ({
    ...{ app: connector, connector, find: action.replaceAll('_', ' ') },
  }))
  return [
    answer(['You plan integrations between apps', request], { needs, questions: [] }),
    answer(['You write an integration plan', request], plan),
    answer(['You write the code of one workflow', `"slug": "${plan.slug}"`], { code, notes: '' }),
    answer(['You write the test cases of a workflow', `"slug": "${plan.slug}"`], { cases }),
  ]
}
