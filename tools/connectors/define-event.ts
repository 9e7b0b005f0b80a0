import { z } from 'zod'
import { invalidInput, notFound } from '../../core/errors.ts'
import { getAction } from '../../db/actions.ts'
import { updateConnector } from '../../db/connectors.ts'
import type { Tx } from '../../db/database.ts'
import { actionOf, contentOf, headOf } from '../../runtime/connections/definitions.ts'
import { EventDefinition } from '../../runtime/connectors/definition.ts'
import { inputProblems } from '../../runtime/connectors/event-subscription.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { requireConnectorForChange } from './connector.ts'

export const defineEvent = defineTool({
  name: 'define_event',
  title: 'Define an event of a connector',
  description:
    'Adds an event that a connector’s app can send, or replaces the one of the same slug: its payload, how deliveries are signed, and the actions that subscribe and unsubscribe. create_app_event runs workflows on it.',
  input: z.object({ connector: ConnectorRef, event: EventDefinition }),
  output: z.object({ event: EventDefinition, replaced: z.boolean() }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PUT /connectors/:connector/events',
  resource: (input) => `${input.connector}.${input.event.slug}`,
  async run(context, { connector, event }) {
    refuseCustomerKey(context.actor, 'A connector')
    const replaced = await context.transaction(async (tx) => {
      const before = await requireConnectorForChange(tx, connector)
      context.touches(before.id)
      for (const call of ['subscribe', 'unsubscribe', 'list', 'renewal.renew'] as const)
        await checkCall(tx, before.id, event, call)
      const head = headOf(before)
      const others = head.events.filter(({ slug }) => slug !== event.slug)
      const { schemas: _unchanged, ...content } = contentOf({
        ...head,
        events: [...others, event],
        schemas: {},
      })
      if ((await updateConnector(tx, before.id, content)) === undefined)
        throw notFound('connector', connector)
      return others.length < head.events.length
    })
    connectionsChanged(context)
    return { event, replaced }
  },
})

/** @throws AppError `invalid_input` when there is no such action, or it takes no such input */
async function checkCall(
  tx: Tx,
  connectorId: string,
  { subscription }: EventDefinition,
  call: 'subscribe' | 'unsubscribe' | 'list' | 'renewal.renew',
): Promise<void> {
  const described = call === 'renewal.renew' ? subscription?.renewal?.renew : subscription?.[call]
  if (described === undefined) return
  const where = `event.subscription.${call}`
  const { action, input } = described
  const found = await getAction(tx, connectorId, action)
  if (found === undefined) {
    throw invalidInput(`The connector has no action '${action}'.`, {
      where: `${where}.action`,
      hint: 'list_actions shows its actions; create_action makes one.',
    })
  }
  const wrong = inputProblems(actionOf(found).inputSchema, input)
  if (wrong.length === 0) return
  throw invalidInput(`The input of '${action}' does not fit its schema: ${wrong.join(', ')}.`, {
    where: `${where}.input`,
    hint: 'get_action shows the input it takes.',
  })
}
