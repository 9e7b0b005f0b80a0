import { call, map, type Wish } from '../wish.ts'
import { ABOUT_START } from './start.ts'

const CRONS: Record<string, string> = { nightly: '30 2 * * *', hourly: '0 * * * *' }

/** Contacts become subscribers. */
export const newsletter: Wish = {
  name: 'newsletter',
  text: 'Contacts in the CRM who want the newsletter are to be subscribers in the mailing app, with email address and name. The CRM cannot call us, so they are fetched from time to time. Contacts without an email address are left out.',
  choices: [
    {
      name: 'tenancy',
      about:
        /\b(each|every|all|our|own|your|which|whose|single|one|per)\W+(\w+\W+){0,2}(customers?|tenants?|accounts?|clients?|organi[sz]ations?|compan(y|ies))|tenan|multi/i,
      question: {
        question: 'Is it for your own accounts, or for each of your customers with their own accounts?',
        why: 'Whose CRM is read.',
        options: ['Our own', 'Each customer’s'],
      },
      values: {
        organization: 'It is our own CRM and our own mailing account.',
        each_customer: 'It is for each of our customers, with the customer’s own CRM and mailing account.',
      },
    },
    {
      name: 'often',
      about: ABOUT_START,
      question: {
        question: 'How often are contacts fetched?',
        why: 'The timetable.',
        options: ['Every night', 'Every hour'],
      },
      values: {
        nightly: 'It happens once a day, at 2:30 at night UTC.',
        hourly: 'It happens every hour, on the hour.',
      },
    },
    {
      name: 'list',
      about: /\b(lists?|audiences?|segments?|groups?)\b/i,
      question: {
        question: 'Which list are they put on?',
        why: 'Subscribers are on a list.',
        options: ['news', 'partners'],
      },
      values: {
        news: 'They are put on the list called news.',
        partners: 'They are put on the list called partners.',
      },
    },
    {
      name: 'known',
      about: /already|existing|updat|overwrit|duplicat|chang|sync|again/i,
      question: {
        question: 'What happens with a person who is a subscriber already?',
        why: 'Whether subscribers are changed.',
        options: ['Left alone', 'Updated'],
      },
      values: {
        leave: 'Who is a subscriber already is left alone.',
        update: 'Who is a subscriber already gets the name that the CRM has.',
      },
    },
    {
      name: 'refused',
      about: /refus|fail|invalid|reject|errors?\b|bounc|wrong|not accept/i,
      question: {
        question: 'When the mailing app refuses an address: go on with the others, or stop?',
        why: 'What a failure does to the rest.',
        options: ['Go on', 'Stop'],
      },
      values: {
        go_on: 'When the mailing app refuses an address, that is noted and the others go on.',
        stop: 'When the mailing app refuses an address, the run stops there and fails.',
      },
    },
  ],
  plan(chosen) {
    const updates = chosen.known === 'update'
    return {
      title: 'Newsletter readers from the CRM',
      slug: 'newsletter-readers',
      summary: 'Contacts who want the newsletter become subscribers.',
      trigger: {
        ...{ type: 'schedule', reason: 'The CRM cannot call.', timeZone: 'UTC' },
        cron: CRONS[chosen.often ?? ''] ?? '',
      },
      tenancy: chosen.tenancy === 'each_customer' ? 'each_customer' : 'organization',
      input: [],
      actions: [
        call('contacts', 'crm.list_contacts', 'All of them, page by page.'),
        call('known', 'mailing.list_subscribers', 'Is the person a subscriber?'),
        call(
          'subscribe',
          'mailing.create_subscriber',
          'Who is none yet.',
          chosen.refused === 'go_on' ? 'skip' : 'halt',
        ),
        ...(updates ? [call('rename', 'mailing.update_subscriber', 'Who is one already.')] : []),
      ],
      mappings: [
        map('known', 'email', 'steps.contacts.contacts[].email'),
        map('known', 'list', { fixed: chosen.list ?? '' }),
        map('subscribe', 'email', 'steps.contacts.contacts[].email'),
        map('subscribe', 'name', 'steps.contacts.contacts[].name'),
        map('subscribe', 'list', { fixed: chosen.list ?? '' }),
        ...(updates
          ? [
              map('rename', 'id', 'steps.known.subscribers[].id'),
              map('rename', 'name', 'steps.contacts.contacts[].name'),
            ]
          : []),
      ],
      rules: ['Only contacts who want the newsletter and have an email address.'],
      duplicates: 'By email address and list.',
      duplicateKey: null,
      failures: 'What the CRM refuses fails the run.',
      acceptance: ['Everybody who wants the newsletter is on the list once.'],
    }
  },
  wanted(chosen) {
    const contact = (...fields: string[]) =>
      ['crm.list_contacts', 'crm.get_contact'].map((of) => ({ of, fields }))
    const updates = chosen.known === 'update'
    return {
      trigger: { type: 'schedule', cron: CRONS[chosen.often ?? ''] ?? '', timeZone: 'UTC' },
      tenancy: chosen.tenancy === 'each_customer' ? 'each_customer' : 'organization',
      writes: ['mailing.create_subscriber', ...(updates ? ['mailing.update_subscriber'] : [])],
      reads: ['crm.list_contacts', ...(updates ? ['mailing.list_subscribers'] : [])],
      fields: [
        { action: 'mailing.create_subscriber', target: 'email', from: contact('email') },
        { action: 'mailing.create_subscriber', target: 'name', from: contact('name') },
        { action: 'mailing.create_subscriber', target: 'list', fixed: chosen.list ?? '' },
        ...(updates
          ? [
              {
                ...{ action: 'mailing.update_subscriber', target: 'id' },
                from: [{ of: 'mailing.list_subscribers', fields: ['id'] }],
              },
              { action: 'mailing.update_subscriber', target: 'name', from: contact('name') },
            ]
          : []),
      ],
      onFailure: [{ action: 'mailing.create_subscriber', is: chosen.refused === 'go_on' ? 'skip' : 'halt' }],
    }
  },
}
