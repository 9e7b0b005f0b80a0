import { z } from 'zod'
import type { Candidate } from '../../agents/action-fixer/candidate.ts'
import { proposeByComparing } from '../../agents/action-fixer/deterministic.ts'
import { type FixResult, fixAction, type Proposer } from '../../agents/action-fixer/fix-action.ts'
import type { Move } from '../../agents/action-fixer/moves.ts'
import { proposeByModel } from '../../agents/action-fixer/propose-by-model.ts'
import { mergeReports } from '../../agents/action-tester/merge-reports.ts'
import type { Json } from '../../core/json.ts'
import type { RunContext } from '../frame/define-agent.ts'
import { docsBefore } from './docs-read.ts'
import { modelOf, withoutWhereItFails } from './model-of.ts'
import type { Output, State } from './state.ts'
import { keepUnpatched, revisionOf, tellRejecting } from './take-back.ts'
import { failedIn, testInputOf } from './test.ts'

const MAX_FIXED = 25

/** Mends what failed, one action after the other: a patch of what they share is seen by the next. */
export async function fix(state: State, run: RunContext): Promise<Partial<State>> {
  const { input, made, reports, notTested, seed } = state
  const baseline = mergeReports(reports)
  const failed = failedIn(baseline).slice(0, MAX_FIXED)
  if (made === null || baseline === undefined || notTested !== null || failed.length === 0) return {}
  const { connector } = made
  const unpatched = await keepUnpatched(run, connector)
  const model = modelOf(run)
  const docs = model === undefined ? [] : (input.docs ?? [])
  if (docs.length > 0) await docsBefore(run)
  for (const url of docs) await run.call('index_api_docs', { url, connector })
  const proposers = [
    proposeByComparing(run.call, { spec: input.spec, url: input.spec === undefined ? input.url : undefined }),
    ...(model === undefined ? [] : [askingModel(run, proposeByModel(run.call, model))]),
  ]
  const fixes: FixResult[] = []
  for (const { action } of failed) {
    const request = {
      connector,
      action,
      test: testInputOf(input),
      seed,
      baseline,
      proposers,
      mayMove: askToMove(run, action),
    }
    const result = await fixAction(run.call, request)
    fixes.push(result)
    const kept = result.rounds.filter((round) => round.kept).length
    await run.message(
      `${action}: ${result.fixed ? 'mended' : 'not mended'}, ${kept} of ${result.rounds.length} patches kept.`,
    )
  }
  await run.artifact({ kind: 'diff', title: `Patches of ${connector}`, content: fixes as unknown as Json })
  return { fixes, unpatched, revision: await revisionOf(run, connector) }
}

const askingModel =
  (run: RunContext, propose: Proposer): Proposer =>
  (situation) =>
    withoutWhereItFails(run, `Mending ${situation.action}`, () => propose(situation), undefined)

/** Asks a person, in Auto mode too: what a description or a failure says does not settle where credentials go. */
const askToMove =
  (run: RunContext, action: string) =>
  async ({ from, to }: Move, { reason, patch, connectorPatch }: Candidate): Promise<boolean> => {
    const { allow } = await run.handback({
      point: 'before_moving',
      question: `To mend ${action}, the account's credentials would be sent to ${to.join(', ')} (now: ${from.join(', ')}). Send them there?`,
      details: {
        action,
        from,
        to,
        reason,
        patch: patch as unknown as Json,
        connectorPatch: connectorPatch as unknown as Json,
      },
      answer: z.object({ allow: z.boolean().describe('Is that an address of the same API?') }),
    })
    return allow
  }

/** Hands back after mending. */
export async function review(state: State, run: RunContext): Promise<Partial<State>> {
  const { fixes, made } = state
  const kept = fixes.flatMap(({ action, rounds }) =>
    rounds
      .filter((round) => round.kept)
      .map(({ reason, patch, connectorPatch, by, citations }) => ({
        action,
        by,
        reason,
        patch,
        connectorPatch,
        citations,
      })),
  )
  if (kept.length === 0) return {}
  const mended = fixes.filter(({ fixed }) => fixed).length
  const answer = await run.handback({
    point: 'after_fixing',
    question: `${mended} of ${fixes.length} failing actions of '${made?.connector ?? ''}' pass now. Accept the patches? ${await tellRejecting(state, run)}`,
    details: { patches: kept as unknown as Json },
    answer: z.object({
      accept: z.boolean().describe('Keep them? false: they are rejected, and taken back.'),
    }),
    default: { accept: true },
  })
  return { accepted: answer.accept }
}

/** What the run came to. */
export async function conclude(state: State): Promise<Partial<State>> {
  const { made, discovery, events, droppedEvents, reports, notTested, fixes, accepted, undone } = state
  const report = mergeReports(reports)
  const isGone = undone.connector === 'deleted'
  // With the patches gone the actions do again what they did in the test before.
  const stand = undone.connector === null ? fixes : []
  const mended = new Map(stand.map((one) => [one.action, one]))
  const verdicts = (report?.actions ?? []).map((verdict) => mended.get(verdict.action)?.verdict ?? verdict)
  const output: Output = {
    connector: isGone ? null : (made?.connector ?? null),
    operationsFound: discovery?.found ?? 0,
    actions: isGone ? 0 : (made?.actions.length ?? 0),
    events: isGone ? 0 : (events?.events.length ?? 0),
    tested: report?.counts ?? null,
    notTested,
    passed: verdicts
      .filter(({ verdict }) => verdict === 'passed')
      .map(({ action }) => action)
      .toSorted(),
    fixed: stand.filter(({ fixed }) => fixed).map(({ action }) => action),
    failing: verdicts
      .filter(({ verdict }) => verdict === 'failed')
      .map(({ action, check, problems, trace }) => ({ action, check, problem: problems[0] ?? '', trace })),
    leftOut: made?.leftOut ?? [],
    droppedEvents,
    left: report?.cleanup.left ?? [],
    accepted,
    takenBack: undone.takenBack,
    notTakenBack: undone.notTakenBack,
  }
  return { output }
}
