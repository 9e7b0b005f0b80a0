import { z } from 'zod'
import { deleteDriftWatch } from '../../db/drift-watches.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireDriftWatch } from './drift-watch.ts'

export const unwatchConnectorDrift = defineTool({
  name: 'unwatch_connector_drift',
  title: 'Stop watching an API for changes',
  description:
    'Ends what watch_connector_drift began. A run that proposes changes stays: answer or cancel it.',
  input: z.object({ connector: ConnectorRef }),
  output: z.object({ unwatched: z.literal(true), connector: z.string().describe('Slug of the connector.') }),
  permission: 'agents.execute',
  effect: 'write',
  http: 'DELETE /connectors/:connector/drift-watch',
  resource: (input) => input.connector,
  async run(context, { connector: ref }) {
    refuseCustomerKey(context.actor, 'A connector')
    const connector = await context.transaction(async (tx) => {
      const watch = await requireDriftWatch(tx, ref)
      await deleteDriftWatch(tx, watch.id)
      return watch.connector
    })
    return { unwatched: true as const, connector }
  },
})
