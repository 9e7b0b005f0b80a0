import { z } from 'zod'
import type { JsonSchema } from '../../core/json.ts'
import { getActionDefinitions, getEditionSchemas } from '../../db/action-documents.ts'
import { actionOf, schemasOf } from '../../runtime/connections/definitions.ts'
import { bundleSchema } from '../../runtime/connectors/definition.ts'
import { ActionRef, noAction } from '../connectors/action.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { reachableApps, requireApp } from './connected-apps.ts'

/** What an agent needs to read before a call; the connector's builders have get_action. */
const MAX_INPUT_BYTES = 16_000
const MAX_OUTPUT_BYTES = 4_000

export const describeAction = defineTool({
  name: 'describe_action',
  title: 'Describe an action',
  description:
    'What one action takes and gives back, and through which accounts it can run. Read it before run_action.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef,
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) it would run for; left out, the key’s own, or your organization.'),
  }),
  output: z.object({
    connector: z.string(),
    action: z.string(),
    name: z.string(),
    description: z.string(),
    effect: z.enum(['read', 'write', 'destructive']),
    inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of run_action’s `input`.'),
    outputSchema: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('JSON Schema of the output; null: unknown.'),
    truncated: z
      .array(z.string())
      .describe('Parts left out of the schemas for their size: any value fits there.'),
    connections: z
      .array(z.object({ id: z.string(), name: z.string(), isDefault: z.boolean() }))
      .describe('Accounts it can run with: name one as run_action’s `connection` when there are several.'),
  }),
  permission: 'connections.execute',
  effect: 'read',
  http: 'GET /gateway/actions/:connector/:action',
  async run(context, input) {
    const { app, row, schemas } = await context.read(async (tx) => {
      const app = await requireApp(tx, await reachableApps(tx, context, input.customer), input.connector)
      const [row] = await getActionDefinitions(tx, app, [input.action])
      if (row === undefined) throw noAction(app.slug, input.action)
      return { app, row, schemas: schemasOf(await getEditionSchemas(tx, app)) }
    })
    const action = actionOf(row)
    const inputs = bundleSchema(schemas, action.inputSchema, { maxBytes: MAX_INPUT_BYTES })
    const outputs =
      action.outputSchema === undefined
        ? undefined
        : bundleSchema(schemas, action.outputSchema, { maxBytes: MAX_OUTPUT_BYTES })
    return {
      connector: app.slug,
      action: action.slug,
      name: action.name,
      description: action.description,
      effect: action.effect,
      inputSchema: asObject(inputs.schema),
      outputSchema: outputs === undefined ? null : asObject(outputs.schema),
      truncated: [...new Set([...inputs.truncated, ...(outputs?.truncated ?? [])])],
      connections: app.connections,
    }
  },
})

const asObject = (schema: JsonSchema): Record<string, unknown> =>
  typeof schema === 'object' ? schema : schema ? {} : { not: {} }
