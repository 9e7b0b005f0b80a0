import { posted, type WorkflowTask } from './task.ts'

const EXAMPLE = { ticket: { id: 't-1', subject: 'Nothing works', email: 'ada@example.com', urgent: true } }

const code = `/** An urgent request becomes an urgent ticket of the person, new or raised. */
export default async (ctx) => {
  const { ticket } = ctx.input
  if (!ticket.urgent) return { created: 0, updated: 0, skipped: 1, errors: 0 }
  const { helpdesk } = ctx.connectors
  for await (const one of helpdesk.list_tickets.items({ requester_email: ticket.email, status: 'open' })) {
    if (one.subject !== ticket.subject) continue
    if (one.priority !== 'urgent') await helpdesk.update_ticket({ id: one.id, priority: 'urgent' })
    return { created: 0, updated: 1, skipped: 0, errors: 0, ticket: one.id }
  }
  const made = await helpdesk.create_ticket({
    subject: ticket.subject,
    requester_email: ticket.email,
    priority: 'urgent',
  })
  return { created: 1, updated: 0, skipped: 0, errors: 0, ticket: made.id }
}
`

/** For one customer, with the customer's own account. */
export const urgent: WorkflowTask = {
  name: 'urgent',
  kind: 'for a customer, changes what is there',
  request: `For our customer acme, with acme's own accounts: when an urgent request comes in, acme's helpdesk has an open ticket of priority urgent with its subject, for the requester's email address. When that person has an open ticket with exactly this subject already, it is raised to urgent, and no new one made; else a new one is made. Tickets that are closed, of other people or with other subjects stay as they are. Requests that are not urgent do nothing. ${posted(EXAMPLE)}`,
  trigger: { type: 'webhook' },
  owner: 'acme',
  code,
  tests(fresh) {
    const request = (subject: string, more: object = {}) => ({
      ticket: { ...EXAMPLE.ticket, id: fresh(subject), subject: fresh(subject), ...more },
    })
    const ticket = (subject: string, more: object = {}) => ({
      ...{ subject: fresh(subject), requester_email: 'ada@example.com', status: 'open', priority: 'urgent' },
      ...more,
    })
    const others = ['a', 'b', 'c', 'd'].map((name) => ticket(name, { priority: 'normal' }))
    return [
      {
        promise: 'an urgent request becomes a ticket of this customer, and of nobody else',
        arrives: [request('new')],
        after: { 'helpdesk.tickets': [ticket('new')] },
      },
      {
        promise: 'an open ticket with the subject is raised, wherever in the list it is',
        given: { 'helpdesk.tickets': [...others, ticket('known', { priority: 'high', body: 'as it was' })] },
        arrives: [request('known'), request('known')],
        after: { 'helpdesk.tickets': [...others, ticket('known', { body: 'as it was' })] },
      },
      {
        promise: 'closed tickets, and those of others, stay as they are',
        given: {
          'helpdesk.tickets': [
            ticket('closed', { status: 'closed', priority: 'normal' }),
            ticket('closed', { requester_email: 'grace@example.com', priority: 'normal' }),
          ],
        },
        arrives: [request('closed')],
        after: {
          'helpdesk.tickets': [
            ticket('closed', { status: 'closed', priority: 'normal' }),
            ticket('closed', { requester_email: 'grace@example.com', priority: 'normal' }),
            ticket('closed'),
          ],
        },
      },
      {
        promise: 'a request that is not urgent does nothing',
        given: { 'helpdesk.tickets': [ticket('calm', { priority: 'normal' })] },
        arrives: [request('calm', { urgent: false }), request('other', { urgent: false })],
        after: { 'helpdesk.tickets': [ticket('calm', { priority: 'normal' })] },
      },
      {
        promise: 'a ticket whose answer got lost is not made again',
        faults: [{ app: 'helpdesk', method: 'POST', resource: 'tickets', times: 1, answer: 'lost' }],
        arrives: [request('lost')],
        replayed: true,
        after: { 'helpdesk.tickets': [ticket('lost')] },
      },
    ]
  },
}
