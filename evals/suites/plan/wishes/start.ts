import type { Choice, Plan, Source, Wanted } from '../wish.ts'
import { field } from '../wish.ts'

/** Words of questions about what starts it. */
export const ABOUT_START =
  /how often|how (soon|quickly|fast|promptly)|real.?time|immediate|instant|at once|right away|schedul|nightly|daily|hourly|every (day|hour|night)|once a|webhook|\bpoll|\bpush|trigger|what starts|timetable|batch|at (what|which) time|time of day|when (should|does|do|shall) (it|this|the (integration|workflow|sync|import|run))/i

const EXAMPLE =
  '{"order": {"number": "1001", "status": "paid", "email": "ada@example.com", "buyer_name": "Ada", "total_net": 100.5, "total_gross": 119.6, "currency": "EUR"}}'

/** The shop tells, or is asked. */
export const start: Choice = {
  name: 'start',
  about: ABOUT_START,
  question: {
    question: 'What starts it: does the shop call at once, or is it asked on a timetable?',
    why: 'The trigger.',
    options: ['The shop posts its orders', 'Once a day'],
  },
  values: {
    posted: `The shop posts every order to us the moment it changes, like this: ${EXAMPLE}.`,
    nightly:
      'The shop cannot call us: once a day, at 6 in the morning in Berlin (Europe/Berlin), its orders are to be fetched.',
  },
}

const POSTED = [
  field('order.number', 'string', '1001'),
  field('order.status', 'string', 'paid'),
  field('order.email', 'string', 'ada@example.com'),
  field('order.buyer_name', 'string', 'Ada'),
  field('order.total_net', 'number', '100.5'),
  field('order.total_gross', 'number', '119.6'),
  field('order.currency', 'string', 'EUR'),
]

/** How the plan begins, and where the fields of an order come from in it. */
export function started(how: string | undefined): {
  trigger: Plan['trigger']
  input: Plan['input']
  duplicateKey: Plan['duplicateKey']
  order(name: string): string
  from(...fields: string[]): Source[]
} {
  if (how === 'posted')
    return {
      trigger: { type: 'webhook', reason: 'The shop posts.', cron: null, timeZone: 'UTC' },
      input: POSTED,
      duplicateKey: 'order.number',
      order: (name) => `input.order.${name}`,
      from: (...fields) => [{ of: 'input', fields }],
    }
  return {
    trigger: { type: 'schedule', reason: 'Once a day.', cron: '0 6 * * *', timeZone: 'Europe/Berlin' },
    input: [],
    duplicateKey: null,
    order: (name) => `steps.orders.orders[].${name}`,
    from: (...fields) => ['shop.list_orders', 'shop.get_order'].map((of) => ({ of, fields })),
  }
}

export const wantedTrigger = (how: string | undefined): Wanted['trigger'] =>
  how === 'posted' ? { type: 'webhook' } : { type: 'schedule', cron: '0 6 * * *', timeZone: 'Europe/Berlin' }
