import { createHash } from 'node:crypto'
import { stringify } from 'safe-stable-stringify'
import { z } from 'zod'
import type { ConversationRecord, ModelSink, Models, RunModel, ToldCall } from '../../agents/models/models.ts'
import type { AskClient } from '../../agents/models/sampled.ts'
import type { Actor } from '../../core/actor.ts'
import { AppError, type ErrorBody, toAppError, toErrorBody } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { AgentRunRow, OpenQuestion } from '../../db/agent-runs.ts'
import { toJsonb } from '../../db/jsonb.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import type { Catalog } from '../../tools/services.ts'
import { type Stop, stopped } from './claim.ts'
import type { AnyAgent, Handback, LangGraph, RunContext } from './define-agent.ts'
import type { Journal } from './journal.ts'
import { preview, redacted } from './preview.ts'

/** Moments of a visit; tests stop the process at each. */
export type Moment = 'entered' | 'called' | 'left'
export type AtNode = (moment: Moment, node: string) => void

/** What all visits of nodes in one claim of a run share. */
export interface Claim {
  run: AgentRunRow
  agent: AnyAgent
  actor: Actor
  journal: Journal
  catalog: Catalog
  langgraph: LangGraph
  models: Models
  /** The model of the client that stays with the run, where that one drives it. */
  askClient: AskClient | undefined
  /** The model of this claim, made when it is first asked for. */
  model: RunModel | undefined
  stopping: AbortController
  /** Questions nodes have stopped at. */
  questions: OpenQuestion[]
  atNode: AtNode | undefined
}

const hashOf = (...parts: unknown[]): string =>
  createHash('sha256')
    .update(stringify(parts) ?? '')
    .digest('hex')
    .slice(0, 24)

/** The context of one visit: `visit` names the node and the task, the same when the visit is run again. */
export function buildContext(claim: Claim, visit: string): RunContext {
  const { run, agent, actor, journal, stopping } = claim
  const { signal } = stopping
  const counts = new Map<string, number>()
  /** The name of the k-th thing of its kind in this visit, since the run last went back. */
  const nameOf = (kind: string, ...what: unknown[]): string => {
    const name = hashOf(run.epoch, visit, kind, ...what)
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return `${kind}_${name}_${count}`
  }
  const goOn = () => {
    if (signal.aborted) throw stopped(signal.reason as Stop)
  }

  const once = async <T>(key: string, fn: () => Promise<T>): Promise<T> => {
    goOn()
    const known = await journal.recorded(key)
    if (known !== undefined) return known as T
    const value = await fn()
    goOn()
    await journal.record(key, value)
    return asKept(value)
  }

  /** Run again, the visit tells the same, which is told already. */
  const tellOnce = async (type: string, what: unknown[], data: JsonObject): Promise<void> => {
    goOn()
    const key = nameOf(type, ...what)
    if ((await journal.recorded(key)) !== undefined) return
    await journal.record(key, true, { type, data: { node: nodeOf(visit), ...data } })
  }

  const callTool = async (tool: string, input: JsonObject, anew: boolean): Promise<JsonObject> => {
    goOn()
    if (!agent.tools.includes(tool)) {
      throw new AppError('forbidden', `${agent.title} may not call ${tool}.`, {
        hint: `It may call: ${agent.tools.join(', ') || 'nothing'}.`,
      })
    }
    const key = nameOf(anew ? 'look' : 'call', tool, input)
    const known = (anew ? undefined : await journal.recorded(key)) as
      | { output: JsonObject }
      | { error: ErrorBody }
      | undefined
    if (known !== undefined) return outcomeOf(known)
    const startedAt = performance.now()
    const definition = claim.catalog.visibleTo(actor).find(({ name }) => name === tool)
    const changes = definition !== undefined && definition.effect !== 'read'
    const outcome = await claim.catalog
      .call(tool, withIdempotencyKey(definition, input, `${run.id}:${key}`), {
        actor,
        signal,
        ...(changes ? { keeper: journal.keeper(key) } : {}),
      })
      .then(
        (output) => ({ output: output as JsonObject }),
        (cause: unknown) => ({ error: toErrorBody(toAppError(cause)) }),
      )
    if (changes) claim.atNode?.('called', nodeOf(visit))
    goOn() // a call that was cut off tells nothing
    const durationMs = Math.round(performance.now() - startedAt)
    const told = 'error' in outcome ? { error: outcome.error.message } : { output: preview(outcome.output) }
    // Of what was changed the tool is kept with the answer: `did` finds it.
    await journal.record(key, changes ? { ...outcome, tool } : outcome, {
      type: 'tool_call',
      data: { node: nodeOf(visit), tool, input: preview(input), ...told, durationMs },
    })
    return outcomeOf(asKept(outcome))
  }

  const conversation: ConversationRecord = {
    answer: (prompt, ask) => once(nameOf('turn', ...prompt), ask),
    toolCall: (call) => tellOnce('tool_call', [call.name, call.input], toldOf(call)),
  }

  return {
    runId: run.id,
    actor,
    approval: run.approval,
    signal,
    call: (tool, input) => callTool(tool, input, false),
    look: (tool, input) => callTool(tool, input, true),
    once: (name, fn) => once(nameOf('once', name), fn),
    first: (name, fn) => once(`first_${name}`, fn),
    did: (tools) => {
      goOn()
      return journal.changes(tools)
    },
    model: () => {
      claim.model ??= claim.models.forRun({
        organizationId: run.organization_id,
        runId: run.id,
        budget: run.budget,
        sink: sinkOf(claim),
        signal,
        askClient: claim.askClient,
        secondsUsed: run.worked_ms / 1_000,
      })
      const model = claim.model
      return {
        // Paid for once: a visit that is run again takes the answer it got.
        structured: (call) =>
          once(nameOf('answer', call.name, call.tier, call.system, call.prompt), () =>
            model.structured(call),
          ),
        converse: (call) => model.converse({ ...call, record: conversation }),
        used: () => model.used(),
      }
    },
    message: (text) => tellOnce('message', [text], { text }),
    artifact: ({ kind, title, content }) =>
      tellOnce('artifact', [kind, title, content], { kind, title, content: redacted(content) }),
    handback: (question) => handback(claim, visit, nameOf('q'), question),
  }
}

/** As it is had when the visit is run again: characters that cannot be stored are others then. */
const asKept = <T>(value: T): T => JSON.parse(toJsonb(value)) as T

export const nodeOf = (visit: string): string => visit.split('|').at(-1)?.split(':')[0] ?? visit

async function handback<S extends z.ZodObject>(
  claim: Claim,
  visit: string,
  id: string,
  asked: Handback<S>,
): Promise<z.output<S>> {
  const { journal, run } = claim
  const known = await journal.recorded(id)
  if (known !== undefined) return asked.answer.parse(known)
  const question: OpenQuestion = {
    id,
    point: asked.point,
    question: asked.question,
    details: redacted(asked.details ?? {}) as JsonObject,
    schema: z.toJSONSchema(asked.answer, { io: 'input' }) as { [key: string]: unknown },
    default: (asked.default as JsonObject | undefined) ?? null,
  }
  if (run.approval === 'auto' && asked.default !== undefined) {
    const answer = asked.answer.parse(asked.default)
    const data = { ...question, node: nodeOf(visit), answeredBy: 'auto', answer } as unknown as JsonObject
    await journal.record(id, asked.default, { type: 'handback', data })
    return answer
  }
  claim.questions.push(question)
  return claim.langgraph.interrupt(question) as never
}

function outcomeOf(outcome: { output: JsonObject } | { error: ErrorBody }): JsonObject {
  if ('output' in outcome) return outcome.output
  const { code, message, ...details } = outcome.error
  throw new AppError(code, message, details)
}

/** A tool that takes a key of its own to know a repeated call by is given one. */
function withIdempotencyKey(tool: AnyTool | undefined, input: JsonObject, key: string): JsonObject {
  if (tool === undefined || !('idempotencyKey' in tool.input.shape) || 'idempotencyKey' in input) return input
  return { ...input, idempotencyKey: key }
}

function toldOf({ name, input, durationMs, ...rest }: ToldCall): JsonObject {
  const told = 'error' in rest ? { error: rest.error } : { output: preview(rest.output) }
  return { tool: name, input: preview(input), ...told, durationMs, by: 'model' }
}

function sinkOf({ journal, stopping }: Claim): ModelSink {
  const tell = (type: string, data: JsonObject) => {
    journal.tell(type, data).catch((error: unknown) => stopping.abort(toAppError(error)))
  }
  return {
    token: journal.token,
    restart: () => tell('token', { text: '', restart: true }),
    call: (call) => tell('model_call', call as unknown as JsonObject),
    toolCall: (call) => tell('tool_call', toldOf(call)),
  }
}

/** The run's output out of the graph's last state. */
export function outputOf(agent: AnyAgent, values: unknown): JsonObject {
  const output = isJsonObject(values) ? (values.output as Json | undefined) : undefined
  return agent.output.parse(output ?? {}) as JsonObject
}
