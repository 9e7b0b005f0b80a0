import {
  type CallToolResult,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { CallOptions, McpDoor } from './door.ts'
import type { Exchange } from './elicitation.ts'
import { asForm } from './handback.ts'
import { POLL_MS, readTask, statusOf, TaskRef } from './tasks.ts'
import { toToolResult } from './tool-view.ts'
import { clientCapabilitiesOf } from './transport/client-capabilities.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'
const required = { extensions: { [TASKS_EXTENSION]: {} } }

/** Does the client behind this request take a task for an answer? */
export const takesTasks = ({ server, context }: Pick<Exchange, 'server' | 'context'>): boolean =>
  clientCapabilitiesOf(server, context).extensions?.[TASKS_EXTENSION] !== undefined

/**
 * Runs of agents as tasks of MCP 2026-07-28's Tasks extension (SEP-2663): a call of a tool that starts a run answers with the
 * task at once, for clients that declare the extension, and the task is the run. What the run asks stands in `inputRequests`
 * as a form, for clients that show forms, and `tasks/update` brings the answer; for others the task is completed then, with
 * the question in its result. Who declines to answer cancels the run; who dismisses the question leaves it to whoever answers
 * by another door.
 */
export function serveTasksExtension(
  server: Server,
  door: McpDoor,
  optionsOf: (context: ServerContext) => CallOptions,
): void {
  const exchangeOf = (context: ServerContext): Exchange => {
    const exchange = { server, context, door, modern: true }
    if (!takesTasks(exchange))
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: required })
    return exchange
  }
  server.setRequestHandler('tasks/get', { params: TaskRef }, async ({ taskId }, context) => {
    const exchange = exchangeOf(context)
    return detailed(await readTask(door, 'get_agent_run', { run: taskId }, optionsOf(context)), exchange)
  })
  server.setRequestHandler('tasks/update', { params: TaskRef }, async ({ taskId: run }, context) => {
    exchangeOf(context)
    const options = optionsOf(context)
    const { status, question } = await readTask(door, 'get_agent_run', { run }, options)
    // What is not asked, or not any more, is ignored, as the specification has it.
    if (status !== 'waiting' || !isJsonObject(question)) return {}
    const asked = String(question.id)
    // The SDK takes them out of the parameters, as it does with those of every request.
    const answer = inputResponse(context.mcpReq.inputResponses, asked)
    if (answer.kind !== 'elicit') return {}
    if (answer.action === 'accept') {
      const answering = { run, question: asked, answer: answer.content ?? {}, waitSeconds: 0 }
      await readTask(door, 'answer_agent_run', answering, options).catch(ignoreConflict)
    }
    if (answer.action === 'decline') await readTask(door, 'cancel_agent_run', { run }, options)
    return {}
  })
  server.setRequestHandler('tasks/cancel', { params: TaskRef }, async ({ taskId }, context) => {
    exchangeOf(context)
    const options = optionsOf(context)
    const { endedAt } = await readTask(door, 'get_agent_run', { run: taskId }, options)
    if (endedAt === null) await readTask(door, 'cancel_agent_run', { run: taskId }, options)
    return {}
  })
}

/** Somebody else answered meanwhile: then it is not asked any more. */
function ignoreConflict(cause: unknown): void {
  if (cause instanceof ProtocolError && isJsonObject(cause.data) && cause.data.code === 'conflict') return
  throw cause
}

/** Starts the run of a call, and answers with its task. */
export async function callAsExtensionTask(
  name: string,
  input: object | undefined,
  exchange: Exchange,
  options: CallOptions,
): Promise<CallToolResult> {
  const { run } = await exchange.door.read(name, { ...input, waitSeconds: 0 }, options)
  // The SDK's types know the results of the core alone; it passes what an extension adds.
  return { resultType: 'task', ...toTask(run as JsonObject, exchange) } as unknown as CallToolResult
}

function toTask(run: JsonObject, exchange: Exchange) {
  const { id, status, question, error, createdAt, startedAt, endedAt } = run
  const text = isJsonObject(question) ? question.question : isJsonObject(error) ? error.message : undefined
  const as = statusOf(String(status), exchange)
  return {
    taskId: String(id),
    // That a run fails is the result of the call, not a fault of the protocol.
    status: as === 'failed' ? ('completed' as const) : as,
    ...(typeof text === 'string' ? { statusMessage: text } : {}),
    ttlMs: null,
    createdAt: String(createdAt),
    lastUpdatedAt: String(endedAt ?? startedAt ?? createdAt),
    pollIntervalMs: POLL_MS,
  }
}

/** The task with what its client needs next: what is asked, or the result. */
function detailed(run: JsonObject, exchange: Exchange) {
  const task = toTask(run, exchange)
  if (task.status === 'input_required' && isJsonObject(run.question)) {
    const request = { method: 'elicitation/create', params: asForm(run.question) }
    return { ...task, inputRequests: { [String(run.question.id)]: request } }
  }
  if (task.status !== 'completed') return task
  const result = { resultType: 'complete', ...toToolResult({ run }) }
  return { ...task, result: run.status === 'failed' ? { ...result, isError: true } : result }
}
