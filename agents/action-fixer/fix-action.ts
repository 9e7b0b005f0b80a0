import { isDeepStrictEqual } from 'node:util'
import { AppError, toAppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ConnectorDefinition } from '../../runtime/connectors/definition.ts'
import type { ActionVerdict, TestReport } from '../../runtime/connectors/test/report.ts'
import type { ToolCall } from '../tool-call.ts'
import { actionIn, type Candidate, connectorUpdateBetween, definitionOf, updateBetween } from './candidate.ts'
import { type Move, moveOf } from './moves.ts'
import { isBetter, isPassed, type Standing, standingOf, verdictOf } from './standing.ts'

export interface FixRequest {
  connector: string
  action: string
  /** How test_actions is called: connection, customer, allowWrites, inputs … */
  test: JsonObject
  seed: number
  /** The test that found the failure; actions that passed in it must go on passing. */
  baseline: TestReport
  /** Where candidates come from, asked in this order each round. */
  proposers: readonly Proposer[]
  /** Asked before credentials go where they did not go before, which a test would already do. Left out: they do not. */
  mayMove?: (move: Move, candidate: Candidate) => Promise<boolean>
}

/** Undefined: it has nothing to propose. */
export type Proposer = (situation: FixSituation) => Promise<Candidate | undefined>

export interface FixSituation {
  connector: string
  action: string
  /** The connector as it is now. */
  definition: ConnectorDefinition
  failure: ActionVerdict
  /** Rounds before this one. */
  rounds: readonly FixRound[]
}

export interface FixRound {
  round: number
  by: Candidate['by']
  reason: string
  confidence: number
  patch: Candidate['patch']
  connectorPatch: Candidate['connectorPatch']
  citations: string[]
  before: Standing
  after: Standing
  kept: boolean
  /** Why it was kept or put back. */
  why: string
  /** Actions that passed before and no longer did. */
  regressions: string[]
  /** Calls of the test before and after: the evidence. */
  traces: { before: string | null; after: string | null }
}

export interface FixResult {
  action: string
  fixed: boolean
  rounds: FixRound[]
  /** The action's verdict at the end. */
  verdict: ActionVerdict
}

const MAX_ROUNDS = 3
/** Proposals that may not be tried at all, and are put by with why: they end nothing. */
const MAX_REFUSED = 3

/**
 * Mends one action: proposes a patch, applies it, tests again, and keeps it only when the action gets further and no
 * other one less far; otherwise everything is put back as it was. At most three rounds.
 * @throws AppError `conflict` when it could not be put back; errors of the tools
 */
export async function fixAction(call: ToolCall, request: FixRequest): Promise<FixResult> {
  const { connector, action, baseline } = request
  const first = verdictOf(baseline, action)
  if (first === undefined)
    throw new AppError('invalid_input', `The test did not include '${action}'.`, { where: 'action' })
  const rounds: FixRound[] = []
  let failure = first
  let refused = 0
  while (failure.verdict === 'failed' && rounds.length - refused < MAX_ROUNDS && refused <= MAX_REFUSED) {
    const definition = await definitionOf(call, connector)
    const candidate = await firstCandidate(request.proposers, {
      connector,
      action,
      definition,
      failure,
      rounds,
    })
    if (candidate === undefined) break
    if (candidate.refused !== undefined) {
      refused += 1
      rounds.push(notTried(candidate, failure, rounds.length + 1))
      continue
    }
    const tried = await tryCandidate(call, request, {
      definition,
      candidate,
      failure,
      round: rounds.length + 1,
    })
    rounds.push(tried.round)
    if (tried.round.kept) failure = tried.verdict
  }
  return { action, fixed: isPassed(standingOf(failure)), rounds, verdict: failure }
}

async function firstCandidate(
  proposers: readonly Proposer[],
  situation: FixSituation,
): Promise<Candidate | undefined> {
  for (const propose of proposers) {
    const candidate = await propose(situation)
    if (candidate === undefined) continue
    const { update, connectorUpdate, refused } = candidate
    if (update === null && connectorUpdate === null && refused === undefined) continue
    const patch = [candidate.patch, candidate.connectorPatch]
    // What was tried and put back is not tried again.
    if (!situation.rounds.some((round) => isDeepStrictEqual([round.patch, round.connectorPatch], patch)))
      return candidate
  }
  return undefined
}

/** What may not be tried is told, so that the next proposal is another. */
function notTried(candidate: Candidate, failure: ActionVerdict, round: number): FixRound {
  const { by, reason, confidence, patch, connectorPatch, citations, refused = '' } = candidate
  const standing = standingOf(failure)
  return {
    ...{ round, by, reason, confidence, patch, connectorPatch, citations },
    ...{ before: standing, after: standing, kept: false, why: `Not tried: ${refused}`, regressions: [] },
    traces: { before: failure.trace, after: null },
  }
}

interface Trial {
  definition: ConnectorDefinition
  candidate: Candidate
  failure: ActionVerdict
  round: number
}

async function tryCandidate(
  call: ToolCall,
  request: FixRequest,
  { definition, candidate, failure, round }: Trial,
): Promise<{ round: FixRound; verdict: ActionVerdict }> {
  const { connector, action } = request
  const before = standingOf(failure)
  const told = (
    after: ActionVerdict,
    kept: boolean,
    why: string,
    regressions: string[] = [],
  ): { round: FixRound; verdict: ActionVerdict } => {
    const { by, reason, confidence, patch, connectorPatch, citations } = candidate
    const traces = { before: failure.trace, after: after.trace }
    const standing = { before, after: standingOf(after) }
    return {
      verdict: after,
      round: {
        round,
        by,
        reason,
        confidence,
        patch,
        connectorPatch,
        citations,
        ...standing,
        kept,
        why,
        regressions,
        traces,
      },
    }
  }
  const move = moveOf(definition, action, candidate)
  if (move !== null && (await request.mayMove?.(move, candidate)) !== true)
    return told(failure, false, `Nobody allowed sending credentials to ${move.to.join(', ')}.`)
  try {
    if (candidate.update !== null) await call('update_action', candidate.update)
    if (candidate.connectorUpdate !== null) await call('update_connector', candidate.connectorUpdate)
  } catch (cause) {
    const error = toAppError(cause)
    if (error.code !== 'invalid_input' && error.code !== 'conflict') throw error
    await putBack(call, connector, action, definition)
    return told(failure, false, `Patchbay does not take it: ${error.message}`)
  }
  const after = verdictOf(await retest(call, request, [action], round), action)
  if (after === undefined || !isBetter(standingOf(after), before)) {
    await putBack(call, connector, action, definition)
    return told(after ?? failure, false, 'The action gets no further than before.')
  }
  const regressions = await regressionsOf(call, request, candidate, round)
  if (regressions.length > 0) {
    await putBack(call, connector, action, definition)
    return told(after, false, `It makes others worse: ${regressions.join(', ')}.`, regressions)
  }
  return told(after, true, isPassed(standingOf(after)) ? 'The action passes.' : 'The action gets further.')
}

async function retest(
  call: ToolCall,
  { connector, test, seed }: FixRequest,
  actions: readonly string[],
  round: number,
): Promise<TestReport> {
  // Another seed each round: what an earlier one had to leave behind would be in the way of the same name.
  const { report } = await call('test_actions', {
    ...test,
    connector,
    actions: [...actions],
    seed: seed + round,
  })
  return report as unknown as TestReport
}

/**
 * Actions that passed and no longer do. A patch of one action leaves the definitions of the others as they are, so only
 * those are called again that take values of its answers; one of the connector reaches all.
 */
async function regressionsOf(
  call: ToolCall,
  request: FixRequest,
  { connectorUpdate }: Candidate,
  round: number,
): Promise<string[]> {
  const { baseline, action } = request
  const passed = baseline.actions.filter((one) => one.verdict === 'passed' && one.action !== action)
  const reached =
    connectorUpdate !== null
      ? passed
      : passed.filter(
          ({ links, readBack }) => readBack?.action === action || links.some(({ from }) => from === action),
        )
  if (reached.length === 0) return []
  const slugs = reached.map((one) => one.action)
  const report = await retest(call, request, slugs, round)
  // What could not be called any more, because another one fails, does not pass either.
  return slugs.filter((slug) => verdictOf(report, slug)?.verdict !== 'passed')
}

/** Makes the action and the connector what they were, and makes sure of it. */
async function putBack(
  call: ToolCall,
  connector: string,
  action: string,
  before: ConnectorDefinition,
): Promise<void> {
  const now = await definitionOf(call, connector)
  const [was, is] = [actionIn(before, action), actionIn(now, action)]
  const update = was === undefined || is === undefined ? null : updateBetween(connector, is, was)
  if (update !== null) await call('update_action', update)
  const connectorUpdate = connectorUpdateBetween(now, before)
  if (connectorUpdate !== null) await call('update_connector', connectorUpdate)
  const after = await definitionOf(call, connector)
  if (!isDeepStrictEqual(actionIn(after, action), was) || connectorUpdateBetween(after, before) !== null) {
    throw new AppError(
      'conflict',
      `'${connector}.${action}' could not be put back as it was before a patch.`,
      {
        hint: 'list_connector_versions and restore_connector_version bring an earlier version back.',
      },
    )
  }
}
