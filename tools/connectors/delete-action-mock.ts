import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { deleteActionMock as removeMock } from '../../db/action-mocks.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { ActionRef, requireAction } from './action.ts'
import { Scenario } from './action-mock.ts'
import { requireConnector } from './connector.ts'

export const deleteActionMock = defineTool({
  name: 'delete_action_mock',
  title: 'Delete a mock of an action',
  description: 'Takes away what an action answers in one scenario of mocked runs.',
  input: z.object({ connector: ConnectorRef, action: ActionRef, scenario: Scenario }),
  output: z.object({ deleted: z.literal(true) }),
  permission: 'connectors.update',
  effect: 'destructive',
  http: 'DELETE /connectors/:connector/actions/:action/mocks/:scenario',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A mock')
    await context.transaction(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const action = await requireAction(tx, connector, input.action)
      context.touches(action.id)
      if (await removeMock(tx, action.id, input.scenario)) return
      throw notFound(
        'mock',
        `${connector.slug}.${action.slug} ${input.scenario}`,
        'list_action_mocks shows them.',
      )
    })
    return { deleted: true as const }
  },
})
