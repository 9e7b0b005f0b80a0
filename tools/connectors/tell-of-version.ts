import type { Actor } from '../../core/actor.ts'
import type { ConnectorRow } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { enqueueWebhook } from '../../db/webhook-deliveries.ts'
import { type ConnectorChanges, hasChanges } from '../../runtime/connectors/diff/connector-changes.ts'

/** Tells the organization's product of a new version of a connector, in the transaction that made it. */
export async function tellOfVersion(
  tx: Tx,
  actor: Actor,
  connector: ConnectorRow,
  changes: ConnectorChanges,
): Promise<void> {
  if (!hasChanges(changes)) return
  await enqueueWebhook(tx, {
    organizationId: actor.organizationId,
    customerId: null,
    type: 'connector.version_created',
    data: {
      connectorId: connector.id,
      connector: connector.slug,
      version: connector.version,
      added: changes.added.length,
      removed: changes.removed.length,
      changed: changes.changed.length,
      breaking: changes.breaking.length,
    },
  })
}
