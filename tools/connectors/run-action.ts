import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { isDeeperThan, type Json, type JsonObject } from '../../core/json.ts'
import { isSensitiveHeader } from '../../core/secret.ts'
import type { ActionOutcome } from '../../runtime/connections/connections.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { ActionRef } from './action.ts'

const DEADLINE_MS = 120_000
/** No page is begun after this: the last one must end before the deadline, or what was gathered would be lost. */
const COLLECT_MS = 80_000
/** What an agent's context can bear; workflows get outputs whole. */
const MAX_OUTPUT_BYTES = 1024 * 1024
/** JSON.stringify gives up at some thousand levels. */
const MAX_DEPTH = 1_000
const SHOWN_CHARS = 64 * 1024

const Collect = z
  .object({
    maxItems: z.number().int().min(1).max(10_000).default(1_000).describe('Items to gather, 1–10,000.'),
    maxPages: z.number().int().min(1).max(1_000).default(100).describe('Pages to read, 1–1,000.'),
    next: z
      .string()
      .min(1)
      .max(100_000)
      .optional()
      .describe('`collected.next` of an earlier answer, to go on from there with the same input.'),
  })
  .describe('How much of a list to gather.')

const Collected = z
  .object({
    items: z.array(z.unknown()),
    pages: z.number().int().describe('Pages read.'),
    complete: z.boolean().describe('Is the list at its end?'),
    next: z
      .string()
      .nullable()
      .describe('Pass it as `collect.next` to go on; null at the end, or where the list cannot be read on.'),
    stopped: z
      .object({
        reason: z
          .enum(['limit', 'circle', 'error'])
          .describe(
            'limit: as much as was asked for, or 1 MB. circle: the app leads back to what was read. error: a page failed; what came before it is in items.',
          ),
        message: z.string(),
        error: z.unknown().optional().describe('The error of the page that failed.'),
      })
      .nullable()
      .describe('Why it is not complete; null when it is.'),
  })
  .describe('The items gathered over pages.')

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
    collect: Collect.optional().describe(
      'For an action that lists in pages: read page after page and gather the items in `collected`.',
    ),
  }),
  output: z.object({
    output: z
      .unknown()
      .describe(
        'What the app answered; null with `collect`. Bytes and large text are {file, name, contentType, bytes}: get_file reads it.',
      ),
    collected: Collected.nullable().describe('Only with `collect`.'),
    warnings: z
      .array(z.string())
      .describe('How the output differs from what the action’s output schema says. It is given as it came.'),
    truncated: z
      .object({ bytes: z.number().int().describe('Size of the whole output, as JSON.') })
      .nullable()
      .describe('Not null: the output was over 1 MB, and `output` is the beginning of its JSON text.'),
    status: z.number().int().describe('HTTP status; with `collect`, of the last page.'),
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
    const request = {
      connector: input.connector,
      action: input.action,
      input: input.input as JsonObject,
      customerId,
      connection: input.connection,
    }
    const { connections } = services
    try {
      if (input.collect === undefined) {
        const { output, ...outcome } = await connections.runAction(scopeOf(actor), request, context.signal)
        return { ...shown(outcome), ...bounded(output, outcome.status), collected: null }
      }
      const bounds = { ...input.collect, maxBytes: MAX_OUTPUT_BYTES, maxMs: COLLECT_MS }
      const { last, ...collected } = await connections.collect(
        scopeOf(actor),
        { ...request, ...bounds },
        context.signal,
      )
      return { ...shown(last ?? ENDED), output: null, truncated: null, collected }
    } finally {
      await services.connections.settled() // so that the trace can be read at once
    }
  },
})

/** @throws AppError `upstream_error` for an answer nested some thousand levels deep, which cannot be written as JSON */
function bounded(output: Json, status: number): { output: Json; truncated: { bytes: number } | null } {
  if (isDeeperThan(output, MAX_DEPTH))
    throw new AppError(
      'upstream_error',
      `The app answered ${status}, with JSON that is nested more than ${MAX_DEPTH} levels deep.`,
      {
        hint: 'The call was made: do not make it again for this. Ask the app for less, if it has a parameter for that.',
        retryable: false,
      },
    )
  const text = JSON.stringify(output)
  const bytes = Buffer.byteLength(text)
  if (bytes <= MAX_OUTPUT_BYTES) return { output, truncated: null }
  return { output: text.slice(0, SHOWN_CHARS), truncated: { bytes } }
}

/** Where the only page asked for was past the end: the app's 404 is how it says so. */
const ENDED = { status: 404, headers: {}, durationMs: 0, traceId: '', warnings: [] }

const shown = ({
  status,
  headers,
  durationMs,
  traceId,
  warnings,
}: Omit<ActionOutcome, 'output' | 'url'>) => ({
  status,
  headers: withoutSensitive(headers),
  durationMs,
  traceId,
  warnings,
})

const withoutSensitive = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !isSensitiveHeader(name)))
