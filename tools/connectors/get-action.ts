import { z } from 'zod'
import type { JsonSchema } from '../../core/json.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import { actionOf, schemasOf } from '../../runtime/connections/definitions.ts'
import { bundleSchema } from '../../runtime/connectors/definition.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef } from '../params.ts'
import { Action, ActionRef, requireAction, toAction } from './action.ts'
import { requireConnector } from './connector.ts'

export const getAction = defineTool({
  name: 'get_action',
  title: 'Get an action',
  description:
    'One action: how it is called, and the JSON Schemas of its input and output, complete in themselves. Read it before run_action.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef,
    maxSchemaBytes: z.coerce
      .number()
      .int()
      .min(2_000)
      .max(1_000_000)
      .default(32_000)
      .describe('Size each schema may have; deeper parts are left out where it has more.'),
  }),
  output: z.object({
    action: Action,
    inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of `input` for run_action.'),
    outputSchema: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('JSON Schema of the output; null: unknown.'),
    truncated: z
      .array(z.string())
      .describe('Names of schemas left out to keep the size; ask again with more maxSchemaBytes.'),
  }),
  permission: 'connectors.read',
  effect: 'read',
  http: 'GET /connectors/:connector/actions/:action',
  async run(context, input) {
    const { connector, row, schemas } = await context.read(async (tx) => {
      const connector = await requireConnector(tx, input.connector)
      const row = await requireAction(tx, connector, input.action)
      return { connector, row, schemas: schemasOf(await getConnectorSchemas(tx, connector.id)) }
    })
    const action = actionOf(row)
    const bundle = (schema: JsonSchema) => bundleSchema(schemas, schema, { maxBytes: input.maxSchemaBytes })
    const inputs = bundle(action.inputSchema)
    const outputs = action.outputSchema === undefined ? undefined : bundle(action.outputSchema)
    return {
      action: toAction(connector, row),
      inputSchema: asObject(inputs.schema),
      outputSchema: outputs === undefined ? null : asObject(outputs.schema),
      truncated: [...new Set([...inputs.truncated, ...(outputs?.truncated ?? [])])],
    }
  },
})

/** `true` and `false` are schemas too; as objects they read {} and {"not": {}}. */
function asObject(schema: JsonSchema): Record<string, unknown> {
  if (typeof schema === 'object') return schema
  return schema ? {} : { not: {} }
}
