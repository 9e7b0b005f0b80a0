import type { ConnectionRow } from '../../db/connections.ts'
import type { Tx } from '../../db/database.ts'
import { enqueueWebhook } from '../../db/webhook-deliveries.ts'

export type ConnectionEvent = 'created' | 'updated' | 'expired' | 'failed' | 'deleted'

/** Tells the organization's product what became of a connection, in the transaction that made it so. */
export const tellOfConnection = (
  tx: Tx,
  organizationId: string,
  event: ConnectionEvent,
  connection: ConnectionRow,
): Promise<void> =>
  enqueueWebhook(tx, {
    organizationId,
    customerId: connection.customer_id,
    type: `connection.${event}`,
    data: {
      connectionId: connection.id,
      customerId: connection.customer_id,
      connector: connection.connector_slug,
      name: connection.name,
      authMethod: connection.auth_method,
      status: connection.status,
      statusReason: connection.status_reason,
    },
  })
