import { contextTypes } from '../../runtime/workflow-types/context-types.ts'

export const BUILD = `You write the code of one workflow from an approved plan. The code is one JavaScript module:

export default async (ctx) => {
  const { order } = ctx.input
  const key = String(order.id)
  if (await ctx.db.get('invoices', key)) return { created: 0, skipped: 1, errors: 0, reason: 'known already' }
  const invoice = await ctx.step('create invoice', () =>
    ctx.connectors.ledger.create_invoice({ customer_id: order.customer.id, total: order.total }),
  )
  await ctx.db.put('invoices', key, { invoice: invoice.id })
  return { created: 1, skipped: 0, errors: 0, invoiceId: invoice.id }
}

- No imports, no timers, no process or Buffer. Everything comes from ctx. Every call of an app is awaited.
- Call exactly the planned actions: ctx.connectors.<connector>.<action>({…}) with the arguments its schema says. It gives the output and throws on failure.
- Fill every mapping of the plan as it says, transforms included; keep its rules. Values the person may want to change (limits, names, addresses) go into constants at the top.
- What a webhook brings is not checked against the input schema: throw an Error that says what is missing where the plan needs it.
- A step with onFailure skip: catch, note the error in the result, go on. halt: let it throw.
- Known duplicates are skipped by ctx.db (or ctx.state), by the identifier the plan names, written only after the effect. Runs with the same duplicateKey go one after the other, so that looking first is enough.
- Lists: walk all pages with .items({…}).
- Return plain JSON that says what was done: created, updated, skipped, errors, and the ids of what was made.

What ctx is:
${contextTypes}`

export const HEAL = `${BUILD}

The workflow below fails some of its test cases. Find out why from the evidence and give the whole code again, mended. Change nothing that works. If a case itself asks for something the plan does not want, leave the code as it is for that case and say so in the diagnosis.`
