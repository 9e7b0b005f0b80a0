import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { countConnections } from '../../db/connections.ts'
import { listPins, type UseRow, workflowsUsing } from '../../db/connector-versions.ts'
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

/** What uses a connector, as the database tells it. */
export interface Reach {
  slug: string
  used: UseRow[]
  connections: number
  pinnedCustomers: string[]
}

/** Reads what {@link impactOf} needs, in the transaction that changes the connector, so that both are of one moment. */
export async function reachOf(tx: Tx, connector: ConnectorRow): Promise<Reach> {
  const used = await workflowsUsing(tx, connector.slug)
  const pins = await listPins(tx, connector.id)
  return {
    slug: connector.slug,
    used,
    connections: await countConnections(tx, connector.id),
    pinnedCustomers: pins.map(({ customer_slug }) => customer_slug),
  }
}

/**
 * What changes of a connector mean for what uses it. Every workflow that does is parsed: call it outside of
 * transactions. Other work of this process goes on in between.
 */
export async function impactOf(reach: Reach, changes: ConnectorChanges): Promise<Impact> {
  const touched = new Set([...changes.removed, ...changes.changed.map(({ action }) => action)])
  const workflows: Impact['workflows'] = []
  for (const { workflow, version, deployed, source } of touched.size === 0 ? [] : reach.used) {
    const calls = validateWorkflow(source).connectors.filter(({ slug }) => slug === reach.slug)
    const actions = [...new Set(calls.map(({ action }) => action))].filter((slug) => touched.has(slug))
    if (actions.length > 0) workflows.push({ workflow, version, deployed, actions: actions.toSorted() })
    await setImmediate()
  }
  return { workflows, connections: reach.connections, pinnedCustomers: reach.pinnedCustomers }
}
