import { AppError, notFound } from '../../core/errors.ts'
import { type ConnectedApp, listConnectedApps, listSearchableConnectors } from '../../db/action-documents.ts'
import type { Tx } from '../../db/database.ts'
import { requireConnector } from '../connectors/connector.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import type { ToolContext } from '../define-tool.ts'

export interface ReachableApps {
  /** Null: the organization itself, which reaches every connector. */
  customerId: string | null
  /** By id. */
  apps: ConnectedApp[]
}

/**
 * The apps a call may be about: for a customer those it has active connections of, for the organization all its
 * connectors.
 * @throws AppError `not_found` for a customer the actor may not see
 */
export async function reachableApps(
  tx: Tx,
  { actor }: Pick<ToolContext, 'actor'>,
  customer: string | null,
): Promise<ReachableApps> {
  const customerId = await actingCustomer(tx, actor, customer)
  if (customerId !== null) return { customerId, apps: await listConnectedApps(tx, customerId) }
  const all = await listSearchableConnectors(tx, null)
  return { customerId, apps: all.map((app) => ({ ...app, connections: [] })) }
}

/** One of them, by the connector's slug or id. @throws AppError `not_found`, or `conflict` when it is not connected */
export async function requireApp(tx: Tx, { apps }: ReachableApps, ref: string): Promise<ConnectedApp> {
  const app = apps.find(({ id, slug }) => id === ref || slug === ref)
  if (app !== undefined) return app
  const connector = await requireConnector(tx, ref).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.code === 'not_found') {
      throw notFound('integration', ref, 'list_integrations shows the ones there are.')
    }
    throw cause
  })
  throw new AppError('conflict', `${connector.name} is not connected for this customer.`, {
    where: 'connector',
    hint: `get_integration_status {"integration":"${connector.slug}"} says why; then connect it (create_connect_link).`,
    data: { connector: connector.slug },
  })
}
