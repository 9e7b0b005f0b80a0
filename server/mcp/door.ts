import type { CallToolResult, ServerContext, Tool } from '@modelcontextprotocol/server'
import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { ClientModel, ProgressUpdate } from '../../tools/define-tool.ts'
import { type Invoker, invoke, mayCall } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import { type PromptDefinition, prompts } from './prompts.ts'
import { type ResourceDefinition, resources } from './resources.ts'
import { toMcpTool, toToolResult } from './tool-view.ts'
import { listedTools, type Selection } from './toolsets.ts'

export interface McpDeps {
  registry: Registry
  invoker: Invoker
}

/** How a call reaches the server besides its arguments. */
export interface CallOptions {
  context: ServerContext
  progress?: ((update: ProgressUpdate) => void) | undefined
  clientModel?: ClientModel | undefined
}

/** What one client is shown and may call: the whole platform, or one customer's apps. */
export interface McpDoor {
  /** Who acts here. */
  actor: Actor
  instructions: string
  prompts: readonly PromptDefinition[]
  resources: readonly ResourceDefinition[]
  listTools(): Tool[] | Promise<Tool[]>
  /** Does it start a run of an agent, which outlives the call? */
  startsRun(name: string): boolean
  /** @throws AppError */
  callTool(name: string, input: unknown, options: CallOptions): Promise<CallToolResult>
  /** A tool's output as it is: what resources and completions are made of. @throws AppError */
  read(name: string, input: unknown, options: CallOptions): Promise<Record<string, unknown>>
}

const instructions = `Patchbay builds and runs integrations between apps for the customers of one organization.
Usual order: import_spec (a connector from an API description) → create_customer → create_connection (a customer's account) → run_action (try it) → create_workflow, publish_workflow, deploy_workflow → create_webhook or run_workflow → get_execution (output, logs, traces).
More tools than are listed here exist: search_tools finds them, describe_tool shows one, call_tool calls it. Errors say what was wrong, where, and what to do next.`

/** All tools of the registry that the actor may call. */
export function buildPlatformDoor(
  { registry, invoker }: McpDeps,
  actor: Actor,
  selection: Selection,
): McpDoor {
  const read: McpDoor['read'] = (name, input, { context, progress, clientModel }) => {
    const tool = registry.get(name)
    if (tool === undefined) {
      throw new AppError('not_found', `No tool '${name}'.`, {
        where: 'name',
        hint: 'search_tools finds tools by what they do.',
      })
    }
    return invoke(invoker, { tool, actor, input, signal: context.mcpReq.signal, progress, clientModel })
  }
  return {
    actor,
    instructions,
    prompts,
    resources: callable(registry, actor, resources),
    listTools: () => listedTools(registry, actor, selection).map(toMcpTool),
    startsRun: (name) => registry.get(name)?.startsRun === true,
    callTool: async (name, input, options) => toToolResult(await read(name, input, options)),
    read,
  }
}

/** Resources are read tools: those the actor may not call are not there for it. */
export const callable = (
  registry: Registry,
  actor: Actor,
  definitions: readonly ResourceDefinition[],
): readonly ResourceDefinition[] =>
  definitions.filter((definition) => {
    const tool = registry.get(definition.tool)
    return tool !== undefined && mayCall(actor, tool)
  })
