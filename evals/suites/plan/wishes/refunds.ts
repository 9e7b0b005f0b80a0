import { call, field, map, type Wish } from '../wish.ts'

/** Somebody is told of a refund. */
export const refunds: Wish = {
  name: 'refunds',
  text: 'When an order of our shop is refunded, the people concerned are to know, with number and amount. The shop posts every refund the moment it is made, as {"refund": {"order": "1001", "amount": 120.5, "email": "ada@example.com", "reason": "broken"}}. It is our own shop.',
  choices: [
    {
      name: 'where',
      about:
        /\b(where|who|whom|people|concerned|chat|channels?|pager|alert(ed)?|notif\w+|informed|told|which (app|tool|place))\b/i,
      question: {
        question: 'Where are they told: in the chat (which channel?), or by the pager (which service?)',
        why: 'There is a chat and a pager.',
        options: ['Chat, channel finance', 'Pager'],
      },
      values: {
        finance: 'They read it in the chat, in the channel finance.',
        support: 'They read it in the chat, in the channel support.',
        pager: 'They get an alert of the pager, for the service payments, with the severity warning.',
      },
    },
    {
      name: 'from',
      about:
        /threshold|minimum|at least|how (large|big|much|high)|above|below|over\b|small|large|amount|every refund|all refunds|which refunds|limit/i,
      question: {
        question: 'From which amount on? Every refund, or only large ones?',
        why: 'A rule of the plan.',
        options: ['100', '500'],
      },
      values: {
        '100': 'Only refunds of 100 and more count.',
        '500': 'Only refunds of 500 and more count.',
        '750': 'Only refunds of 750 and more count.',
      },
    },
    {
      name: 'ticket',
      about: /ticket|helpdesk|follow.?up|anything else|besides|in addition|also|buyer/i,
      question: {
        question: 'Besides, is there to be a ticket in the helpdesk for the buyer?',
        why: 'There is a helpdesk.',
        options: ['No', 'Yes'],
      },
      values: {
        none: 'Nothing else happens: no ticket.',
        made: 'Besides, a ticket is made in the helpdesk, for the buyer’s email address, of priority high.',
      },
    },
  ],
  plan(chosen) {
    const pager = chosen.where === 'pager'
    const ticket = chosen.ticket === 'made'
    return {
      title: 'News of refunds',
      slug: 'refund-news',
      summary: 'Who is concerned is told of refunds.',
      trigger: { type: 'webhook', reason: 'The shop posts refunds.', cron: null, timeZone: 'UTC' },
      tenancy: 'organization',
      input: [
        field('refund.order', 'string', '1001'),
        field('refund.amount', 'number', '120.5'),
        field('refund.email', 'string', 'ada@example.com'),
      ],
      actions: [
        call('tell', pager ? 'pager.create_alert' : 'chat.create_message', 'They are told.'),
        ...(ticket ? [call('ticket', 'helpdesk.create_ticket', 'For the buyer.')] : []),
      ],
      mappings: [
        ...(pager
          ? [
              map('tell', 'service', { fixed: 'payments' }),
              map('tell', 'severity', { fixed: 'warning' }),
              map('tell', 'summary', 'input.refund.order', 'order and amount in a sentence'),
            ]
          : [
              map('tell', 'channel', { fixed: chosen.where ?? '' }),
              map('tell', 'text', 'input.refund.order', 'order and amount in a sentence'),
            ]),
        ...(ticket
          ? [
              map('ticket', 'subject', 'input.refund.order', 'in a sentence'),
              map('ticket', 'requester_email', 'input.refund.email'),
              map('ticket', 'priority', { fixed: 'high' }),
            ]
          : []),
      ],
      rules: [`Only refunds of ${chosen.from} and more.`],
      duplicates: 'By the number of the order.',
      duplicateKey: 'refund.order',
      failures: 'The run fails, and is replayed.',
      acceptance: ['Every large refund is told of once.'],
    }
  },
  wanted(chosen) {
    const pager = chosen.where === 'pager'
    const ticket = chosen.ticket === 'made'
    const refund = (...fields: string[]) => [{ of: 'input', fields }]
    return {
      trigger: { type: 'webhook' },
      tenancy: 'organization',
      writes: [
        pager ? 'pager.create_alert' : 'chat.create_message',
        ...(ticket ? ['helpdesk.create_ticket'] : []),
      ],
      reads: [],
      fields: [
        ...(pager
          ? [
              { action: 'pager.create_alert', target: 'service', fixed: 'payments' },
              { action: 'pager.create_alert', target: 'severity', fixed: 'warning' },
              {
                ...{ action: 'pager.create_alert', target: 'summary' },
                from: refund('order', 'amount', 'refund'),
              },
            ]
          : [
              { action: 'chat.create_message', target: 'channel', fixed: chosen.where ?? '' },
              {
                ...{ action: 'chat.create_message', target: 'text' },
                from: refund('order', 'amount', 'refund'),
              },
            ]),
        ...(ticket
          ? [
              { action: 'helpdesk.create_ticket', target: 'requester_email', from: refund('email') },
              { action: 'helpdesk.create_ticket', target: 'priority', fixed: 'high' },
            ]
          : []),
      ],
      names: [chosen.from ?? ''],
      namesNot: ['100', '500', '750'].filter((one) => one !== chosen.from),
    }
  },
}
