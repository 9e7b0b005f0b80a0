import { finder } from '../../agents/planner/agent.ts'
import { callsIn } from '../../agents/test-case-agent/agent.ts'
import { reachOfCode } from '../../agents/workflow-builder/agent.ts'
import { isAllowed, OWN_REQUESTS } from '../../runtime/connections/may-write.ts'
import type { IntegrationPlan } from '../../tools/agents/integration-plan.ts'
import type { RunContext } from '../frame/define-agent.ts'
import type { WorkflowState } from './state.ts'

/** Actions by what they do, by name, each once. */
export async function effectsOf(
  actions: readonly Pick<IntegrationPlan['actions'][number], 'connector' | 'action'>[],
  run: RunContext,
): Promise<{ writes: string[]; destructive: string[] }> {
  const find = finder(run)
  const found = await Promise.all(actions.map(({ connector, action }) => find(connector, action)))
  const named = (effect: string) => [
    ...new Set(found.flatMap((one) => (one?.effect === effect ? [`${one.connector}.${one.action}`] : []))),
  ]
  return { writes: named('write'), destructive: named('destructive') }
}

/** `ctx.fetch`, where code is seen to reach for it: what a request of its own does is not known. */
export const ownRequests = (reaches: readonly string[]): string[] =>
  reaches.includes('fetch') ? [OWN_REQUESTS] : []

/** What may write in live test cases: the input or a person said so. */
export const allowedOf = ({ input, mayWrite }: WorkflowState): string[] => [
  ...new Set([...(input.mayWrite ?? []), ...mayWrite]),
]

/** What the code is seen to write with, and nobody has allowed. */
export async function unaskedWrites(state: WorkflowState, run: RunContext): Promise<string[]> {
  const { code } = state
  const { writes } = await effectsOf(await callsIn(run, code), run)
  const { reaches } = await reachOfCode(run, code, null)
  const allowed = allowedOf(state)
  return [...writes, ...ownRequests(reaches)].filter((name) => !isAllowed(allowed, name))
}

/** In Auto mode nothing answers for the person whether that may write; in Manual mode they are asked anyway. */
export const mustAsk = ({ approval }: RunContext, unasked: readonly string[]): boolean =>
  approval === 'auto' && unasked.length > 0
