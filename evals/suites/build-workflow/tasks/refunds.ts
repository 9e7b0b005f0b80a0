import { posted, type WorkflowTask } from './task.ts'

const EXAMPLE = { refund: { id: 'r-1', order: '1001', amount: 512.5, currency: 'EUR' } }

const code = `/** Tells finance of large refunds, once each. */
const FROM = 500
export default async (ctx) => {
  const { refund } = ctx.input
  if (typeof refund?.amount !== 'number') throw new Error('The refund has no amount.')
  if (refund.amount < FROM) return { created: 0, skipped: 1, errors: 0, reason: 'small' }
  if (await ctx.db.get('refunds', refund.id)) return { created: 0, skipped: 1, errors: 0, reason: 'told already' }
  await ctx.connectors.chat.create_message({
    channel: refund.currency === 'USD' ? 'finance-us' : 'finance',
    text: \`Refund of \${refund.amount.toFixed(2)} \${refund.currency} for order \${refund.order}\`,
  })
  await ctx.db.put('refunds', refund.id, { told: true })
  return { created: 1, skipped: 0, errors: 0 }
}
`

/** The app cannot be asked whether it was told: the workflow has to remember. */
export const refunds: WorkflowTask = {
  name: 'refunds',
  kind: 'webhook, remembers',
  request: `When an order of our shop is refunded with 500 or more, our chat is told of it, in the channel finance; refunds in USD in the channel finance-us in place of it. The text is exactly this, the amount with two decimals: Refund of 512.50 EUR for order 1001. Smaller refunds do nothing. A refund may be posted several times, also at the same moment, and is known by its id: it is told of once. A refund without an amount must fail, for a person to see. When the chat fails, the run fails too; we run it again later, and then the chat is told. ${posted(EXAMPLE)}`,
  trigger: { type: 'webhook' },
  owner: 'own',
  code,
  concurrency: { limit: 1, key: 'input.refund.id', hold: 'until_ended' },
  tests(fresh) {
    const refund = (id: string, more: object = {}) => ({
      refund: { ...EXAMPLE.refund, id: fresh(id), ...more },
    })
    const message = (text: string, channel = 'finance') => ({ channel, text })
    const plain = message('Refund of 512.50 EUR for order 1001')
    return [
      {
        promise: 'a large refund is told of, word for word',
        arrives: [refund('plain'), refund('round', { amount: 700, order: '1002' })],
        after: { 'chat.messages': [plain, message('Refund of 700.00 EUR for order 1002')] },
      },
      {
        promise: '500 is large, and what is less is not',
        arrives: [refund('edge', { amount: 500 }), refund('small', { amount: 499.99 })],
        after: { 'chat.messages': [message('Refund of 500.00 EUR for order 1001')] },
      },
      {
        promise: 'refunds in USD are told of elsewhere',
        arrives: [refund('usd', { currency: 'USD' })],
        after: { 'chat.messages': [message('Refund of 512.50 USD for order 1001', 'finance-us')] },
      },
      {
        promise: 'the same refund once more is not told of, another of the same order is',
        arrives: [refund('twice'), refund('twice'), refund('another')],
        after: { 'chat.messages': [plain, plain] },
      },
      {
        promise: 'the same refund at the same moment is told of once',
        faults: [{ app: 'chat', method: 'POST', resource: 'messages', answer: 'late' }],
        arrives: [refund('at-once'), refund('at-once'), refund('at-once')],
        together: true,
        after: { 'chat.messages': [plain] },
      },
      {
        promise: 'a refund without an amount fails',
        arrives: [refund('poor', { amount: undefined })],
        ends: ['failed'],
        after: {},
      },
      {
        promise: 'what the chat did not take is told of when the run is repeated',
        faults: [{ app: 'chat', method: 'POST', resource: 'messages', times: 1, answer: 503 }],
        arrives: [refund('down')],
        replayed: true,
        after: { 'chat.messages': [plain] },
      },
    ]
  },
}
