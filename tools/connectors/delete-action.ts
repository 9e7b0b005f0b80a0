import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { deleteAction as removeAction } from '../../db/actions.ts'
import { updateConnector } from '../../db/connectors.ts'
import { headOf } from '../../runtime/connections/definitions.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { ActionRef, requireAction } from './action.ts'
import { requireConnectorForChange } from './connector.ts'

export const deleteAction = defineTool({
  name: 'delete_action',
  title: 'Delete an action',
  description: 'Takes an action out of a connector, for good. Workflows that call it fail from then on.',
  input: z.object({ connector: ConnectorRef, action: ActionRef }),
  output: z.object({ deleted: z.literal(true), id: z.string().describe('The id the action had.') }),
  permission: 'connectors.update',
  effect: 'destructive',
  http: 'DELETE /connectors/:connector/actions/:action',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const id = await context.transaction(async (tx) => {
      const connector = await requireConnectorForChange(tx, input.connector)
      const action = await requireAction(tx, connector, input.action)
      context.touches(action.id)
      if (headOf(connector).verification?.action === action.slug) {
        throw conflict('This action is the connector’s verification call.', {
          hint: 'Choose another, or none, with update_connector {"verification": null}; then delete it.',
        })
      }
      await removeAction(tx, action.id)
      await updateConnector(tx, connector.id, {})
      return action.id
    })
    connectionsChanged(context)
    return { deleted: true as const, id }
  },
})
