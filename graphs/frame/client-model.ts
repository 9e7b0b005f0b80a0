import type { AskClient } from '../../agents/models/sampled.ts'
import { type Actor, scopeOf } from '../../core/actor.ts'
import { AppError, toErrorBody } from '../../core/errors.ts'
import { newId } from '../../core/ids.ts'
import type { Logger } from '../../core/log.ts'
import type { AgentRunRow } from '../../db/agent-runs.ts'
import type { Database } from '../../db/database.ts'
import {
  answerModelRequest,
  deleteModelRequest,
  deleteModelRequests,
  getModelRequest,
  giveBackModelRequest,
  insertModelRequest,
  type ModelAnswer,
  type ModelRequest,
  takeModelRequest,
} from '../../db/model-requests.ts'
import type { ClientModel } from '../../tools/define-tool.ts'
import { scopeOfRun } from './actor.ts'
import type { News } from './news.ts'

/** How long a run waits for a client that may be asked. */
const AWAY_MS = 10 * 60_000
/** How long a client may have a request: longer than it is waited for. */
const TAKEN_SECONDS = 180

/**
 * Asks the model of the client that stays with a run, wherever it does: the request waits in the database until that
 * client's call takes it along.
 */
export function askingClient(db: Database, news: News, run: AgentRunRow): AskClient {
  const scope = scopeOfRun(run)
  // Of a process that died with the run: nobody wants the answer any more.
  let cleared: Promise<unknown> | undefined
  return async (request, signal) => {
    const id = newId('modelRequest')
    cleared ??= db.tenant(scope, (tx) => deleteModelRequests(tx, run.id))
    await cleared
    await db.tenant(scope, (tx) => insertModelRequest(tx, run, id, request))
    let seenAt = performance.now()
    for (;;) {
      const coming = news.next(run.id)
      const found = await db.read(scope, (tx) => getModelRequest(tx, id))
      const now = performance.now()
      if (found?.taken === true) seenAt = now
      const answer = found?.answer ?? undefined
      const over = found === undefined || signal.aborted || now - seenAt > AWAY_MS
      if (answer === undefined && !over) {
        await coming.within(AWAY_MS, signal)
        continue
      }
      coming.forget()
      await db.tenant(scope, (tx) => deleteModelRequest(tx, id))
      signal.throwIfAborted()
      return answer ?? { error: toErrorBody(nobodyThere()) }
    }
  }
}

/** Takes what a run asks the client's model to that client, while a call of it stays with the run. */
export function buildRelay(deps: {
  db: Database
  log: Logger
  actor: Actor
  clientModel: ClientModel
  signal: AbortSignal
  /** There is an answer. */
  onAnswer: () => void
}) {
  const { db, actor, signal } = deps
  const scope = scopeOf(actor)
  const under = new Set<Promise<void>>()

  const carry = async (id: string, request: ModelRequest): Promise<void> => {
    let answer: ModelAnswer
    try {
      answer = await deps.clientModel(request, signal)
    } catch (cause) {
      if (signal.aborted) {
        await db.tenant(scope, (tx) => giveBackModelRequest(tx, id))
        return
      }
      answer = { error: toErrorBody(refused(cause)) }
    }
    await db.tenant(scope, (tx) => answerModelRequest(tx, id, answer))
    deps.onAnswer()
  }
  return {
    /** Takes along what the run asks by now. Only who started it is asked: its prompts are made of what they may read. */
    async look(run: AgentRunRow | undefined): Promise<void> {
      if (run?.model !== 'client' || run.status !== 'running' || run.actor.id !== actor.id) return
      for (;;) {
        const taken = await db.tenant(scope, (tx) => takeModelRequest(tx, run.id, TAKEN_SECONDS))
        if (taken === undefined) return
        const carried = carry(taken.id, taken.request)
          .catch((err: unknown) =>
            deps.log.warn({ err, run: run.id }, 'an answer of a client’s model was lost'),
          )
          .finally(() => under.delete(carried))
        under.add(carried)
      }
    },
    /** Resolves when the client has nothing to answer any more. */
    async done(): Promise<void> {
      while (under.size > 0) await Promise.all(under)
    },
  }
}

const refused = (cause: unknown) =>
  new AppError(
    'upstream_error',
    `The client’s model gave no answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      retryable: true,
      hint: 'Allow the client to be asked, and rewind_agent_run or start again; or have a model configured (docs/models.md).',
    },
  )
const nobodyThere = () =>
  new AppError(
    'unavailable',
    'The run is driven by the model of the client that started it, which did not come back.',
    {
      retryable: true,
      hint: 'rewind_agent_run goes on from a checkpoint; then stay with it from that client: get_agent_run with waitSeconds, until it has ended.',
    },
  )
