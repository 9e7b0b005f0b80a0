import { z } from 'zod'
import type { Models } from '../../agents/models/models.ts'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { AppError, conflict, invalidInput, notFound } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import { inOneLine, issuesOf, missing } from '../../core/issues.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import {
  type AgentRunRow,
  addAgentRunEvents,
  concludeAgentRun,
  dropCheckpointsAfter,
  getAgentRun,
  insertAgentRun,
  listAgentRunEvents,
  lockAgentRun,
  putRunRecord,
  requestAgentRunCancel,
  requeueAgentRun,
} from '../../db/agent-runs.ts'
import type { Database, Tx } from '../../db/database.ts'
import type { Changes } from '../../runtime/changes/changes.ts'
import type { AgentRuns, RunBudget } from '../../tools/agents/agent-runs.ts'
import type { Catalog } from '../../tools/services.ts'
import { keepActor, keptActor, requireSteering } from './actor.ts'
import { compileGraph, loadLangGraph } from './build-graph.ts'
import { buildCheckpointer } from './checkpointer.ts'
import { buildRelay } from './client-model.ts'
import type { AtNode } from './context.ts'
import type { AnyAgent } from './define-agent.ts'
import { buildExecutor } from './executor.ts'
import { buildNews } from './news.ts'

const DEFAULT_BUDGET: RunBudget = { maxTokens: 1_000_000, maxSteps: 200, maxSeconds: 3_600 }
const EVENTS_AT_ONCE = 200
const MAX_CHECKPOINTS = 200
const ENDED = ['completed', 'failed', 'canceled']
/** Shown in lists of checkpoints, though no node of a graph. */
const END = '__end__'

export interface AgentRunsOptions {
  db: Database
  log: Logger
  agents: readonly AnyAgent[]
  models: Models
  catalog: Catalog
  changes: Changes
  worker: string
  /** Runs at once in this process, and of one organization in all. */
  concurrency: number
  perOrganization: number
  atNode?: AtNode | undefined
}

/** Runs of agents: what the tools use, and what makes this process work on them. */
export function buildAgentRuns(options: AgentRunsOptions): AgentRuns & {
  startWork(): Promise<void>
  stopWork(): Promise<void>
} {
  const { db, agents, models, changes, catalog } = options
  const byName = new Map(agents.map((agent) => [agent.name, agent]))
  const news = buildNews()
  const executor = buildExecutor({ ...options, news, agent: (name) => byName.get(name) })
  changes.on('agent_runs', (change) => {
    news.tell(change?.about ?? null)
    executor.look()
  })
  changes.on('api_keys', () => {
    executor
      .checkKeys()
      .catch((error: Error) => options.log.warn({ err: error.message }, 'keys of agent runs'))
  })

  /** Changes a run's row, locked; others are told once it is committed. */
  const change = async (
    actor: Actor,
    id: string,
    fn: (tx: Tx, run: AgentRunRow) => Promise<AgentRunRow | undefined>,
  ): Promise<AgentRunRow> => {
    const row = await db.tenant(scopeOf(actor), async (tx) =>
      fn(tx, required(id, await lockAgentRun(tx, id))),
    )
    executor.look()
    news.tell(id)
    return required(id, row)
  }
  /** @throws AppError `forbidden` for who may do less than the run: it would act for them with more than they may */
  const steered = (actor: Actor, run: AgentRunRow) => {
    const allowed = byName.get(run.agent)?.tools ?? []
    const tools = catalog.visibleTo(keptActor(run)).filter(({ name }) => allowed.includes(name))
    requireSteering(
      actor,
      run,
      tools.map(({ permission }) => permission),
    )
  }
  const read = async (actor: Actor, id: string) =>
    required(id, await db.read(scopeOf(actor), (tx) => getAgentRun(tx, id)))

  return {
    agents: () =>
      agents.map(({ name, title, description, needsModel, tools, input, output }) => ({
        name,
        title,
        description,
        needsModel,
        tools,
        input: z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as { [key: string]: unknown },
        output: z.toJSONSchema(output, { unrepresentable: 'any' }) as { [key: string]: unknown },
      })),
    model: () => models.describe(),
    start: async (actor, { agent: name, input, approval, clientModel, budget = {} }, within) => {
      const agent = byName.get(name)
      if (agent === undefined) throw notFound('agent', name, 'list_agents shows those there are.')
      // As tools do, so that a misspelled field is not left out in silence.
      const parsed = agent.input.strict().safeParse(input, { error: missing })
      if (!parsed.success) {
        const issues = issuesOf(parsed.error, 'input')
        throw invalidInput(`${agent.title}: ${inOneLine(issues)}`, {
          where: issues[0]?.where ?? 'input',
          hint: 'list_agents shows what each agent takes.',
        })
      }
      // Asked for what it cannot do without, the layer of models says itself how to configure one.
      const given = Object.fromEntries(Object.entries(budget).filter(([, value]) => value !== undefined))
      const withoutServers = clientModel ? ('client' as const) : ('none' as const)
      const run = {
        budget: { ...DEFAULT_BUDGET, ...given },
        model: models.describe().provider === 'none' ? withoutServers : ('server' as const),
      }
      if (agent.needsModel) requireModel(models, actor, run)
      const row = await within((tx) =>
        insertAgentRun(tx, {
          id: newId('agentRun', db.now()),
          organizationId: actor.organizationId,
          ...keepActor(actor),
          agent: name,
          input,
          approval,
          ...run,
        }),
      )
      executor.look()
      return required(name, row)
    },
    wait: async (actor, id, { ms, signal, onNews, clientModel }) => {
      const onAnswer = () => news.tell(id)
      const relay = clientModel && buildRelay({ db, log: options.log, actor, clientModel, signal, onAnswer })
      const end = performance.now() + ms
      let seen = 0
      for (;;) {
        const coming = news.next(id)
        const [row, events] = await db.read(scopeOf(actor), async (tx) => [
          await getAgentRun(tx, id),
          onNews === undefined
            ? []
            : await listAgentRunEvents(tx, { run: id, after: seen, limit: EVENTS_AT_ONCE }),
        ])
        seen = events.at(-1)?.seq ?? seen
        if (events.length > 0) onNews?.(events)
        await relay?.look(row)
        const left = end - performance.now()
        const done = row === undefined || ENDED.includes(row.status) || row.status === 'waiting'
        if (done || left <= 0 || signal.aborted) {
          coming.forget()
          return relay?.done()
        }
        await coming.within(left, signal)
      }
    },
    news: (id, ms, signal) => news.next(id).within(ms, signal),
    answer: (actor, id, { question, answer }) =>
      change(actor, id, async (tx, run) => {
        steered(actor, run)
        const open = run.question
        if (run.status !== 'waiting' || open === null)
          throw conflict(`The run asks nothing: it is ${run.status}.`, {
            hint: 'get_agent_run shows how far it is.',
          })
        if (question !== undefined && question !== open.id)
          throw conflict('The run asks something else by now.', {
            hint: 'get_agent_run shows the open question.',
          })
        const checked = checkAnswer(open.schema, answer)
        await putRunRecord(tx, id, open.id, checked)
        const data = { question: open.id, point: open.point, answer: checked, by: actor.name }
        await addAgentRunEvents(tx, id, [{ type: 'answer', data }])
        return requeueAgentRun(tx, id)
      }),
    cancel: (actor, id) =>
      change(actor, id, async (tx, run) => {
        if (ENDED.includes(run.status)) return run
        await requestAgentRunCancel(tx, id)
        if (run.status === 'running') return { ...run, cancel_requested: true }
        await addAgentRunEvents(tx, id, [{ type: 'status', data: { status: 'canceled' } }])
        return concludeAgentRun(tx, id, { status: 'canceled' })
      }),
    checkpoints: async (actor, id) => {
      const run = await read(actor, id)
      const agent = byName.get(run.agent)
      if (agent === undefined) throw notFound('agent', run.agent)
      const checkpointer = await buildCheckpointer(db, scopeOf(actor))
      const graph = compileGraph(agent, await loadLangGraph(), checkpointer, neverVisited)
      const found = []
      for await (const { config, next, metadata, createdAt } of graph.getStateHistory({
        configurable: { thread_id: id },
      })) {
        const checkpoint = config.configurable?.checkpoint_id
        if (checkpoint === undefined || next.length === 0) continue
        const nodes = next.filter((node) => node !== END)
        found.push({ id: checkpoint, next: nodes, step: metadata?.step ?? 0, createdAt: createdAt ?? '' })
        if (found.length === MAX_CHECKPOINTS) break
      }
      return found
    },
    rewind: (actor, id, checkpoint) =>
      change(actor, id, async (tx, run) => {
        steered(actor, run)
        if (run.status === 'running' || run.status === 'queued')
          throw conflict('The run is at work.', { hint: 'cancel_agent_run first, then go back.' })
        if (!(await dropCheckpointsAfter(tx, id, checkpoint)))
          throw notFound('checkpoint', checkpoint, 'list_agent_checkpoints lists those of the run.')
        await addAgentRunEvents(tx, id, [{ type: 'rewind', data: { checkpoint, by: actor.name } }])
        return requeueAgentRun(tx, id, { newEpoch: true })
      }),
    startWork: executor.start,
    stopWork: executor.stop,
  }
}

function required<T>(id: string, row: T | undefined): T {
  if (row === undefined) throw notFound('agent run', id, 'list_agent_runs lists the runs this key may see.')
  return row
}

const neverVisited = () =>
  Promise.reject(new AppError('internal', 'A graph was run that was built to be looked at.'))

/** @throws AppError `invalid_input` saying which field of the answer is not as asked */
function checkAnswer(schema: unknown, answer: JsonObject): JsonObject {
  const parsed = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(answer, {
    error: missing,
  })
  if (parsed.success) return parsed.data as JsonObject
  throw invalidInput(`The answer is not as asked: ${inOneLine(issuesOf(parsed.error, 'answer'))}`, {
    where: 'answer',
    hint: 'get_agent_run shows the schema under question.schema.',
    data: { schema },
  })
}

/** @throws AppError as the layer of models says it: there is none, or no price for a budget in money */
function requireModel(
  models: Models,
  actor: Actor,
  { budget, model }: { budget: RunBudget; model: AgentRunRow['model'] },
): void {
  models.forRun({
    organizationId: actor.organizationId,
    runId: 'none',
    budget,
    sink: { token: () => undefined, call: () => undefined, toolCall: () => undefined },
    signal: AbortSignal.abort(),
    askClient: model === 'client' ? neverAsked : undefined,
  })
}

const neverAsked = () =>
  Promise.reject(new AppError('internal', 'A model was asked that was only looked for.'))
