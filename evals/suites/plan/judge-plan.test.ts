import { expect, test } from 'vitest'
import { officeApps } from '../../environments/apps/definitions.ts'
import { playPerson } from '../../environments/person.ts'
import { type Catalog, judgePlan } from './judge-plan.ts'
import { judgeQuestions } from './judge-questions.ts'
import { meantBySeed, wishes } from './meant.ts'
import { type Chosen, factsOf, type Plan, requestOf, type Wish } from './wish.ts'

/** As an import makes it of the apps' descriptions. */
const catalog: Catalog = new Map(
  officeApps.flatMap(({ name: app, resources }) =>
    resources.flatMap(({ name, one, can, fields, required = [], filters = [], pageSize }) =>
      can.map((verb) => [
        `${app}.${verb}_${verb === 'list' ? name : one}`,
        {
          effect: verb === 'list' || verb === 'get' ? 'read' : 'write',
          fields:
            verb === 'list'
              ? [...filters, ...(pageSize === undefined ? [] : ['cursor'])]
              : ['id', ...Object.keys(fields)],
          required: verb === 'create' ? required : verb === 'list' ? [] : ['id'],
        },
      ]),
    ),
  ),
)

/** Every way a wish can be meant. */
const ways = (wish: Wish): Chosen[] =>
  wish.choices.reduce<Chosen[]>(
    (all, { name, values }) =>
      all.flatMap((chosen) => Object.keys(values).map((value) => ({ ...chosen, [name]: value }))),
    [{}],
  )
const named = (name: string): Wish => wishes.find((one) => one.name === name) as Wish
const spoilt = (plan: Plan, spoil: (plan: Plan) => void): Plan => {
  const copy = structuredClone(plan)
  spoil(copy)
  return copy
}

test('the plan for each way a wish can be meant passes, and fails for every other way', () => {
  for (const wish of wishes)
    for (const chosen of ways(wish)) {
      expect(judgePlan(wish.plan(chosen), wish.wanted(chosen), catalog)).toEqual([])
      for (const { name, values } of wish.choices)
        for (const value of Object.keys(values).filter((one) => one !== chosen[name]))
          expect(
            judgePlan(wish.plan({ ...chosen, [name]: value }), wish.wanted(chosen), catalog),
            `${wish.name}: ${JSON.stringify(chosen)}, planned with ${name} ${value}`,
          ).not.toEqual([])
    }
})

const posted = { start: 'posted', amount: 'gross', unknown: 'create', status: 'sent' }
const mappingTo = (plan: Plan, step: string, target: string) =>
  plan.mappings.find((one) => one.step === step && one.target === target) as Plan['mappings'][number]

test('near misses of a plan fail, each by what is wrong with it', () => {
  const wish = named('invoices')
  const misses: [(plan: Plan) => void, string][] = [
    [(plan) => Object.assign(plan.trigger, { type: 'manual' }), 'started by manual'],
    [(plan) => Object.assign(plan, { tenancy: 'each_customer' }), 'for each_customer'],
    [(plan) => void plan.actions.pop(), 'does not call ledger.create_invoice'],
    [(plan) => Object.assign(plan.actions[0] ?? {}, { action: 'find_invoice' }), 'no action ledger.find_inv'],
    [
      (plan) => plan.actions.push({ ...plan.actions[0], step: 'more', action: 'update_invoice' } as never),
      'update_invoice, which nobody wants',
    ],
    [(plan) => Object.assign(mappingTo(plan, 'invoice', 'amount_cents'), { transform: null }), 'as it is'],
    [
      (plan) =>
        Object.assign(mappingTo(plan, 'invoice', 'amount_cents'), { source: 'input.order.total_net' }),
      'total_net, not from total_gross',
    ],
    [
      (plan) => Object.assign(mappingTo(plan, 'invoice', 'reference'), { source: 'steps.buyer.number' }),
      'not from number of input',
    ],
    [(plan) => Object.assign(mappingTo(plan, 'invoice', 'status'), { fixed: 'paid' }), 'is paid, not sent'],
    [
      (plan) => plan.mappings.splice(plan.mappings.indexOf(mappingTo(plan, 'invoice', 'currency')), 1),
      'lacks currency',
    ],
    [(plan) => plan.mappings.push({ ...mappingTo(plan, 'buyer', 'email'), target: 'mail' }), 'takes no mail'],
  ]
  for (const [spoil, problem] of misses)
    expect(judgePlan(spoilt(wish.plan(posted), spoil), wish.wanted(posted), catalog).join('; ')).toContain(
      problem,
    )
})

test('other ways to say the same pass: a cron spelled otherwise, further reads, a value joined of several', () => {
  const nightly = { ...posted, start: 'nightly', status: 'draft' }
  const other = spoilt(named('invoices').plan(nightly), (plan) => {
    plan.trigger.cron = '00 06 */1 * *'
    plan.actions.unshift({ ...plan.actions[1], step: 'more', action: 'get_customer' } as never)
    plan.mappings.push({ ...mappingTo(plan, 'buyer', 'email'), step: 'more', target: 'id' })
    plan.mappings.splice(plan.mappings.indexOf(mappingTo(plan, 'invoice', 'status')), 1)
  })
  expect(judgePlan(other, named('invoices').wanted(nightly), catalog)).toEqual([])
  const refunds = named('refunds')
  const chosen = { where: 'finance', from: '500', ticket: 'none' }
  const amounts = spoilt(refunds.plan(chosen), (plan) => {
    plan.mappings.push({ ...mappingTo(plan, 'tell', 'text'), source: 'input.refund.reason' })
    plan.rules = ['Refunds below 500.00 are left out.']
  })
  expect(judgePlan(amounts, refunds.wanted(chosen), catalog)).toEqual([])
  for (const rule of ['Only from 5000.', 'Only from 500.5.', 'Only large ones.'])
    expect(judgePlan({ ...amounts, rules: [rule] }, refunds.wanted(chosen), catalog)).toEqual([
      'no rule names 500',
    ])
})

test('seeds give the same wishes again, each number of things unsaid, and nothing unsaid stands in the request', () => {
  expect(meantBySeed(7, 40)).toEqual(meantBySeed(7, 40))
  expect(meantBySeed(7, 40)).not.toEqual(meantBySeed(42, 40))
  const all = meantBySeed(7, 64)
  for (const wish of wishes)
    expect(new Set(all.filter((one) => one.wish === wish).map(({ hidden }) => hidden.length)).size).toBe(4)
  for (const meant of all)
    for (const { told, said } of factsOf(meant)) expect(requestOf(meant).includes(told)).toBe(said)
})

/** As other planners might put it; each about one thing. */
const QUESTIONS: Record<string, Record<string, string[]>> = {
  invoices: {
    start: [
      'Should this run in real time or on a schedule?',
      'How often should orders be synced?',
      'Can the shop send a webhook?',
    ],
    amount: ['Should tax be included?', 'Which total is billed, with or without VAT?'],
    unknown: [
      'What should happen if there is no matching customer?',
      'If the buyer does not exist in the ledger yet, what then?',
      'Shall I create missing customers automatically?',
    ],
    status: ['Should invoices be finalized immediately or left as draft?', 'Do you review invoices first?'],
  },
  newsletter: {
    tenancy: ['Does each tenant have its own accounts?', 'Is this one account or one per customer?'],
    often: ['How frequently — hourly or daily?', 'At what time should it run?'],
    list: ['Which audience should contacts be added to?'],
    known: ['Should existing subscribers be updated?'],
    refused: ['If an address is rejected, should the run stop?', 'How are errors handled?'],
  },
  refunds: {
    where: ['Which channel should be notified?', 'Who should be informed, and by which tool?'],
    from: ['Is there a minimum value for a refund to count?', 'Do small refunds count too?'],
    ticket: ['Is a follow-up in the helpdesk wanted?'],
  },
  payments: {
    open: [
      'What if a ticket exists already for this buyer?',
      'Should repeated failures make several tickets?',
    ],
    priority: ['How urgent are these?'],
    tell: ['Should anybody be notified in the chat?'],
  },
}

test('a person answers what is asked, however it is put; tells what was said as said; volunteers nothing', () => {
  for (const [name, questions] of Object.entries(QUESTIONS)) {
    const wish = named(name)
    const chosen = ways(wish).at(-1) as Chosen
    for (const [fact, ways] of Object.entries(questions))
      for (const question of ways) {
        const person = playPerson(factsOf({ wish, chosen, hidden: [fact] }))
        expect(person.ask([{ question }]).join(), question).toContain(
          wish.choices.find((one) => one.name === fact)?.values[chosen[fact] ?? ''],
        )
        expect(judgeQuestions(person.asked(), [fact])).toEqual([])
      }
    const person = playPerson(factsOf({ wish, chosen, hidden: [] }))
    for (const question of ['Which region is your server in?', 'What is the base URL?'])
      expect(person.ask([{ question }])).toEqual(['I do not mind; decide that yourself.'])
    const [first] = Object.values(questions)[0] ?? []
    expect(person.ask([{ question: first ?? '' }])[0]).toMatch(/^As I said: /)
  }
})

test('one needless question is forgiven where there was something to ask, a second or any other is not', () => {
  const wish = named('refunds')
  const chosen = { where: 'pager', from: '750', ticket: 'none' }
  const asking = (hidden: string[], ...questions: string[]) => {
    const person = playPerson(factsOf({ wish, chosen, hidden }))
    person.ask(questions.map((question) => ({ question })))
    return judgeQuestions(person.asked(), hidden)
  }
  const [where, from] = ['Where are people told?', 'Only above a limit?']
  expect(asking(['where'], where)).toEqual([])
  expect(asking(['where'], where, from)).toEqual([])
  expect(asking(['where'], where, from, 'Which retries?')[0]).toMatch(/^2 of 3 questions change nothing/)
  expect(asking(['where'], where, where, where)).toHaveLength(1)
  expect(asking([], from)).toHaveLength(1)
  expect(asking([])).toEqual([])
})
