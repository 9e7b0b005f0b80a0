import type { Tool } from '@modelcontextprotocol/server'
import { LRUCache } from 'lru-cache'
import { scopeOf } from '../../../core/actor.ts'
import { AppError, notFound } from '../../../core/errors.ts'
import { isJsonObject } from '../../../core/json.ts'
import { editionKey, getActionDefinitions, getEditionSchemas } from '../../../db/action-documents.ts'
import type { Tx } from '../../../db/database.ts'
import { type IntegrationRow, listIntegrations } from '../../../db/integrations.ts'
import { actionOf, schemasOf } from '../../../runtime/connections/definitions.ts'
import type { AnyTool } from '../../../tools/define-tool.ts'
import { toIntegration } from '../../../tools/gateway/integration.ts'
import { invoke, mayCall } from '../../../tools/invoke.ts'
import { type CallOptions, callable, type McpDeps, type McpDoor } from '../door.ts'
import { toToolResult } from '../tool-view.ts'
import { selectorOf, toActionTool } from './action-tool.ts'
import { buildCatalogues, type GatewayAction } from './catalogue.ts'
import { gatewayResources } from './gateway-resources.ts'
import { buildNativeTools, nativeInput, nativeNames } from './native-tools.ts'
import type { GatewaySession } from './session.ts'
import { snakeCase } from './tool-names.ts'

/** With the gateway's own tools about thirty: more cost a client its context and its aim. */
const MAX_LISTED_ACTIONS = 19
const REMEMBERED_VIEWS = 5_000

const instructionsFor = ({ customer, readOnly }: GatewaySession) =>
  `The apps connected by ${customer.name}: the most used actions are tools of their own, named {app}_{action}. For everything else: search_actions (say what you want to do) → describe_action (its input) → run_action. list_integrations shows which apps are connected and which need attention.${readOnly ? ' This session only reads.' : ''} Errors say what was wrong, where, and what to do next.`

/** Opens doors of customers' sessions. What is remembered is shared between them, and holds no customer's data. */
export function buildGateway({ registry, invoker }: McpDeps): (session: GatewaySession) => McpDoor {
  const catalogues = buildCatalogues(new Set([...registry.all.map(({ name }) => name), ...nativeNames]))
  const natives = buildNativeTools(registry)
  const views = new LRUCache<string, Tool>({ max: REMEMBERED_VIEWS })
  const runAction = registry.get('run_action')

  return (session) => {
    const read = <T>(fn: (tx: Tx) => Promise<T>) => invoker.db.read(scopeOf(session.actor), fn)
    /** The one path of every call; workflows belong to the organization, so creating one is the caller's own act. */
    const run = (tool: AnyTool, input: unknown, { context, progress }: CallOptions) =>
      invoke(invoker, {
        tool,
        actor: tool.name === 'create_flow' ? session.caller : session.actor,
        input,
        signal: context.mcpReq.signal,
        progress,
      })

    const runNative = async (tool: AnyTool, given: unknown, options: CallOptions) => {
      const input = nativeInput(session, tool, given)
      if (tool.name === 'run_action' || tool.name === 'describe_action')
        await read((tx) => refuseUnselected(tx, input))
      return run(tool, input, options)
    }

    const refuseUnselected = async (tx: Tx, input: Record<string, unknown>) => {
      const [connector, action] = [String(input.connector), String(input.action)]
      const catalogue = await catalogues.load(tx, session)
      if (!catalogue.apps.some(({ slug, id }) => slug === connector || id === connector)) {
        throw await notConnected(tx, session, connector)
      }
      if (!session.readOnly || catalogue.find(connector, action) !== undefined) return
      throw new AppError(
        'forbidden',
        `This session only reads; ${connector}.${action} is no action that reads.`,
        {
          where: 'action',
          hint: 'search_actions finds the actions this session may run.',
        },
      )
    }

    const viewOf = async (tx: Tx, actions: readonly GatewayAction[]): Promise<Tool[]> => {
      const missing = actions.filter((action) => !views.has(viewKey(action)))
      for (const app of new Set(missing.map((action) => action.app))) {
        const wanted = missing.filter((action) => action.app === app)
        const schemas = schemasOf(await getEditionSchemas(tx, app))
        const rows = await getActionDefinitions(
          tx,
          app,
          wanted.map(({ document }) => document.slug),
        )
        for (const action of wanted) {
          const row = rows.find(({ slug }) => slug === action.document.slug)
          if (row !== undefined) views.set(viewKey(action), toActionTool(action, actionOf(row), schemas))
        }
      }
      return actions.flatMap((action) => views.get(viewKey(action)) ?? [])
    }

    return {
      actor: session.actor,
      instructions: instructionsFor(session),
      prompts: [],
      resources: callable(registry, session.actor, gatewayResources),
      startsRun: () => false,
      listTools: async () => {
        const own = natives.listed(session)
        if (runAction === undefined || !mayCall(session.actor, runAction)) return own
        return read(async (tx) => {
          const catalogue = await catalogues.load(tx, session)
          const chosen = catalogue.ranked(await catalogues.used(tx, session), MAX_LISTED_ACTIONS)
          return [...own, ...(await viewOf(tx, chosen))]
        })
      },
      callTool: async (name, given, options) => {
        const native = natives.get(session, name)
        if (native !== undefined) return toToolResult(await runNative(native, given, options))
        const action = await read(async (tx) => {
          const found = (await catalogues.load(tx, session)).byName(name)
          if (found !== undefined) return found
          throw await noTool(tx, session, name)
        })
        if (runAction === undefined) throw new AppError('internal', 'There is no run_action.')
        const { output, truncated, warnings, traceId } = await run(
          runAction,
          actionInput(session, action, given),
          options,
        )
        const structured = isJsonObject(output) ? output : { output }
        const notes = [
          ...(truncated === null
            ? []
            : [`The output was too large; this is its beginning. ${JSON.stringify(truncated)}`]),
          ...(Array.isArray(warnings) ? warnings.map((warning) => `Warning: ${warning}`) : []),
        ]
        return {
          content: [JSON.stringify(output), ...notes].map((text) => ({ type: 'text' as const, text })),
          structuredContent: structured,
          _meta: { 'patchbay/traceId': traceId },
        }
      },
      read: (name, input, options) => {
        const tool = natives.get(session, name)
        if (tool === undefined) throw notFound('tool', name)
        return runNative(tool, input, options)
      },
    }
  }
}

const viewKey = ({ app, document, name }: GatewayAction) =>
  JSON.stringify([editionKey(app), document.slug, name, app.connections.map((connection) => connection.name)])

/** The arguments of an action's tool as run_action takes them. */
function actionInput(
  session: GatewaySession,
  action: GatewayAction,
  given: unknown,
): Record<string, unknown> {
  const input = isJsonObject(given) ? { ...given } : {}
  const selector = selectorOf(action)
  const connection = selector === undefined ? undefined : input[selector]
  if (selector !== undefined) delete input[selector]
  return {
    connector: action.app.slug,
    action: action.document.slug,
    input,
    customer: session.customer.id,
    ...(connection === undefined ? {} : { connection }),
  }
}

/** What a name that is no tool tells: an app that is not connected any more, or nothing. */
async function noTool(tx: Tx, session: GatewaySession, name: string): Promise<AppError> {
  const rows = await listIntegrations(tx, { customerId: session.customer.id, connectorId: null, all: false })
  const row = rows
    .filter(({ slug }) => name.startsWith(`${snakeCase(slug)}_`))
    .toSorted((a, b) => b.slug.length - a.slug.length)[0]
  if (row !== undefined && toIntegration(row).status !== 'active') return brokenIntegration(row)
  return new AppError('not_found', `No tool '${name}' in this session.`, {
    where: 'name',
    hint: session.readOnly
      ? 'This session only reads. search_actions finds what it can do.'
      : 'search_actions finds what can be done in the connected apps; tools/list shows the tools.',
  })
}

async function notConnected(tx: Tx, session: GatewaySession, connector: string): Promise<AppError> {
  const rows = await listIntegrations(tx, { customerId: session.customer.id, connectorId: null, all: true })
  const row = rows.find(({ slug, connector_id }) => slug === connector || connector_id === connector)
  if (row === undefined) {
    return notFound('integration', connector, 'list_integrations shows the ones there are.')
  }
  if (toIntegration(row).status !== 'active') return brokenIntegration(row)
  return new AppError('forbidden', `This session was opened without ${row.name}.`, {
    where: 'connector',
    hint: `It shows ${session.connectors?.join(', ')} only: open one without that selection.`,
  })
}

function brokenIntegration(row: IntegrationRow): AppError {
  const { status, integration, name, connections } = toIntegration(row)
  const broken = connections.find((connection) => connection.status === status)
  const state = status === 'not_connected' ? 'is not connected' : `is connected but ${status}`
  return new AppError('conflict', `${name} ${state} for this customer.`, {
    where: 'connector',
    hint: `get_integration_status {"integration":"${integration}"} says why and what to do.`,
    data: { integration, status, ...(broken === undefined ? {} : { connection: broken.id }) },
  })
}
