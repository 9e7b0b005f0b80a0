import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { isSensitiveHeader } from '../../core/secret.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { ActionRef } from './action.ts'

const DEADLINE_MS = 120_000
/** What an agent's context can bear; workflows get outputs whole. */
const MAX_OUTPUT_BYTES = 1024 * 1024
const SHOWN_CHARS = 64 * 1024

export const runAction = defineTool({
  name: 'run_action',
  title: 'Run an action',
  description:
    'Calls a third-party app: runs one action with a connected account, the customer’s own or else your organization’s, and returns the app’s answer. What it does out there is what the action says: read its effect (list_actions) and input schema (get_action) first; it may change or delete data.',
  input: z.object({
    connector: ConnectorRef,
    action: ActionRef,
    input: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('The action’s input, as get_action’s inputSchema says.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) whose account is used; left out, your organization’s own.'),
    connection: z
      .string()
      .min(1)
      .optional()
      .describe('Id or name of one of several connections; the default one when left out.'),
  }),
  output: z.object({
    output: z.unknown().describe('What the app answered.'),
    truncated: z
      .object({ bytes: z.number().int().describe('Size of the whole output, as JSON.') })
      .nullable()
      .describe('Not null: the output was over 1 MB, and `output` is the beginning of its JSON text.'),
    status: z.number().int().describe('HTTP status.'),
    headers: z.record(z.string(), z.string()).describe('Response headers, without sensitive ones.'),
    durationMs: z.number(),
    traceId: z.string().describe('trc_…: what was sent and what came back.'),
  }),
  permission: 'connections.execute',
  effect: 'write',
  openWorld: true,
  http: 'POST /connectors/:connector/actions/:action/run',
  deadlineMs: DEADLINE_MS,
  resource: (input) => `${input.connector}.${input.action}`,
  async run(context, input) {
    const { actor, services } = context
    const customerId = await context.read((tx) => actingCustomer(tx, actor, input.customer))
    try {
      const { output, ...outcome } = await services.connections.runAction(
        scopeOf(actor),
        {
          connector: input.connector,
          action: input.action,
          input: input.input as JsonObject,
          customerId,
          connection: input.connection,
        },
        context.signal,
      )
      return { ...outcome, headers: withoutSensitive(outcome.headers), ...bounded(output) }
    } finally {
      await services.connections.settled() // so that the trace can be read at once
    }
  },
})

function bounded(output: Json): { output: Json; truncated: { bytes: number } | null } {
  const text = JSON.stringify(output)
  const bytes = Buffer.byteLength(text)
  if (bytes <= MAX_OUTPUT_BYTES) return { output, truncated: null }
  return { output: text.slice(0, SHOWN_CHARS), truncated: { bytes } }
}

const withoutSensitive = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !isSensitiveHeader(name)))
