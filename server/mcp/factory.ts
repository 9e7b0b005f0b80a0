import {
  type AuthInfo,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerContext,
  UriTemplate,
  UrlElicitationRequiredError,
} from '@modelcontextprotocol/server'
import type { Actor } from '../../core/actor.ts'
import { AppError, toAppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { version } from '../../core/version.ts'
import type { ProgressUpdate } from '../../tools/define-tool.ts'
import { buildPlatformDoor, type CallOptions, type McpDeps, type McpDoor } from './door.ts'
import { buildElicitingCall } from './elicitation.ts'
import { buildGateway } from './gateway/gateway-door.ts'
import type { GatewaySession } from './gateway/session.ts'
import { isTemplate, type ResourceDefinition } from './resources.ts'
import { clientModelOf } from './sampling.ts'
import { callAsTask, serveTasks, taskCapabilities } from './tasks.ts'
import { callAsExtensionTask, serveTasksExtension, TASKS_EXTENSION, takesTasks } from './tasks-extension.ts'
import { toErrorResult } from './tool-view.ts'
import { parseSelection, type Selection } from './toolsets.ts'

const MAX_COMPLETIONS = 100
/** How long a client may keep a list: it is also told when lists change. */
const LIST_TTL_MS = 60_000

/** The actor a verified request carries. */
export const actorOf = (authInfo: AuthInfo | undefined): Actor | undefined =>
  authInfo?.extra?.actor as Actor | undefined

/** How an actor, and the gateway session its address asks for, travel through the SDK. */
export const toAuthInfo = (actor: Actor, token: string, gateway: GatewaySession | null = null): AuthInfo => ({
  token,
  clientId: actor.id,
  scopes: [],
  extra: { actor, gateway },
})

const gatewayOf = (authInfo: AuthInfo | undefined): GatewaySession | null =>
  (authInfo?.extra?.gateway as GatewaySession | null | undefined) ?? null

/**
 * One MCP server per serving unit (a request, a session, a connection), for both protocol eras.
 * @param local who calls when the transport carries no authorization (stdio)
 */
export function buildMcpFactory(
  deps: McpDeps,
  local?: { actor: Actor; selection: Selection; gateway?: GatewaySession | null },
): McpServerFactory {
  const openDoor = buildGateway(deps)
  const call = buildElicitingCall(deps)
  const build = (door: McpDoor, modern: boolean) => buildServer(door, modern, call)
  return (context) => {
    const gateway = local?.gateway ?? gatewayOf(context.authInfo)
    const modern = context.era === 'modern'
    if (gateway !== null) return build(openDoor(gateway), modern)
    const actor = local?.actor ?? actorOf(context.authInfo)
    if (actor === undefined) throw new AppError('unauthenticated', 'This MCP endpoint needs an API key.')
    const selection =
      local?.selection ??
      parseSelection(
        context.requestInfo === undefined
          ? null
          : new URL(context.requestInfo.url).searchParams.get('toolsets'),
      )
    return build(buildPlatformDoor(deps, actor, selection), modern)
  }
}

function buildServer(door: McpDoor, modern: boolean, call: ReturnType<typeof buildElicitingCall>): Server {
  const { prompts } = door
  const server = new Server(
    { name: 'patchbay', title: 'Patchbay', version },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true },
        prompts: {},
        completions: {},
        ...(modern ? { extensions: { [TASKS_EXTENSION]: {} } } : { tasks: taskCapabilities }),
      },
      instructions: door.instructions,
      cacheHints: {
        'tools/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/templates/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'prompts/list': { ttlMs: LIST_TTL_MS, cacheScope: 'private' },
        'resources/read': { ttlMs: 0, cacheScope: 'private' },
      },
    },
  )
  const optionsOf = (context: ServerContext): CallOptions => ({
    context,
    progress: progressOf(context),
    clientModel: clientModelOf({ server, context, modern }),
  })
  if (modern) serveTasksExtension(server, door, optionsOf)
  else serveTasks(server, door, optionsOf)
  server.setRequestHandler('tools/list', async () => ({ tools: await door.listTools() }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const exchange = { server, context, door, modern }
    try {
      if (params.task !== undefined && !modern)
        return await callAsTask(params.name, params.arguments, exchange, optionsOf(context))
      if (modern && door.startsRun(params.name) && takesTasks(exchange))
        return await callAsExtensionTask(params.name, params.arguments, exchange, optionsOf(context))
      return await call(exchange, params.name, params.arguments, optionsOf(context))
    } catch (error) {
      if (error instanceof UrlElicitationRequiredError || error instanceof ProtocolError) throw error
      return toErrorResult(toAppError(error))
    }
  })

  const visible = door.resources
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
        const output = await door.read(definition.tool, definition.input(variables), { context })
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
    const output = await door.read(
      source.tool,
      { limit: MAX_COMPLETIONS, ...(source.query && argument.value !== '' ? { query: argument.value } : {}) },
      { context },
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
