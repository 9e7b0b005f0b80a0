import { z } from 'zod'
import { notFound } from '../../core/errors.ts'
import { updateAction as changeAction } from '../../db/actions.ts'
import { updateConnector } from '../../db/connectors.ts'
import { actionFields, actionOf, headOf } from '../../runtime/connections/definitions.ts'
import type { ActionDefinition } from '../../runtime/connectors/definition.ts'
import { EFFECT_RANK, effectOf, type ToldByRequest } from '../../runtime/connectors/effect.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { Action, ActionRef, requireAction, toAction } from './action.ts'
import { ActionFields, fullBody, fullParameters } from './action-fields.ts'
import { checkAction } from './check-definition.ts'
import { requireConnectorForChange } from './connector.ts'
import { withoutUndefined } from './connector-fields.ts'

export const updateAction = defineTool({
  name: 'update_action',
  title: 'Change an action',
  description:
    'Changes an action; what is left out stays, null takes an optional part away. Lists and schemas are replaced whole. The result is checked before it is stored; the slug never changes.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef,
    name: ActionFields.name.optional(),
    description: ActionFields.description.optional(),
    method: ActionFields.method.optional(),
    path: ActionFields.path.optional(),
    baseUrl: ActionFields.baseUrl.nullable().optional(),
    effect: ActionFields.effect.optional(),
    idempotent: ActionFields.idempotent.optional(),
    parameters: ActionFields.parameters.optional(),
    body: ActionFields.body.nullable().optional(),
    inputSchema: ActionFields.inputSchema.optional(),
    outputSchema: ActionFields.outputSchema.nullable().optional(),
    tags: ActionFields.tags.optional(),
    auth: ActionFields.auth.nullable().optional(),
    pagination: ActionFields.pagination.nullable().optional(),
    idempotencyHeader: ActionFields.idempotencyHeader.nullable().optional(),
    errors: ActionFields.errors.nullable().optional(),
  }),
  output: z.object({ action: Action }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PATCH /connectors/:connector/actions/:action',
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const { connector: connectorRef, action: slug, parameters, body, ...fields } = input
    const action = await context.transaction(async (tx) => {
      const connector = await requireConnectorForChange(tx, connectorRef)
      const before = await requireAction(tx, connector, slug)
      context.touches(before.id)
      const change = withoutUndefined({
        ...fields,
        parameters: parameters && fullParameters(parameters),
        body: body && fullBody(body),
      })
      const given = { ...actionOf(before), ...change }
      const merged = Object.entries({
        ...given,
        effect: fields.effect ?? effectAfter(actionOf(before), given),
      }).filter(([, value]) => value !== null)
      const after = checkAction(
        Object.fromEntries(merged),
        headOf(connector).authMethods.map((method) => method.slug),
      )
      const row = await changeAction(tx, before.id, actionFields(after))
      if (row === undefined) throw notFound('action', slug)
      await updateConnector(tx, connector.id, {})
      return toAction(connector, row)
    })
    connectionsChanged(context)
    return { action }
  },
})

/** A request that is made to do more does no less than it tells, whatever the action passed for before. */
function effectAfter(before: ActionDefinition, after: ToldByRequest): ActionDefinition['effect'] {
  const told = effectOf(after)
  const isMore = EFFECT_RANK[told] > EFFECT_RANK[effectOf(before)]
  return isMore && EFFECT_RANK[told] > EFFECT_RANK[before.effect] ? told : before.effect
}
