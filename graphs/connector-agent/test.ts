import { randomInt } from 'node:crypto'
import { z } from 'zod'
import { definitionOf } from '../../agents/action-fixer/candidate.ts'
import { explainFailures } from '../../agents/action-tester/explain-failures.ts'
import { mergeReports } from '../../agents/action-tester/merge-reports.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { independentGroups } from '../../runtime/connectors/test/groups.ts'
import type { TestReport } from '../../runtime/connectors/test/report.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { modelOf, withoutWhereItFails } from './model-of.ts'
import type { ConnectorRunInput, State } from './state.ts'

const MAX_GROUPS = 4
const MAX_SEED = 2 ** 30
const MAX_SHOWN = 50

/** What test_actions takes of a run's input. */
export const testInputOf = ({
  customer,
  connection,
  allowWrites,
  allowLive,
  inputs,
}: ConnectorRunInput): JsonObject => ({
  customer: customer ?? null,
  ...(connection === undefined ? {} : { connection }),
  allowWrites: allowWrites ?? false,
  allowLive: allowLive ?? false,
  inputs: (inputs ?? {}) as JsonObject,
})

/** Is there an account, and what can be tested at the same time? */
export async function planTest({ input, made, notTested }: State, run: RunContext): Promise<Partial<State>> {
  const connector = made?.connector ?? input.connector
  if (connector === undefined || notTested !== null) return {}
  const definition = await definitionOf(run.call, connector)
  const isPublic = definition.authMethods.every(({ type }) => type === 'no_auth')
  const { connections } = await run.call('list_connections', {
    connector,
    status: 'active',
    ...(input.customer === undefined || input.customer === null ? {} : { customer: input.customer }),
  })
  const all = definition.actions.map(({ slug }) => slug)
  const existing = made ?? { connector, actions: all, leftOut: [] }
  if (!isPublic && (connections as Json[]).length === 0) {
    return {
      made: existing,
      notTested: `No account of '${connector}' is connected: create_connection connects one, then test_connector tests it.`,
    }
  }
  const groups = independentGroups(definition, input.actions ?? existing.actions, MAX_GROUPS)
  const seed = await run.once('seed', async () => randomInt(MAX_SEED))
  return { made: existing, groups, seed }
}

/** Tests one group; others are tested at the same time. */
export async function testGroup(
  { input, made, group, seed }: State,
  run: RunContext,
): Promise<Partial<State>> {
  if (made === null || group.length === 0) return {}
  const { report } = await run.call('test_actions', {
    ...testInputOf(input),
    connector: made.connector,
    actions: group,
    seed,
  })
  return { reports: [report as unknown as TestReport] }
}

export const failedIn = (report: TestReport | undefined) =>
  (report?.actions ?? []).filter(({ verdict }) => verdict === 'failed')

/** Puts the groups' reports together, and has failures explained where there is a model. */
export async function tellTest({ reports, made }: State, run: RunContext): Promise<Partial<State>> {
  const report = mergeReports(reports)
  if (report === undefined) return {}
  const failed = failedIn(report)
  const model = modelOf(run)
  const explanations =
    model === undefined
      ? []
      : await withoutWhereItFails(run, 'Explaining failures', () => explainFailures(model, failed), [])
  await run.artifact({
    kind: 'test_report',
    title: `Test of ${made?.connector ?? ''}`,
    content: { ...report, explanations } as unknown as Json,
  })
  return { explanations }
}

/** Hands back after testing. */
export async function askToFix(
  { reports, explanations, notTested }: State,
  run: RunContext,
): Promise<Partial<State>> {
  const report = mergeReports(reports)
  const failed = failedIn(report)
  if (report === undefined || failed.length === 0 || notTested !== null) return {}
  const { passed, skipped } = report.counts
  const answer = await run.handback({
    point: 'after_testing',
    question: `${passed} actions passed, ${failed.length} failed, ${skipped} were skipped. Try to mend those that failed?`,
    details: {
      failed: failed
        .slice(0, MAX_SHOWN)
        .map(({ action, check, problems, trace }) => ({ action, check, problems, trace })),
      explanations: explanations as unknown as Json,
      left: report.cleanup.left as unknown as Json,
    },
    answer: z.object({ fix: z.boolean().describe('Mend them?') }),
    default: { fix: true },
  })
  return answer.fix ? {} : { notTested: 'They were not mended, as answered after testing.' }
}
