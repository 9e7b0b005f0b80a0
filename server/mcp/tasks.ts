import {
  type CallToolResult,
  type CreateTaskResult,
  ProtocolError,
  ProtocolErrorCode,
  RELATED_TASK_META_KEY,
  type Server,
  type ServerContext,
  type Task,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { toAppError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { CallOptions, McpDoor } from './door.ts'
import type { Exchange } from './elicitation.ts'
import { askingHandback, showsForms } from './handback.ts'
import { toToolResult } from './tool-view.ts'

/** What a server of revision 2025-11-25 says of its tasks. */
export const taskCapabilities = { list: {}, cancel: {}, requests: { tools: { call: {} } } }

const WAIT_SECONDS = 45
/** How often clients look at a task. */
export const POLL_MS = 2_000
export const TaskRef = z.object({ taskId: z.string() })

/**
 * Runs of agents as tasks of MCP 2025-11-25 ("Tasks" in its utilities, experimental there; tasks-extension.ts has those
 * of later revisions): a call of a tool that starts a run, made as a task, answers at once, and the task is the run. It is
 * `input_required` while the run asks something that the client can ask its person, which it does under `tasks/result`;
 * for clients that show no forms it is completed then, with the question in its result.
 */
export function serveTasks(
  server: Server,
  door: McpDoor,
  optionsOf: (context: ServerContext) => CallOptions,
): void {
  const read = async (tool: string, input: object, context: ServerContext) =>
    toTask(await readTask(door, tool, input, optionsOf(context)), { server, context, door, modern: false })
  server.setRequestHandler('tasks/get', { params: TaskRef }, ({ taskId }, context) =>
    read('get_agent_run', { run: taskId }, context),
  )
  server.setRequestHandler('tasks/cancel', { params: TaskRef }, async ({ taskId }, context) => {
    const task = await read('get_agent_run', { run: taskId }, context)
    if (ENDED.has(task.status))
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `The task has ended: it is ${task.status}.`)
    return { ...(await read('cancel_agent_run', { run: taskId }, context)), status: 'cancelled' as const }
  })
  server.setRequestHandler(
    'tasks/list',
    { params: z.object({ cursor: z.string().optional() }) },
    async ({ cursor }, context) => {
      const { runs, nextCursor } = await callOrRefuse(door, 'list_agent_runs', { cursor }, optionsOf(context))
      const exchange = { server, context, door, modern: false }
      return {
        tasks: (runs as JsonObject[]).map((run) => toTask(run, exchange)),
        ...(nextCursor === null ? {} : { nextCursor }),
      }
    },
  )
  server.setRequestHandler('tasks/result', { params: TaskRef }, async ({ taskId }, context) => {
    await read('get_agent_run', { run: taskId }, context)
    return resultOf(taskId, { server, context, door, modern: false }, optionsOf(context))
  })
}

/** Calls a tool; what goes wrong is an error of the protocol. @throws ProtocolError */
async function callOrRefuse(door: McpDoor, tool: string, input: object, options: CallOptions) {
  try {
    // Awaited here: a session without the tool refuses before there is a promise.
    return await door.read(tool, input, options)
  } catch (cause) {
    const { message, code, hint } = toAppError(cause)
    const kind = code === 'internal' ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams
    throw new ProtocolError(kind, [message, hint].filter(Boolean).join(' '), { code })
  }
}

/** The run behind a task, from a tool that answers with it. @throws ProtocolError */
export const readTask = async (
  door: McpDoor,
  tool: string,
  input: object,
  options: CallOptions,
): Promise<JsonObject> => (await callOrRefuse(door, tool, input, options)).run as JsonObject

/** Starts the run of a call made as a task. @throws ProtocolError for tools that start none */
export async function callAsTask(
  name: string,
  input: object | undefined,
  exchange: Exchange,
  options: CallOptions,
): Promise<CreateTaskResult & CallToolResult> {
  const { door } = exchange
  if (!door.startsRun(name))
    throw new ProtocolError(ProtocolErrorCode.MethodNotFound, `${name} cannot be called as a task.`)
  const { run } = await door.read(name, { ...input, waitSeconds: 0 }, options)
  // The SDK lets through what is a tool's result too; clients that asked for a task look at the task.
  return { task: toTask(run as JsonObject, exchange), content: [] }
}

/** Resolves when the run has ended, or asks what the client's person does not answer. */
async function resultOf(run: string, exchange: Exchange, options: CallOptions): Promise<CallToolResult> {
  const related = { [RELATED_TASK_META_KEY]: { taskId: run } }
  const wait = async () =>
    toToolResult(await exchange.door.read('get_agent_run', { run, waitSeconds: WAIT_SECONDS }, options))
  for (;;) {
    const result = await askingHandback(exchange, wait, options, related)
    const { structuredContent } = result
    const seen = isJsonObject(structuredContent) ? structuredContent.run : undefined
    const status = isJsonObject(seen) ? seen.status : undefined
    if (status !== 'queued' && status !== 'running')
      return { ...result, _meta: related, ...(status === 'failed' ? { isError: true } : {}) }
    exchange.context.mcpReq.signal.throwIfAborted()
  }
}

const ENDED = new Set<Task['status']>(['completed', 'failed', 'cancelled'])

function toTask(run: JsonObject, exchange: Exchange): Task {
  const { id, status, question, error, createdAt, startedAt, endedAt } = run
  const text = isJsonObject(question) ? question.question : isJsonObject(error) ? error.message : undefined
  return {
    taskId: String(id),
    status: statusOf(String(status), exchange),
    ...(typeof text === 'string' ? { statusMessage: text } : {}),
    ttl: null,
    createdAt: String(createdAt),
    lastUpdatedAt: String(endedAt ?? startedAt ?? createdAt),
    pollInterval: POLL_MS,
  }
}

/** A run's status as that of a task. */
export function statusOf(status: string, exchange: Exchange): Task['status'] {
  if (status === 'completed' || status === 'failed') return status
  if (status === 'canceled') return 'cancelled'
  if (status === 'waiting') return showsForms(exchange) ? 'input_required' : 'completed'
  return 'working'
}
