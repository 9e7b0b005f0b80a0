import { randomInt } from 'node:crypto'
import { z } from 'zod'
import { scopeOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { listActionDefinitions } from '../../db/actions.ts'
import { isUsedInProduction } from '../../db/connector-versions.ts'
import { getConnectorSchemas } from '../../db/connectors.ts'
import { actionOf, schemasOf } from '../../runtime/connections/definitions.ts'
import { TestReport } from '../../runtime/connectors/test/report.ts'
import { runTest } from '../../runtime/connectors/test/run-test.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { refuseCustomerKey } from '../customers/refuse-customer-key.ts'
import { defineTool, type ToolContext } from '../define-tool.ts'
import { ConnectorRef, CustomerRef } from '../params.ts'
import { ActionRef, noAction } from './action.ts'
import { requireConnector } from './connector.ts'
import { buildTestPort, withEvidence } from './test-port.ts'

const MAX_SECONDS = 480
/** Longer than any test with its cleaning up. */
const DEADLINE_MS = (MAX_SECONDS + 110) * 1000
const MAX_SEED = 2 ** 31 - 1

export const testActions = defineTool({
  name: 'test_actions',
  title: 'Test a connector’s actions',
  description:
    'Calls a connector’s actions with a real test account and tells of each whether it works: the app accepts it, the answer is as described, and what was written reads back. Ids are taken from answers of earlier calls (lists, things it creates). Without allowWrites only reads are called. With it, it makes things named patchbay-test-…, changes and deletes only what it made, and cleans up. Returns a verdict and the evidence per action; propose_action_fix takes a failure’s trace.',
  input: z.object({
    connector: ConnectorRef,
    actions: z.array(ActionRef).min(1).max(2000).optional().describe('Slugs to test; all when left out.'),
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) whose account is used; left out, your organization’s own.'),
    connection: z
      .string()
      .min(1)
      .optional()
      .describe('Id or name of the test account’s connection; the default one when left out.'),
    allowWrites: z.boolean().default(false).describe('Also create, change and delete things in the account?'),
    allowLive: z
      .boolean()
      .default(false)
      .describe(
        'Write although the account is a customer’s, or workflows in a production environment use this connector?',
      ),
    inputs: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .default({})
      .describe(
        'Inputs that win over made-up ones, by action slug; those under "*" are for every action that has such an input, e.g. {"*":{"owner":"acme"}}. A thing named here may be read and changed by the test, never deleted.',
      ),
    seed: z
      .number()
      .int()
      .min(0)
      .max(MAX_SEED)
      .optional()
      .describe('The same seed makes the same inputs; a random one when left out.'),
    maxCalls: z.number().int().min(1).max(1000).default(150).describe('Calls at most, 1–1,000.'),
    maxSeconds: z
      .number()
      .int()
      .min(1)
      .max(MAX_SECONDS)
      .default(120)
      .describe(`Seconds at most, 1–${MAX_SECONDS}; cleaning up comes on top.`),
    callsPerMinute: z.number().int().min(1).max(6000).default(600).describe('Calls per minute at most.'),
  }),
  output: z.object({ report: TestReport }),
  permission: 'connections.execute',
  effect: 'write',
  openWorld: true,
  http: 'POST /connectors/:connector/test',
  deadlineMs: DEADLINE_MS,
  resource: (input) => input.connector,
  async run(context, input) {
    const { actor, services } = context
    refuseCustomerKey(actor, 'A connector')
    const { connector, customerId, definition, live } = await context.read(async (tx) => {
      const row = await requireConnector(tx, input.connector)
      const customer = await actingCustomer(tx, actor, input.customer)
      const actions = (await listActionDefinitions(tx, row.id)).map(actionOf)
      return {
        connector: row.slug,
        customerId: customer,
        definition: { actions, schemas: schemasOf(await getConnectorSchemas(tx, row.id)) },
        live: customer !== null || (await isUsedInProduction(tx, row.slug)),
      }
    })
    const known = new Set(definition.actions.map(({ slug }) => slug))
    const stranger = (input.actions ?? []).find((slug) => !known.has(slug))
    if (stranger !== undefined) throw noAction(connector, stranger)
    if (input.allowWrites && live) refuseLive(context, input.allowLive)

    const seed = input.seed ?? randomInt(MAX_SEED)
    const port = buildTestPort(services.connections, scopeOf(actor), {
      connector,
      customerId,
      connection: input.connection,
    })
    const result = await runTest(port, {
      definition,
      actions: [...new Set(input.actions ?? known)],
      allowWrites: input.allowWrites,
      seed,
      inputs: input.inputs as Record<string, JsonObject>,
      bounds: {
        maxCalls: input.maxCalls,
        maxMs: input.maxSeconds * 1000,
        gapMs: Math.ceil(60_000 / input.callsPerMinute),
      },
      signal: context.signal,
      onProgress: (progress, total, message) => context.progress({ progress, total, message }),
    })
    const { left } = result.cleanup
    // Of a call that was cancelled nobody gets the report.
    if (left.length > 0) context.log.warn({ connector, left }, 'a test left things in the account')
    await services.connections.settled()
    const actions = await context.read((tx) => withEvidence(tx, result.actions))
    const counted = (verdict: string) => actions.filter((one) => one.verdict === verdict).length
    return {
      report: {
        ...result,
        actions,
        connector,
        connection: input.connection ?? null,
        counts: { passed: counted('passed'), failed: counted('failed'), skipped: counted('skipped') },
      },
    }
  },
})

/** @throws AppError `forbidden` unless the caller said that it may be, with a live key */
function refuseLive({ actor }: ToolContext, allowed: boolean): void {
  if (allowed && actor.mode === 'live') return
  throw new AppError(
    'forbidden',
    allowed
      ? 'A test key does not write to an account that is in production.'
      : 'The account is a customer’s, or workflows in a production environment use this connector: the test would write to live data.',
    {
      where: 'allowLive',
      hint: allowed
        ? 'Use a live key, or a test account.'
        : 'Test with an account made for testing, leave allowWrites out, or give allowLive: true.',
    },
  )
}
