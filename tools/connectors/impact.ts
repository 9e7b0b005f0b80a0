import { z } from 'zod'
import { countConnections } from '../../db/connections.ts'
import { listPins, workflowsUsing } from '../../db/connector-versions.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import type { ConnectorChanges } from '../../runtime/connectors/diff/connector-changes.ts'
import { validateWorkflow } from '../../runtime/sandbox/prepare.ts'

/** What a change of a connector reaches. */
export const Impact = z
  .object({
    workflows: z
      .array(
        z.object({
          workflow: z.string().describe('Slug.'),
          version: z.number().int(),
          deployed: z.boolean(),
          actions: z.array(z.string()).describe('The changed or removed actions it calls.'),
        }),
      )
      .describe('Workflows that call an action that changes: the newest version of each, and deployed ones.'),
    connections: z.number().int().describe('Accounts connected through it.'),
    pinnedCustomers: z.array(z.string()).describe('Slugs of customers who stay on an older version.'),
  })
  .describe('What the change reaches.')
export type Impact = z.infer<typeof Impact>

export async function impactOf(tx: Tx, connector: ConnectorRow, changes: ConnectorChanges): Promise<Impact> {
  const touched = new Set([...changes.removed, ...changes.changed.map(({ action }) => action)])
  const used = await workflowsUsing(tx, connector.slug)
  const pins = await listPins(tx, connector.id)
  return {
    workflows: used.flatMap(({ workflow, version, deployed, source }) => {
      const calls = validateWorkflow(source).connectors.filter(({ slug }) => slug === connector.slug)
      const actions = [...new Set(calls.map(({ action }) => action))].filter((slug) => touched.has(slug))
      return actions.length === 0 ? [] : [{ workflow, version, deployed, actions: actions.toSorted() }]
    }),
    connections: await countConnections(tx, connector.id),
    pinnedCustomers: pins.map(({ customer_slug }) => customer_slug),
  }
}
