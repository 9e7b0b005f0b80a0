import { call, map, type Wish } from '../wish.ts'
import { start, started, wantedTrigger } from './start.ts'

/** A payment that failed becomes a ticket. */
export const payments: Wish = {
  name: 'payments',
  text: 'When the payment of an order of our shop fails (its status is then payment_failed), there is to be a ticket in our helpdesk for the buyer’s email address, with the number of the order in its subject.',
  choices: [
    start,
    {
      name: 'open',
      about:
        /already|existing|open ticket|each (time|failure|order)|again|second|duplicat|repeat|several|more than one|multiple/i,
      question: {
        question: 'What if the buyer has an open ticket already?',
        why: 'Whether tickets are looked up and changed.',
        options: ['A new one', 'Raise the open one'],
      },
      values: {
        another: 'Each failed payment gets a ticket of its own, whatever tickets the buyer has.',
        raise:
          'When the buyer has an open ticket, that one is raised to the priority urgent, and no new one made.',
      },
    },
    {
      name: 'priority',
      about: /priorit|urgen|importan|severity|press/i,
      question: {
        question: 'Of which priority are the tickets?',
        why: 'A fixed value.',
        options: ['normal', 'high'],
      },
      values: {
        normal: 'New tickets have the priority normal.',
        high: 'New tickets have the priority high.',
      },
    },
    {
      name: 'tell',
      about: /\bchat|notif|inform|\btold\b|\btell\b|besides|anything else|in addition|\balso\b|channel/i,
      question: {
        question: 'Is anybody told in the chat besides?',
        why: 'There is a chat.',
        options: ['No', 'Channel support'],
      },
      values: {
        nobody: 'Nobody is told in the chat.',
        support: 'The channel support of the chat is told of each new ticket.',
      },
    },
  ],
  plan(chosen) {
    const { trigger, input, duplicateKey, order } = started(chosen.start)
    const nightly = chosen.start === 'nightly'
    const raises = chosen.open === 'raise'
    const tells = chosen.tell === 'support'
    return {
      title: 'Ticket for a failed payment',
      slug: 'failed-payment-ticket',
      summary: 'A failed payment becomes a ticket.',
      ...{ trigger, tenancy: 'organization', input },
      actions: [
        ...(nightly ? [call('orders', 'shop.list_orders', 'Those whose payment failed.')] : []),
        ...(raises
          ? [
              call('open', 'helpdesk.list_tickets', 'Has the buyer an open one?'),
              call('raise', 'helpdesk.update_ticket', 'If so.'),
            ]
          : []),
        call('ticket', 'helpdesk.create_ticket', raises ? 'If not.' : 'A new one.'),
        ...(tells ? [call('tell', 'chat.create_message', 'Of a new ticket.')] : []),
      ],
      mappings: [
        ...(nightly ? [map('orders', 'status', { fixed: 'payment_failed' })] : []),
        ...(raises
          ? [
              map('open', 'requester_email', order('email')),
              map('open', 'status', { fixed: 'open' }),
              map('raise', 'id', 'steps.open.tickets[].id', 'the first one'),
              map('raise', 'priority', { fixed: 'urgent' }),
            ]
          : []),
        map('ticket', 'subject', order('number'), 'in a sentence'),
        map('ticket', 'requester_email', order('email')),
        map('ticket', 'priority', { fixed: chosen.priority ?? '' }),
        ...(tells
          ? [
              map('tell', 'channel', { fixed: 'support' }),
              map('tell', 'text', order('number'), 'in a sentence'),
            ]
          : []),
      ],
      rules: ['Only orders whose status is payment_failed.'],
      duplicates: 'By the number of the order, which is remembered.',
      duplicateKey,
      failures: 'The run fails, and is replayed.',
      acceptance: ['Every failed payment is in a ticket.'],
    }
  },
  wanted(chosen) {
    const { from: order } = started(chosen.start)
    const raises = chosen.open === 'raise'
    const tells = chosen.tell === 'support'
    const priority = { action: 'helpdesk.create_ticket', target: 'priority', fixed: chosen.priority ?? '' }
    return {
      trigger: wantedTrigger(chosen.start),
      tenancy: 'organization',
      writes: [
        'helpdesk.create_ticket',
        ...(raises ? ['helpdesk.update_ticket'] : []),
        ...(tells ? ['chat.create_message'] : []),
      ],
      reads: [
        ...(chosen.start === 'nightly' ? ['shop.list_orders'] : []),
        ...(raises ? ['helpdesk.list_tickets'] : []),
      ],
      fields: [
        { action: 'helpdesk.create_ticket', target: 'requester_email', from: order('email') },
        { action: 'helpdesk.create_ticket', target: 'subject', from: order('number') },
        chosen.priority === 'normal' ? { ...priority, orLeftOut: true as const } : priority,
        ...(raises
          ? [
              { action: 'helpdesk.update_ticket', target: 'priority', fixed: 'urgent' },
              {
                ...{ action: 'helpdesk.update_ticket', target: 'id' },
                from: [{ of: 'helpdesk.list_tickets', fields: ['id'] }],
              },
            ]
          : []),
        ...(tells ? [{ action: 'chat.create_message', target: 'channel', fixed: 'support' }] : []),
      ],
    }
  },
}
