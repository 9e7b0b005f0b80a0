import type { Tool } from '@modelcontextprotocol/server'
import { AppError } from '../../../core/errors.ts'
import { isJsonObject } from '../../../core/json.ts'
import type { AnyTool } from '../../../tools/define-tool.ts'
import { mayCall } from '../../../tools/invoke.ts'
import type { Registry } from '../../../tools/registry.ts'
import { toMcpTool } from '../tool-view.ts'
import type { GatewaySession } from './session.ts'

/** The tools of a gateway session that are not actions, in the order they are listed. */
const NAMES = [
  'search_actions',
  'describe_action',
  'run_action',
  'list_integrations',
  'get_integration_status',
  'search_entities',
  'list_entities',
  'get_event_history',
  'get_usage_summary',
  'create_flow',
  'create_connect_link',
]
/** Published names of the platform this gateway takes the place of. */
const ALIAS_PREFIX = 'fastn_'
const ALIAS_FIELDS: Record<string, string> = {
  tenant_id: 'customer',
  integration_id: 'integration',
  entity_type: 'entityType',
}

export interface NativeTools {
  listed(session: GatewaySession): Tool[]
  /** By name or published alias; undefined when there is none, or the session may not call it. */
  get(session: GatewaySession, name: string): AnyTool | undefined
}

/** Names no action's tool may have. */
export const nativeNames: readonly string[] = NAMES.flatMap((name) => [name, `${ALIAS_PREFIX}${name}`])

export function buildNativeTools(registry: Registry): NativeTools {
  const tools = NAMES.flatMap((name) => registry.get(name) ?? [])
  const allowed = ({ actor, readOnly }: GatewaySession, tool: AnyTool) =>
    mayCall(actor, tool) && (!readOnly || tool.effect === 'read' || tool.name === 'run_action')
  return {
    listed: (session) => tools.filter((tool) => allowed(session, tool)).map(viewOf),
    get: (session, name) => {
      const plain = name.startsWith(ALIAS_PREFIX) ? name.slice(ALIAS_PREFIX.length) : name
      const tool = tools.find((one) => one.name === plain)
      return tool !== undefined && allowed(session, tool) ? tool : undefined
    },
  }
}

/** The session knows its customer, so the tool does not ask for it; and lists are read often, so they are short. */
function viewOf(tool: AnyTool): Tool {
  const { outputSchema: _long, ...view } = toMcpTool(tool)
  const { customer: _known, ...properties } = view.inputSchema.properties ?? {}
  return { ...view, inputSchema: { ...view.inputSchema, properties } }
}

/**
 * A tool's input in this session: published field names become ours, the customer is the session's, and what
 * the session selected narrows what is asked.
 * @throws AppError `forbidden` when the call names another customer
 */
export function nativeInput(session: GatewaySession, tool: AnyTool, given: unknown): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(isJsonObject(given) ? given : {})) {
    input[name in tool.input.shape ? name : (ALIAS_FIELDS[name] ?? name)] = value
  }
  const { customer, connectors, readOnly } = session
  const named = input.customer
  if (named !== undefined && named !== null && named !== customer.id && named !== customer.slug) {
    throw new AppError('forbidden', `This session acts for the customer '${customer.slug}' only.`, {
      where: 'customer',
      hint: 'Leave the customer out, or open a session for the other one.',
    })
  }
  if ('customer' in tool.input.shape) input.customer = customer.id
  else delete input.customer
  const list = ['connectors', 'integrations'].find((field) => field in tool.input.shape)
  if (connectors !== null && list !== undefined) {
    const wanted = Array.isArray(input[list]) ? (input[list] as unknown[]) : connectors
    input[list] = wanted.filter((slug) => connectors.includes(String(slug)))
  }
  if (readOnly && tool.name === 'search_actions') input.effect = 'read'
  return input
}
