import type { AppDefinition } from './definition.ts'

const text = (description: string) => ({ type: 'string', description }) as const
const oneOf = (description: string, ...values: string[]) =>
  ({ type: 'string', description, enum: values }) as const
const money = (description: string) => ({ type: 'number', description }) as const

/** The apps of an office: some do alike things, as apps do. */
export const officeApps: readonly AppDefinition[] = [
  {
    name: 'shop',
    about: 'A web shop: its orders.',
    resources: [
      {
        name: 'orders',
        one: 'order',
        can: ['list', 'get'],
        filters: ['status', 'email'],
        pageSize: 3,
        fields: {
          number: text('The order’s number, as its buyer knows it.'),
          status: oneOf('How far it is.', 'open', 'paid', 'payment_failed', 'refunded', 'cancelled'),
          email: text('Of the buyer.'),
          buyer_name: text('Of the buyer.'),
          total_net: money('Without tax, in units of the currency: 100.5'),
          total_gross: money('With tax, in units of the currency.'),
          currency: text('ISO 4217: EUR.'),
          lines: {
            type: 'array',
            description: 'What was bought.',
            items: {
              type: 'object',
              properties: { sku: { type: 'string' }, quantity: { type: 'integer' } },
            },
          },
        },
      },
    ],
  },
  {
    name: 'ledger',
    about: 'Bookkeeping: customers and their invoices.',
    resources: [
      {
        name: 'customers',
        one: 'customer',
        can: ['list', 'get', 'create'],
        filters: ['email'],
        required: ['email', 'name'],
        fields: { email: text('By which a customer is known.'), name: text('On the invoice.') },
      },
      {
        name: 'invoices',
        one: 'invoice',
        can: ['list', 'get', 'create', 'update'],
        filters: ['reference', 'customer_id'],
        required: ['customer_id', 'reference', 'amount_cents', 'currency'],
        defaults: { status: 'draft' },
        fields: {
          customer_id: text('Who pays.'),
          reference: text('Your own number of what is billed.'),
          amount_cents: { type: 'integer', minimum: 1, description: 'In hundredths of the currency.' },
          currency: text('ISO 4217: EUR.'),
          status: oneOf('draft: it can still be changed. sent: the customer has it.', 'draft', 'sent'),
        },
        refuse: ({ customer_id }, rows) =>
          rows('customers').some(({ id }) => id === customer_id)
            ? undefined
            : `There is no customer ${customer_id}.`,
      },
    ],
  },
  {
    name: 'crm',
    about: 'The people one does business with.',
    resources: [
      {
        name: 'contacts',
        one: 'contact',
        can: ['list', 'get', 'update'],
        filters: ['company'],
        pageSize: 3,
        fields: {
          email: text('May be empty.'),
          name: text('First and last name.'),
          company: text('Where the person works.'),
          newsletter: { type: 'boolean', description: 'The person wants the newsletter.' },
        },
      },
    ],
  },
  {
    name: 'mailing',
    about: 'Newsletters: lists and who is on them.',
    resources: [
      {
        name: 'subscribers',
        one: 'subscriber',
        can: ['list', 'create', 'update'],
        filters: ['email', 'list'],
        required: ['email', 'list'],
        fields: {
          email: text('Where the newsletter goes.'),
          name: text('How the person is greeted.'),
          list: text('The list the person is on: news, partners.'),
        },
        refuse: ({ email }) =>
          String(email).endsWith('@blocked.example') ? `${email} takes no mail.` : undefined,
      },
    ],
  },
  {
    name: 'chat',
    about: 'The team’s chat.',
    resources: [
      {
        name: 'channels',
        one: 'channel',
        can: ['list'],
        fields: { name: text('Without a hash.') },
        seed: ['finance', 'finance-us', 'support', 'sales'].map((name) => ({ name })),
      },
      {
        name: 'messages',
        one: 'message',
        can: ['create'],
        required: ['channel', 'text'],
        fields: { channel: text('Name of a channel, without a hash.'), text: text('What everybody reads.') },
        refuse: ({ channel }, rows) =>
          rows('channels').some(({ name }) => name === channel)
            ? undefined
            : `There is no channel ${channel}.`,
      },
    ],
  },
  {
    name: 'pager',
    about: 'Alerts for whoever is on duty.',
    resources: [
      {
        name: 'alerts',
        one: 'alert',
        can: ['create'],
        required: ['service', 'summary', 'severity'],
        fields: {
          service: text('What is concerned: payments, stock.'),
          summary: text('In a sentence.'),
          severity: oneOf('critical wakes somebody.', 'critical', 'warning'),
        },
      },
    ],
  },
  {
    name: 'helpdesk',
    about: 'Tickets of people who need help.',
    resources: [
      {
        name: 'tickets',
        one: 'ticket',
        can: ['list', 'get', 'create', 'update'],
        filters: ['requester_email', 'status', 'subject'],
        pageSize: 3,
        required: ['subject', 'requester_email'],
        defaults: { status: 'open', priority: 'normal' },
        fields: {
          subject: text('What it is about, in a line.'),
          body: text('What it is about.'),
          requester_email: text('Who needs help.'),
          priority: oneOf('How much it presses.', 'normal', 'high', 'urgent'),
          status: oneOf('open until it is dealt with.', 'open', 'closed'),
        },
      },
    ],
  },
  {
    name: 'stock',
    about: 'What lies in the warehouse.',
    resources: [
      {
        name: 'items',
        one: 'item',
        can: ['list', 'get', 'update'],
        filters: ['sku'],
        pageSize: 3,
        fields: {
          sku: text('The article’s number.'),
          quantity: { type: 'integer', minimum: 0, description: 'Pieces there are.' },
        },
      },
    ],
  },
]
