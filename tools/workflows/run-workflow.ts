import { z } from 'zod'
import { type Door, scopeOf } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { TriggeredBy } from '../../runtime/executions/executions.ts'
import { describeEnded, describeExecution, Execution, RunMode } from '../activity/execution.ts'
import { MockScenarios } from '../connectors/action-mock.ts'
import { actingCustomer } from '../customers/acting-customer.ts'
import { defineTool } from '../define-tool.ts'
import { CustomerRef, EnvironmentSlug, WorkflowRef } from '../params.ts'
import { deployPermission, requireDeployable, requireEnvironmentFor } from './environment.ts'
import { MayWrite } from './may-write.ts'
import { VersionNumber } from './version.ts'

/** An instant run takes up to 60 s; the rest is for looking things up. */
const DEADLINE_MS = 65_000

const triggeredByOf: Record<Door, TriggeredBy> = {
  mcp: 'mcp',
  cli: 'cli',
  http: 'api',
  agent: 'agent',
  webhook: 'webhook',
  runtime: 'workflow',
}

export const runWorkflow = defineTool({
  name: 'run_workflow',
  title: 'Run a workflow',
  description:
    'Runs a workflow now, with real effects unless `mode` says otherwise. An instant one comes back finished: `execution.status` is completed with `output`, or failed with `error`. Others come back queued or running, or as far as they are after waitSeconds; get_execution shows how they go.',
  input: z.object({
    workflow: WorkflowRef,
    input: z.unknown().default({}).describe('What the workflow gets as `ctx.input`: any JSON.'),
    environment: EnvironmentSlug.default('dev').describe('Runs what is deployed there; dev when left out.'),
    version: VersionNumber.optional().describe(
      'Runs this published version in that environment, deployed there or not; needs the permission to deploy there.',
    ),
    customer: CustomerRef.nullable()
      .default(null)
      .describe('Customer (id or slug) it runs for; left out, the organization itself.'),
    headers: z
      .record(z.string().max(200), z.string().max(4_000))
      .default({})
      .describe('Headers the workflow sees, as if a webhook had brought them.'),
    mode: RunMode.default('live').describe(
      'live: calls the apps. guarded: calls them, but refuses actions that are destructive, and writing where `mayWrite` does not allow it. full_mock: mocks answer in their place (set_action_mock), and what has none fails. partial_mock: what has none is called.',
    ),
    mockScenarios: MockScenarios,
    mayWrite: MayWrite.optional().describe(
      'Of a guarded run: all that may write, as apps (slugs), actions (connector.action) and ctx.fetch; the rest only reads. Left out, all may.',
    ),
    waitSeconds: z
      .number()
      .min(0)
      .max(60)
      .default(0)
      .describe('Waits so long for a run in the background to end, and answers as soon as it has.'),
  }),
  output: z.object({ execution: Execution }),
  permission: 'workflows.execute',
  // What was never deployed runs with the environment's secrets and accounts: choosing it is deploying it.
  permissionFor: (input) =>
    input.version === undefined ? 'workflows.execute' : deployPermission(input.environment),
  effect: 'write',
  openWorld: true,
  http: 'POST /workflows/:workflow/run',
  resource: (input) => input.workflow,
  deadlineMs: DEADLINE_MS,
  async run(context, input) {
    const { actor, services, signal } = context
    const started = await services.executions.start(
      scopeOf(actor),
      {
        workflow: input.workflow,
        environment: input.environment,
        version: input.version,
        customerId: async (tx) => {
          await requireEnvironmentFor(tx, actor, input.environment, 'run workflows in')
          if (input.version !== undefined) await requireDeployable(tx, actor, input.environment)
          return actingCustomer(tx, actor, input.customer)
        },
        watched: true,
        input: input.input as Json,
        headers: Object.fromEntries(
          Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value]),
        ),
        triggeredBy: triggeredByOf[actor.door],
        mocks: mocksOf(input),
        transaction: context.kept ? context.transaction : undefined,
      },
      signal,
    )
    context.touches(started.id)
    const waitMs = input.waitSeconds * 1_000
    const ended = await services.executions.untilEnded(scopeOf(actor), started.id, waitMs, signal)
    if (ended !== undefined) return { execution: describeEnded(ended) }
    return { execution: await context.read((tx) => describeExecution(tx, started.id)) }
  },
})

/** @throws AppError `invalid_input` for scenarios of a run that has no use for them */
function mocksOf({
  mode,
  mockScenarios,
  mayWrite,
}: {
  mode: z.output<typeof RunMode>
  mockScenarios: Record<string, string>
  mayWrite?: string[] | undefined
}) {
  if (mayWrite !== undefined && mode !== 'guarded')
    throw invalidInput(`A ${mode} run is not guarded.`, {
      where: 'mayWrite',
      hint: 'Set mode to guarded, or leave mayWrite out.',
    })
  if (mode === 'full_mock' || mode === 'partial_mock')
    return { mode: mode === 'full_mock' ? 'full' : 'partial', scenarios: mockScenarios } as const
  if (Object.keys(mockScenarios).length === 0)
    return mode === 'guarded'
      ? { mode, scenarios: {}, ...(mayWrite === undefined ? {} : { mayWrite }) }
      : null
  throw invalidInput(`A ${mode} run has no mocks to choose from.`, {
    where: 'mockScenarios',
    hint: 'Set mode to full_mock or partial_mock, or leave mockScenarios out.',
  })
}
