import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import {
  type ConnectorVersionRow,
  getConnectorVersion,
  getVersionContent,
  isVersionKept,
} from '../../db/connector-versions.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { versionContent } from '../../runtime/connections/definitions.ts'
import { ConnectorChanges, type ConnectorContent } from '../../runtime/connectors/diff/connector-changes.ts'
import { Timestamp } from '../params.ts'
import { presentContent } from './store-connector.ts'

export const VersionNumber = z
  .number()
  .int()
  .min(1)
  .describe('A version’s number, as list_connector_versions shows it.')

export const ConnectorVersion = z.object({
  version: z.number().int(),
  origin: z.enum(['import', 'edit', 'restore']).describe('What made it.'),
  actionCount: z.number().int(),
  pinnedCustomers: z.number().int().describe('How many customers stay on it.'),
  changes: ConnectorChanges.nullable().describe('Against the version before; null for the first.'),
  createdBy: z.string().describe('Who made it.'),
  createdAt: Timestamp,
})

export const toConnectorVersion = (row: ConnectorVersionRow) => ({
  version: row.version,
  origin: row.origin,
  actionCount: row.action_count,
  pinnedCustomers: row.pinned_customers,
  changes: row.changes as ConnectorChanges | null,
  createdBy: row.created_by,
  createdAt: row.created_at,
})

const noVersion = (connector: ConnectorRow, version: number) =>
  notFound(
    `version of ${connector.slug}`,
    String(version),
    `list_connector_versions {"connector":"${connector.slug}"} shows the ones there are.`,
  )

/** @throws AppError `not_found` */
export async function requireVersion(
  tx: Tx,
  connector: ConnectorRow,
  version: number,
): Promise<ConnectorVersionRow> {
  const row = await getConnectorVersion(tx, connector.id, version)
  if (row === undefined) throw noVersion(connector, version)
  return row
}

/**
 * A version's whole content: a kept one, or what the connector is now.
 * @throws AppError `not_found`
 */
export async function requireContent(
  tx: Tx,
  connector: ConnectorRow,
  version: number,
): Promise<ConnectorContent> {
  if (version === connector.version && !(await isVersionKept(tx, connector.id, version)))
    return presentContent(tx, connector)
  const row = await getVersionContent(tx, connector.id, version)
  if (row === undefined) throw noVersion(connector, version)
  return versionContent(row)
}
