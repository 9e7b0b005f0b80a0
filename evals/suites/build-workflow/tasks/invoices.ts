import type { Row } from '../../../environments/apps/definition.ts'
import { posted, type WorkflowTask } from './task.ts'

const EXAMPLE = {
  order: {
    ...{ number: '1001', status: 'paid', email: 'ada@example.com', buyer_name: 'Ada' },
    ...{ total_gross: 119.6, currency: 'EUR' },
  },
}

const code = `/** Makes the invoice of a paid order, once. */
export default async (ctx) => {
  const { order } = ctx.input
  if (order.status !== 'paid') return { created: 0, skipped: 1, errors: 0, reason: 'not paid' }
  if (!order.email) throw new Error('The order has no email address.')
  const { ledger } = ctx.connectors
  const { invoices } = await ledger.list_invoices({ reference: order.number })
  if (invoices.length > 0) return { created: 0, skipped: 1, errors: 0, reason: 'invoiced already' }
  const { customers } = await ledger.list_customers({ email: order.email })
  const customer = customers[0] ?? (await ledger.create_customer({ email: order.email, name: order.buyer_name }))
  const invoice = await ledger.create_invoice({
    customer_id: customer.id,
    reference: order.number,
    amount_cents: Math.round(order.total_gross * 100),
    currency: order.currency ?? 'EUR',
    status: 'sent',
  })
  return { created: 1, skipped: 0, errors: 0, invoiceId: invoice.id }
}
`

/** An order that is paid becomes an invoice. */
export const invoices: WorkflowTask = {
  name: 'invoices',
  kind: 'webhook, looks things up',
  request: `When an order of our shop is paid, the ledger gets one invoice for it: over the gross total, in the order's currency (EUR where the order says none), with the order's number as reference and the status sent. It is addressed to the ledger's customer with the buyer's email address; a buyer whom the ledger does not know is made a customer there first, with name and address. Orders with another status do nothing. An order may be posted several times, also at the same moment, and an order that is changed later is posted again: it never gets a second invoice. An order without an email address must fail, for a person to see. When the ledger fails, the run fails too; we run it again later, and then too there is one invoice. It is for our own accounts. ${posted(EXAMPLE)}`,
  trigger: { type: 'webhook' },
  owner: 'own',
  code,
  concurrency: { limit: 1, key: 'input.order.number', hold: 'until_ended' },
  tests(fresh) {
    const order = (number: string, more: Row = {}) => ({
      order: { ...EXAMPLE.order, number, ...more },
    })
    const ada = { id: 'c_ada', email: 'ada@example.com', name: 'Ada' }
    const grace = { id: 'c_grace', email: 'grace@example.com', name: 'Grace' }
    const given = { 'ledger.customers': [ada, grace] }
    const invoice = (reference: string, amount_cents: number, more: Row = {}) => ({
      ...{ customer_id: ada.id, reference, amount_cents, currency: 'EUR', status: 'sent', ...more },
    })
    return [
      {
        promise: 'a paid order becomes one invoice, to the cent',
        given,
        arrives: [
          order(fresh('plain'), { total_gross: 19.99 }),
          order(fresh('other'), { email: grace.email, total_gross: 1.1, currency: 'USD' }),
        ],
        after: {
          'ledger.invoices': [
            invoice(fresh('plain'), 1999),
            invoice(fresh('other'), 110, { customer_id: grace.id, currency: 'USD' }),
          ],
        },
      },
      {
        promise: 'the same order once more gets no second invoice',
        given,
        arrives: [order(fresh('twice')), order(fresh('twice')), order(fresh('twice'), { total_gross: 120 })],
        after: { 'ledger.invoices': [invoice(fresh('twice'), 11960)] },
      },
      {
        promise: 'the same order at the same moment gets one invoice',
        given,
        faults: [{ app: 'ledger', method: 'GET', resource: 'invoices', answer: 'late' }],
        arrives: [order(fresh('at-once')), order(fresh('at-once')), order(fresh('at-once'))],
        together: true,
        after: { 'ledger.invoices': [invoice(fresh('at-once'), 11960)] },
      },
      {
        promise: 'an order that is not paid gets none',
        given,
        arrives: [
          order(fresh('unpaid'), { status: 'open' }),
          order(fresh('unpaid'), { status: 'cancelled' }),
        ],
        after: {},
      },
      {
        promise: 'an order that is paid later gets its invoice then',
        given,
        arrives: [order(fresh('later'), { status: 'open' }), order(fresh('later'))],
        after: { 'ledger.invoices': [invoice(fresh('later'), 11960)] },
      },
      {
        promise: 'without a currency it is EUR',
        given,
        arrives: [order(fresh('poor'), { currency: undefined })],
        after: { 'ledger.invoices': [invoice(fresh('poor'), 11960)] },
      },
      {
        promise: 'a buyer whom the ledger does not know is made a customer',
        arrives: [order(fresh('unknown'), { email: 'new@example.com', buyer_name: 'New' })],
        after: {
          'ledger.customers': [{ email: 'new@example.com', name: 'New' }],
          'ledger.invoices': [invoice(fresh('unknown'), 11960, { customer_id: 'cus_1' })],
        },
      },
      {
        promise: 'an order without an email address fails and makes nothing',
        given,
        arrives: [order(fresh('nobody'), { email: undefined })],
        ends: ['failed'],
        after: {},
      },
      {
        promise: 'what the ledger refuses in passing is there after the run is repeated',
        given,
        faults: [{ app: 'ledger', method: 'POST', resource: 'invoices', times: 1, answer: 503 }],
        arrives: [order(fresh('down'))],
        replayed: true,
        after: { 'ledger.invoices': [invoice(fresh('down'), 11960)] },
      },
      {
        promise: 'an invoice whose answer got lost is not made again',
        given,
        faults: [{ app: 'ledger', method: 'POST', resource: 'invoices', times: 1, answer: 'lost' }],
        arrives: [order(fresh('lost'))],
        replayed: true,
        after: { 'ledger.invoices': [invoice(fresh('lost'), 11960)] },
      },
    ]
  },
}
