import { z } from 'zod'
import { setActionMock as keepMock } from '../../db/action-mocks.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import { actionOf, schemasOf } from '../../runtime/connections/definitions.ts'
import { DEFAULT_SCENARIO } from '../../runtime/connections/mocking.ts'
import { outputWarnings } from '../../runtime/connectors/output-warnings.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { ActionRef, requireAction } from './action.ts'
import { ActionMock, MockAnswer, Scenario, toActionMock, toStored } from './action-mock.ts'
import { requireConnector } from './connector.ts'

const MAX_ANSWERS = 50
const MAX_BYTES = 256 * 1024

export const setActionMock = defineTool({
  name: 'set_action_mock',
  title: 'Set a mock of an action',
  description:
    'Says what an action answers in runs that are mocked (run_workflow with mode full_mock or partial_mock), for one scenario, in place of what it answered there before. `warnings` tells where an answer is not as the action’s output schema says.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef,
    scenario: Scenario.default(DEFAULT_SCENARIO),
    answers: z
      .array(MockAnswer)
      .min(1)
      .max(MAX_ANSWERS)
      .refine((answers) => Buffer.byteLength(JSON.stringify(answers)) <= MAX_BYTES, 'may have 256 KB at most')
      .describe(
        'The first whose `when` the input holds is given. A list’s first page, and an answer for each later one by its `when`.',
      ),
  }),
  output: z.object({
    mock: ActionMock,
    created: z.boolean().describe('False: the scenario’s older answers were replaced.'),
    warnings: z.array(z.string()).describe('answers[0]: output.id must be string …'),
  }),
  permission: 'connectors.update',
  effect: 'write',
  idempotent: true,
  http: 'PUT /connectors/:connector/actions/:action/mocks/:scenario',
  async run(context, { connector: ref, action: slug, scenario, ...given }) {
    refuseCustomerKey(context.actor, 'A mock')
    const answers = given.answers.map(toStored)
    const { connector, action, schemas, kept } = await context.transaction(async (tx) => {
      const connector = await requireConnector(tx, ref)
      const action = await requireAction(tx, connector, slug)
      context.touches(action.id)
      const mock = { actionId: action.id, scenario, answers }
      const kept = await keepMock(tx, context.actor.organizationId, mock)
      return { connector, action, kept, schemas: await getConnectorSchemas(tx, connector.id) }
    })
    if (kept === undefined) throw new Error('INSERT … RETURNING gave no row')
    const { created, ...at } = kept
    const warnings = answers.flatMap(({ status, output }, index) =>
      // Errors have schemas of their own, which connectors do not keep.
      status >= 300
        ? []
        : outputWarnings(schemasOf(schemas), actionOf(action), output).map(
            (warning) => `answers[${index}]: ${warning}`,
          ),
    )
    return { mock: toActionMock(connector, { action: slug, scenario, answers, ...at }), created, warnings }
  },
})
