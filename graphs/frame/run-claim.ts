import type { Models } from '../../agents/models/models.ts'
import { AppError, toAppError, toErrorBody } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import {
  type AgentRunOutcome,
  type AgentRunRow,
  addAgentRunEvents,
  addAgentRunUsage,
  concludeAgentRun,
  lockClaim,
  type NewAgentRunEvent,
} from '../../db/agent-runs.ts'
import type { Database } from '../../db/database.ts'
import type { Catalog } from '../../tools/services.ts'
import { actorOfRun, scopeOfRun } from './actor.ts'
import { compileGraph, loadLangGraph } from './build-graph.ts'
import { buildCheckpointer } from './checkpointer.ts'
import { ClaimLost, type Stop, stopped } from './claim.ts'
import { askingClient } from './client-model.ts'
import { type AtNode, buildContext, type Claim, nodeOf, outputOf } from './context.ts'
import type { AnyAgent } from './define-agent.ts'
import { buildJournal } from './journal.ts'
import type { News } from './news.ts'

/** Rounds of nodes in one claim: a graph that turns in circles ends. */
const MAX_ROUNDS = 500
/** A run whose processes died so often without getting on is what kills them. */
const MAX_LOSSES = 5

export interface ClaimDeps {
  db: Database
  log: Logger
  models: Models
  catalog: Catalog
  news: News
  agent(name: string): AnyAgent | undefined
  /**
   * Called in each visit: before the node, after each call of a tool that changes something (its answer is not recorded
   * yet), and after the node (its result is not stored yet).
   */
  atNode?: AtNode | undefined
}

/**
 * Works on a run this process has claimed until it has ended, asks something, or is stopped; then says so in its row.
 * @param stopping aborted with the reason (`Stop`)
 * @throws ClaimLost when another process has the run: nothing was written
 */
export async function runClaim(deps: ClaimDeps, run: AgentRunRow, stopping: AbortController): Promise<void> {
  const { db, log } = deps
  const scope = scopeOfRun(run)
  const startedAt = performance.now()
  const journal = buildJournal({ db, log, scope, run })
  let claim: Claim | undefined
  const outcome = await work(async () => {
    const agent = deps.agent(run.agent)
    if (agent === undefined) throw noLonger(run.agent)
    if (run.losses >= MAX_LOSSES) throw keepsDying(run.losses)
    const [actor, langgraph] = await Promise.all([actorOfRun(db, run), loadLangGraph()])
    claim = {
      run,
      agent,
      actor,
      journal,
      catalog: deps.catalog,
      langgraph,
      models: deps.models,
      askClient: run.model === 'client' ? askingClient(db, deps.news, run) : undefined,
      model: undefined,
      stopping,
      questions: [],
      atNode: deps.atNode,
    }
    await journal.tell('status', { status: 'running' })
    return goThrough(deps, claim)
  }, stopping)
  const usage = await claim?.model?.used()
  await journal.flush()
  await db.tenant(scope, async (tx) => {
    if ((await lockClaim(tx, run.id, run.claim)) === undefined)
      throw new ClaimLost('The run is in other hands.')
    await addAgentRunUsage(tx, run.id, usage === undefined ? run.usage : { ...usage }, 0)
    await addAgentRunEvents(tx, run.id, endingEvents(outcome))
    await concludeAgentRun(tx, run.id, outcome)
  })
  log.debug(
    { run: run.id, status: outcome.status, ms: Math.round(performance.now() - startedAt) },
    'agent run',
  )
}

/** Runs the graph from where it is: its checkpoint, or its start. */
async function goThrough(deps: ClaimDeps, claim: Claim): Promise<AgentRunOutcome> {
  const { run, agent, journal, langgraph, stopping } = claim
  const checkpointer = await buildCheckpointer(deps.db, scopeOfRun(run), run)
  const graph = compileGraph(agent, langgraph, checkpointer, async ({ visit }, node) => {
    const name = nodeOf(visit)
    await journal.tell('step', { node: name, phase: 'started' })
    deps.atNode?.('entered', name)
    const update = await node(buildContext(claim, visit))
    await journal.tell('step', { node: name, phase: 'ended' })
    deps.atNode?.('left', name)
    return update
  })
  const config = { configurable: { thread_id: run.id } }
  const begun = (await checkpointer.getTuple(config)) !== undefined
  const seconds = run.budget.maxSeconds - run.worked_ms / 1_000
  const timer = setTimeout(
    () => stopping.abort(outOfTime(run.budget.maxSeconds)),
    Math.max(0, seconds * 1_000),
  )
  try {
    await graph.invoke(begun ? null : { input: agent.input.parse(run.input) }, {
      ...config,
      signal: stopping.signal,
      recursionLimit: MAX_ROUNDS,
      durability: 'sync',
    })
  } finally {
    clearTimeout(timer)
  }
  const [question] = claim.questions
  if (question !== undefined) return { status: 'waiting', question }
  const { values } = await graph.getState(config)
  return { status: 'completed', output: outputOf(agent, values) }
}

/** The outcome of the work, whatever became of it. */
async function work(fn: () => Promise<AgentRunOutcome>, stopping: AbortController): Promise<AgentRunOutcome> {
  try {
    return await fn()
  } catch (cause) {
    if (cause instanceof ClaimLost || stopping.signal.reason === 'lost')
      throw new ClaimLost('The run is in other hands.')
    const stop: Stop | undefined = stopping.signal.aborted ? (stopping.signal.reason as Stop) : undefined
    if (stop === 'canceled') return { status: 'canceled' }
    if (stop === 'draining') return { status: 'queued' }
    return { status: 'failed', error: toErrorBody(stop === undefined ? asFailure(cause) : stopped(stop)) }
  }
}

function asFailure(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  if (cause instanceof Error && cause.name === 'GraphRecursionError') {
    return new AppError('limit_exceeded', `The agent went on for ${MAX_ROUNDS} rounds without an end.`)
  }
  return toAppError(cause)
}

function endingEvents(outcome: AgentRunOutcome): NewAgentRunEvent[] {
  const { status, question, error, output } = outcome
  const events: NewAgentRunEvent[] = []
  if (question != null) events.push({ type: 'handback', data: { ...question } as unknown as JsonObject })
  const data = {
    status,
    ...(error == null ? {} : { error: { ...error } }),
    ...(output == null ? {} : { output }),
  } as unknown as JsonObject
  return [...events, { type: 'status', data }]
}

const noLonger = (name: string) =>
  new AppError('unavailable', `There is no agent '${name}' any more.`, {
    hint: 'list_agents shows those there are.',
  })
const keepsDying = (losses: number) =>
  new AppError('internal', `The processes working on this run died ${losses} times at the same place.`, {
    hint: 'rewind_agent_run tries again from a checkpoint.',
  })
const outOfTime = (seconds: number) =>
  new AppError('limit_exceeded', `The run's time (maxSeconds: ${seconds}) is used up.`, {
    hint: 'Start it with a larger budget.',
    retryable: false,
  })
