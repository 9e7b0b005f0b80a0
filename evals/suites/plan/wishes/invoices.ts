import { call, map, type Wish } from '../wish.ts'
import { start, started, wantedTrigger } from './start.ts'

const isNightly = (how: string | undefined) => how === 'nightly'

/** Paid orders become invoices. */
export const invoices: Wish = {
  name: 'invoices',
  text: 'For every paid order of our shop there is to be one invoice in our ledger, for the ledger’s customer with the buyer’s email address. Its reference is the number of the order, its currency the order’s. Orders that are not paid get none, and none gets two.',
  choices: [
    start,
    {
      name: 'amount',
      about: /\b(net|gross|tax|taxes|vat|amounts?|totals?|price)\b/i,
      question: {
        question: 'Is the invoice over the net or the gross total?',
        why: 'Orders have both.',
        options: ['Gross', 'Net'],
      },
      values: {
        gross: 'Invoices are over the gross total.',
        net: 'Invoices are over the net total; the ledger puts the tax on top.',
      },
    },
    {
      name: 'unknown',
      about:
        /unknown|no (matching |such )?(customer|match)|(not|n.t) (yet )?(known?|exist|there|found|in the ledger|have)|missing|new (buyer|customer)|creat\w* (a |an |the |new |missing )*customer|first.?time/i,
      question: {
        question: 'What happens with an order of a buyer whom the ledger does not know?',
        why: 'Invoices need a customer.',
        options: ['Make the customer', 'Fail'],
      },
      values: {
        create: 'A buyer whom the ledger does not know is made a customer there, with name and address.',
        fail: 'For a buyer whom the ledger does not know it must fail; only people make customers.',
      },
    },
    {
      name: 'status',
      about: /\bdrafts?\b|\bsent\b|\bsend|review|finali[sz]|issued?\b|approv/i,
      question: {
        question: 'Are invoices drafts for somebody to look at, or sent at once?',
        why: 'The status they are made with.',
        options: ['Draft', 'Sent'],
      },
      values: {
        draft: 'Invoices are made as drafts, for somebody to look at.',
        sent: 'Invoices are made with the status sent: nobody looks at them first.',
      },
    },
  ],
  plan(chosen) {
    const { trigger, input, duplicateKey, order } = started(chosen.start)
    const creates = chosen.unknown === 'create'
    return {
      title: 'Invoice for every paid order',
      slug: 'invoice-paid-orders',
      summary: 'Every paid order of the shop gets one invoice in the ledger.',
      ...{ trigger, tenancy: 'organization', input },
      actions: [
        ...(isNightly(chosen.start) ? [call('orders', 'shop.list_orders', 'The paid orders.')] : []),
        call('invoiced', 'ledger.list_invoices', 'Is it invoiced already?'),
        call('buyer', 'ledger.list_customers', 'Who pays.'),
        ...(creates
          ? [call('new_buyer', 'ledger.create_customer', 'Only if the ledger does not know the buyer.')]
          : []),
        call('invoice', 'ledger.create_invoice', 'If there is none.'),
      ],
      mappings: [
        ...(isNightly(chosen.start) ? [map('orders', 'status', { fixed: 'paid' })] : []),
        map('invoiced', 'reference', order('number')),
        map('buyer', 'email', order('email')),
        ...(creates
          ? [map('new_buyer', 'email', order('email')), map('new_buyer', 'name', order('buyer_name'))]
          : []),
        map('invoice', 'customer_id', 'steps.buyer.customers[].id', 'the one found or made'),
        map('invoice', 'reference', order('number')),
        map('invoice', 'amount_cents', order(`total_${chosen.amount}`), 'times 100, rounded'),
        map('invoice', 'currency', order('currency')),
        map('invoice', 'status', { fixed: chosen.status ?? '' }),
      ],
      rules: ['Only orders whose status is paid.'],
      duplicates: 'By the number of the order, which is the reference of its invoice.',
      duplicateKey,
      failures: 'The run fails, and is replayed.',
      acceptance: ['Every paid order has exactly one invoice.'],
    }
  },
  wanted(chosen) {
    const { from: order } = started(chosen.start)
    const creates = chosen.unknown === 'create'
    return {
      trigger: wantedTrigger(chosen.start),
      tenancy: 'organization',
      writes: ['ledger.create_invoice', ...(creates ? ['ledger.create_customer'] : [])],
      reads: ['ledger.list_customers', ...(isNightly(chosen.start) ? ['shop.list_orders'] : [])],
      fields: [
        { action: 'ledger.list_customers', target: 'email', from: order('email') },
        {
          ...{ action: 'ledger.create_invoice', target: 'customer_id' },
          from: [
            { of: 'ledger.list_customers', fields: ['id'] },
            { of: 'ledger.create_customer', fields: ['id'] },
          ],
        },
        { action: 'ledger.create_invoice', target: 'reference', from: order('number') },
        {
          ...{ action: 'ledger.create_invoice', target: 'amount_cents', changed: true },
          from: order(`total_${chosen.amount}`),
        },
        { action: 'ledger.create_invoice', target: 'currency', from: order('currency') },
        {
          ...{ action: 'ledger.create_invoice', target: 'status', fixed: chosen.status ?? '' },
          ...(chosen.status === 'draft' ? { orLeftOut: true as const } : {}),
        },
        ...(creates
          ? [
              { action: 'ledger.create_customer', target: 'email', from: order('email') },
              { action: 'ledger.create_customer', target: 'name', from: order('buyer_name') },
            ]
          : []),
      ],
    }
  },
}
