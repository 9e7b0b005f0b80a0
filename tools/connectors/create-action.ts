import { z } from 'zod'
import { conflict } from '../../core/errors.ts'
import { insertActions } from '../../db/actions.ts'
import { updateConnector } from '../../db/connectors.ts'
import { brokenUnique } from '../../db/database.ts'
import { headOf, newAction } from '../../runtime/connections/definitions.ts'
import { ActionDefinition } from '../../runtime/connectors/definition.ts'
import { effectOf, isIdempotent } from '../../runtime/connectors/effect.ts'
import { connectionsChanged } from '../connections/changed.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { Action, requireAction, toAction } from './action.ts'
import { ActionFields, fullBody, fullParameters } from './action-fields.ts'
import { checkAction } from './check-definition.ts'
import { requireConnectorForChange } from './connector.ts'
import { withoutUndefined } from './connector-fields.ts'

export const createAction = defineTool({
  name: 'create_action',
  title: 'Create an action',
  description:
    'Adds one HTTP call to a connector: method, path, where each input value goes, and the schemas of input and output. run_action tries it at once.',
  input: z.object({
    connector: ConnectorRef,
    slug: ActionDefinition.shape.slug,
    name: ActionFields.name,
    description: ActionFields.description.default(''),
    method: ActionFields.method.default('GET'),
    path: ActionFields.path,
    baseUrl: ActionFields.baseUrl.optional(),
    effect: ActionFields.effect.optional(),
    idempotent: ActionFields.idempotent.optional(),
    parameters: ActionFields.parameters.default([]),
    body: ActionFields.body.optional(),
    inputSchema: ActionFields.inputSchema.default({ type: 'object', properties: {} }),
    outputSchema: ActionFields.outputSchema.optional(),
    tags: ActionFields.tags.default([]),
    auth: ActionFields.auth.optional(),
    pagination: ActionFields.pagination.optional(),
    idempotencyHeader: ActionFields.idempotencyHeader.optional(),
    errors: ActionFields.errors.optional(),
  }),
  output: z.object({ action: Action }),
  permission: 'connectors.update',
  effect: 'write',
  http: 'POST /connectors/:connector/actions',
  successStatus: 201,
  async run(context, input) {
    refuseCustomerKey(context.actor, 'A connector')
    const { connector: ref, ...fields } = input
    const outcome = await context
      .transaction(async (tx) => {
        const connector = await requireConnectorForChange(tx, ref)
        const action = checkAction(
          withoutUndefined({
            ...fields,
            effect: fields.effect ?? effectOf(fields),
            idempotent: fields.idempotent ?? isIdempotent(fields.method),
            parameters: fullParameters(fields.parameters),
            body: fields.body === undefined ? undefined : fullBody(fields.body),
          }),
          headOf(connector).authMethods.map(({ slug }) => slug),
        )
        const added = newAction(action)
        context.touches(added.id)
        const { organizationId } = context.actor
        await insertActions(tx, { id: connector.id, organizationId }, [added])
        await updateConnector(tx, connector.id, {})
        return { action: toAction(connector, await requireAction(tx, connector, action.slug)) }
      })
      .catch((error: unknown) => {
        if (brokenUnique(error) === undefined) throw error
        throw conflict(`The connector has an action '${fields.slug}' already.`, {
          where: 'slug',
          hint: 'Give another slug, or change the existing one (update_action).',
        })
      })
    connectionsChanged(context)
    return outcome
  },
})
