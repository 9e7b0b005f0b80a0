import type { WorkflowTask } from './task.ts'

const code = `/** Puts contacts who want the newsletter on the list, once. */
export default async (ctx) => {
  const { crm, mailing } = ctx.connectors
  const done = { created: 0, skipped: 0, errors: 0 }
  for await (const { email, name, newsletter } of crm.list_contacts.items({})) {
    if (newsletter !== true || !email) {
      done.skipped += 1
      continue
    }
    const { subscribers } = await mailing.list_subscribers({ email, list: 'news' })
    if (subscribers.length > 0) {
      done.skipped += 1
      continue
    }
    try {
      await mailing.create_subscriber({ email, name, list: 'news' })
      done.created += 1
    } catch (error) {
      ctx.log.warn(email, error.message)
      done.errors += 1
    }
  }
  return done
}
`

/** A timetable, and a list in pages. */
export const newsletter: WorkflowTask = {
  name: 'newsletter',
  kind: 'timetable, lists in pages',
  request:
    'Every day at 5:30 in the morning in Berlin (Europe/Berlin), all contacts in our CRM who want the newsletter are to be on the list news of our mailing app, with email address and name. Contacts without an email address are left out. Who is on the list already stays as he is: nobody is on it twice. When the mailing app refuses an address, the others still get on the list, and the run counts as completed. When the CRM cannot be read to the end, the run fails; the next one makes up for it.',
  trigger: { type: 'scheduler', daily: { time: '05:30', timeZone: 'Europe/Berlin' } },
  owner: 'own',
  code,
  tests(fresh) {
    const contact = (who: string, more: object = {}) => ({
      ...{ email: `${fresh(who)}@example.com`, name: who, company: 'Acme', newsletter: true, ...more },
    })
    const on = (who: string, more: object = {}) => ({
      ...{ email: `${fresh(who)}@example.com`, name: who, list: 'news', ...more },
    })
    const many = Array.from({ length: 8 }, (_, number) => `many${number}`)
    return [
      {
        promise: 'everybody who wants it is on the list, from all pages',
        given: { 'crm.contacts': many.map((who) => contact(who)) },
        arrives: [null],
        after: { 'mailing.subscribers': many.map((who) => on(who)) },
      },
      {
        promise: 'who does not want it, or has no address, is not on it',
        given: {
          'crm.contacts': [
            ...[contact('no', { newsletter: false }), contact('unasked', { newsletter: undefined })],
            ...[contact('empty', { email: '' }), contact('none', { email: undefined }), contact('yes')],
          ],
        },
        arrives: [null],
        after: { 'mailing.subscribers': [on('yes')] },
      },
      {
        promise: 'who is on it stays as he is, however often it runs; another list is another matter',
        given: {
          'crm.contacts': [contact('known'), contact('partner'), contact('late')],
          'mailing.subscribers': [on('known', { name: 'as it was' }), on('partner', { list: 'partners' })],
        },
        arrives: [null, null],
        after: {
          'mailing.subscribers': [
            ...[on('known', { name: 'as it was' }), on('partner', { list: 'partners' })],
            ...[on('partner'), on('late')],
          ],
        },
      },
      {
        promise: 'nobody there is no failure',
        arrives: [null],
        after: {},
      },
      {
        promise: 'a refused address does not keep the others off',
        given: {
          'crm.contacts': [
            ...[contact('first'), contact('bad', { email: `${fresh('bad')}@blocked.example` })],
            ...[contact('third'), contact('fourth'), contact('fifth')],
          ],
        },
        arrives: [null],
        after: { 'mailing.subscribers': ['first', 'third', 'fourth', 'fifth'].map((who) => on(who)) },
      },
      {
        promise:
          'a CRM that breaks off on the way is not taken for the end of its list; the next run makes up for it',
        given: { 'crm.contacts': many.map((who) => contact(`again-${who}`)) },
        faults: [{ app: 'crm', method: 'GET', resource: 'contacts', after: 1, times: 1, answer: 500 }],
        arrives: [null, null],
        ends: ['failed', 'completed'],
        after: { 'mailing.subscribers': many.map((who) => on(`again-${who}`)) },
      },
    ]
  },
}
