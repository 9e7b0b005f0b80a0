import {
  type AuthInfo,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerContext,
  UriTemplate,
} from '@modelcontextprotocol/server'
import type { Actor } from '../../core/actor.ts'
import { AppError, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { version } from '../../core/version.ts'
import type { ProgressUpdate } from '../../tools/define-tool.ts'
import { type Invoker, invoke, mayCall } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'
import { prompts } from './prompts.ts'
import { isTemplate, type ResourceDefinition, resources } from './resources.ts'
import { toErrorResult, toMcpTool, toToolResult } from './tool-view.ts'
import { listedTools, parseSelection, type Selection } from './toolsets.ts'

const MAX_COMPLETIONS = 100
/** How long a client may keep a list: it is also told when lists change. */
const LIST_TTL_MS = 60_000

const instructions = `Patchbay builds and runs integrations between apps for the customers of one organization.
Usual order: import_spec (a connector from an API description) → create_customer → create_connection (a customer's account) → run_action (try it) → create_workflow, publish_workflow, deploy_workflow → create_webhook or run_workflow → get_execution (output, logs, traces).
More tools than are listed here exist: search_tools finds them, describe_tool shows one, call_tool calls it. Errors say what was wrong, where, and what to do next.`

export interface McpDeps {
  registry: Registry
  invoker: Invoker
}

/** The actor a verified request carries. */
export const actorOf = (authInfo: AuthInfo | undefined): Actor | undefined =>
  authInfo?.extra?.actor as Actor | undefined

/** How an actor travels through the SDK. */
export const toAuthInfo = (actor: Actor, token: string): AuthInfo => ({
  token,
  clientId: actor.id,
  scopes: [],
  extra: { actor },
})

/**
 * One MCP server per serving unit (a request, a session, a connection), for both protocol eras.
 * @param local who calls when the transport carries no authorization (stdio)
 */
export function buildMcpFactory(
  deps: McpDeps,
  local?: { actor: Actor; selection: Selection },
): McpServerFactory {
  return (context) => {
    const actor = local?.actor ?? actorOf(context.authInfo)
    if (actor === undefined) throw new AppError('unauthenticated', 'This MCP endpoint needs an API key.')
    const selection =
      local?.selection ??
      parseSelection(
        context.requestInfo === undefined
          ? null
          : new URL(context.requestInfo.url).searchParams.get('toolsets'),
      )
    return buildServer(deps, actor, selection)
  }
}

function buildServer({ registry, invoker }: McpDeps, actor: Actor, selection: Selection): Server {
  const server = new Server(
    { name: 'patchbay', title: 'Patchbay', version },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true },
        prompts: {},
        completions: {},
      },
      instructions,
      cacheHints: {
        'tools/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/templates/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'prompts/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/read': { ttlMs: 0, cacheScope: 'private' },
      },
    },
  )
  const call = (
    name: string,
    input: unknown,
    context: ServerContext,
    progress?: (update: ProgressUpdate) => void,
  ) => {
    const tool = registry.get(name)
    if (tool === undefined) {
      throw new AppError('not_found', `No tool '${name}'.`, {
        where: 'name',
        hint: 'search_tools finds tools by what they do.',
      })
    }
    return invoke(invoker, { tool, actor, input, signal: context.mcpReq.signal, progress })
  }

  server.setRequestHandler('tools/list', () => ({
    tools: listedTools(registry, actor, selection).map(toMcpTool),
  }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    try {
      return toToolResult(await call(params.name, params.arguments, context, progressOf(context)))
    } catch (error) {
      return toErrorResult(toAppError(error))
    }
  })

  const visible = resources.filter((definition) => {
    const tool = registry.get(definition.tool)
    return tool !== undefined && mayCall(actor, tool)
  })
  const described = ({ name, title, description }: ResourceDefinition) => ({
    name,
    title,
    description,
    mimeType: 'application/json',
  })
  server.setRequestHandler('resources/list', () => ({
    resources: visible
      .filter((definition) => !isTemplate(definition))
      .map((definition) => ({ uri: definition.uri, ...described(definition) })),
  }))
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: visible
      .filter(isTemplate)
      .map((definition) => ({ uriTemplate: definition.uri, ...described(definition) })),
  }))
  server.setRequestHandler('resources/read', async ({ params }, context) => {
    for (const definition of visible) {
      const variables = isTemplate(definition)
        ? matchTemplate(definition.uri, params.uri)
        : definition.uri === params.uri
          ? {}
          : null
      if (variables === null) continue
      try {
        const output = await call(definition.tool, definition.input(variables), context)
        return { contents: [{ uri: params.uri, mimeType: 'application/json', text: JSON.stringify(output) }] }
      } catch (cause) {
        throw asProtocolError(toAppError(cause), params.uri)
      }
    }
    throw new ResourceNotFoundError(params.uri)
  })

  server.setRequestHandler('prompts/list', () => ({
    prompts: prompts.map((prompt) => ({
      name: prompt.name,
      title: prompt.title,
      description: prompt.description,
      arguments: prompt.arguments.map(({ name, description, required }) => ({ name, description, required })),
    })),
  }))
  server.setRequestHandler('prompts/get', ({ params }) => {
    const prompt = prompts.find(({ name }) => name === params.name)
    if (prompt === undefined)
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `No prompt '${params.name}'. prompts/list shows them.`,
      )
    const given = params.arguments ?? {}
    const missing = prompt.arguments
      .filter(({ name, required }) => required && !given[name])
      .map(({ name }) => name)
    if (missing.length > 0)
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `The prompt '${prompt.name}' needs: ${missing.join(', ')}.`,
      )
    return {
      description: prompt.description,
      messages: [{ role: 'user' as const, content: { type: 'text' as const, text: prompt.text(given) } }],
    }
  })

  server.setRequestHandler('completion/complete', async ({ params }, context) => {
    const { ref, argument } = params
    const source =
      ref.type === 'ref/prompt'
        ? prompts.find(({ name }) => name === ref.name)?.arguments.find(({ name }) => name === argument.name)
            ?.completions
        : visible.find(({ uri }) => uri === ref.uri)?.completions?.[argument.name]
    if (source === undefined) return { completion: { values: [], total: 0, hasMore: false } }
    const output = await call(
      source.tool,
      { limit: MAX_COMPLETIONS, ...(source.query && argument.value !== '' ? { query: argument.value } : {}) },
      context,
    )
    const rows = Array.isArray(output[source.list]) ? (output[source.list] as unknown[]) : []
    const values = rows
      .flatMap((row) =>
        isJsonObject(row) && typeof row[source.property] === 'string' ? [row[source.property] as string] : [],
      )
      .filter((value) => source.query || value.startsWith(argument.value))
      .slice(0, MAX_COMPLETIONS)
    return {
      completion: {
        values,
        total: values.length,
        hasMore: output.nextCursor !== null && output.nextCursor !== undefined,
      },
    }
  })
  return server
}

/** Progress goes to clients that sent a token with the request; a client that has gone misses it. */
function progressOf(context: ServerContext): ((update: ProgressUpdate) => void) | undefined {
  const progressToken = context.mcpReq._meta?.progressToken
  if (progressToken === undefined) return undefined
  return (update) => {
    context.mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, ...update } })
      .catch(() => undefined)
  }
}

function matchTemplate(template: string, uri: string): Record<string, string> | null {
  const match = new UriTemplate(template).match(uri)
  if (match === null) return null
  try {
    return Object.fromEntries(
      Object.entries(match).map(([name, value]) => [name, decodeURIComponent(String(value))]),
    )
  } catch {
    return null // not percent-encoded as URIs are: it names nothing
  }
}

function asProtocolError(error: AppError, uri: string): Error {
  if (error.code === 'not_found') return new ResourceNotFoundError(uri, error.message)
  const code = error.code === 'internal' ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams
  return new ProtocolError(code, [error.message, error.hint].filter(Boolean).join(' '), { code: error.code })
}
