import type { z } from 'zod'
import type { Actor } from '../core/actor.ts'
import type { Logger } from '../core/log.ts'
import type { Permission } from '../core/permissions.ts'
import type { Tx } from '../db/database.ts'
import type { ModelRequest } from '../db/model-requests.ts'
import type { Services } from './services.ts'

/** Groups of tools a client picks from (`/mcp?toolsets=connectors,workflows`): the folders below `tools/`. */
export const toolsets = {
  catalog: 'Find, describe and call any tool by name.',
  organization: 'Who am I, API keys, audit log, key rotation.',
  connectors: 'Connectors, their actions, and imports from API descriptions.',
  docs: 'An index of API documentation: what to read before building or repairing an action.',
  customers: 'The customers an integration runs for.',
  connections: 'Customers’ authenticated accounts.',
  oauth: 'OAuth apps (your clients at providers) and connecting accounts by consent.',
  files: 'Files that actions send, and large or binary responses.',
  gateway: 'What one customer’s own agents use: its apps, their actions, events and usage.',
  webhooks: 'Signed webhooks by which your product is told of what happens here.',
  workflows: 'Workflow code: write, validate, publish, deploy, run.',
  triggers: 'Webhooks and the routes from them to workflows.',
  activity: 'Events, executions, traces, logs, dead letters, replay.',
  secrets: 'Encrypted values workflows read.',
  agents: 'Agents that build, test and fix for you: start runs, answer them, watch them.',
  configs: 'Settings workflows read, per environment.',
} as const
export type Toolset = keyof typeof toolsets

/**
 * `read` changes nothing; `write` creates or updates; `destructive` deletes, or acts on the outside world in
 * ways that cannot be undone.
 */
export type Effect = 'read' | 'write' | 'destructive'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface ProgressUpdate {
  progress: number
  total?: number
  message?: string
}

/**
 * Keeps, together with what a call changed, that it did: who makes the same call again after a crash changes nothing
 * twice.
 */
export interface CallKeeper {
  /** What the call's first transaction gave, when an earlier attempt at the call committed it. */
  before(): Promise<{ gave: unknown } | undefined>
  /** Called in that transaction, last. */
  keep(tx: Tx, gave: unknown): Promise<void>
}

/** Asks the model of the client behind a call (MCP sampling). @throws when it is refused, or nobody is there any more */
export type ClientModel = (
  request: ModelRequest,
  signal: AbortSignal,
) => Promise<{ text: string; model: string }>

/** What a tool's handler works with. */
export interface ToolContext {
  actor: Actor
  services: Services
  /** A read-only tenant transaction. Keep it short: no network or model call inside. */
  read<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * A tenant transaction; the call's audit entry commits with the first one, and so does what a run of an agent keeps of
   * the call: called again after a crash, the first one is not run but gives what it gave. So what the handler does
   * afterwards follows from what `fn` gave (data, no functions), not from what it made up before. Keep it short, as `read`.
   */
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>
  /** Somebody keeps what this call does: its effect must be made in `transaction`, though it would be faster elsewhere. */
  kept: boolean
  /** Tells the audit entry and the log which resource the call is about, when only the handler knows it. */
  touches(resource: string): void
  progress(update: ProgressUpdate): void
  /** Undefined: the client has none to be asked. */
  clientModel: ClientModel | undefined
  /** Aborts when the client cancels or the deadline passes. */
  signal: AbortSignal
  log: Logger
}

export interface ToolDefinition<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** `verb_noun`, the same words as the file's name. */
  name: string
  title: string
  /** For an agent that must choose: what it does, when to use it, what comes back. */
  description: string
  input: I
  output: O
  /** Null: anybody with a valid key. */
  permission: Permission | null
  /** A stricter permission some inputs need (deploying to production). Checked after parsing, at the same place. */
  permissionFor?: (input: z.output<I>) => Permission
  effect: Effect
  /** Calling it twice with the same input leaves what calling it once left. Reads always are. */
  idempotent?: boolean
  /** Reaches systems outside Patchbay. */
  openWorld?: boolean
  /** Gives a `run` of an agent, which outlives the call, and takes `waitSeconds`. */
  startsRun?: boolean
  /** Route below /api/v1; `:name` segments are input fields, the rest come from the query or the JSON body. */
  http: `${HttpMethod} /${string}`
  /** HTTP status of a success; 200 unless said otherwise. */
  successStatus?: 200 | 201 | 202
  /** The id or slug the call is about, for the audit log. */
  resource?: (input: z.output<I>) => string | undefined
  deadlineMs?: number
  run(context: ToolContext, input: z.output<I>): Promise<z.input<O>>
}

/** A definition whose input and output types were checked at its declaration, and the folder it stands in. */
export type AnyTool = Omit<ToolDefinition, 'run' | 'permissionFor' | 'resource'> & {
  toolset: Toolset
  permissionFor?: (input: never) => Permission
  resource?: (input: never) => string | undefined
  run(context: ToolContext, input: never): Promise<unknown>
}

/**
 * Declares a capability once. The MCP tool, HTTP route, OpenAPI operation, reference page, CLI command and
 * agents' tool are all derived from it; see docs/adding-a-tool.md.
 */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(
  definition: ToolDefinition<I, O>,
): ToolDefinition<I, O> {
  return definition
}
