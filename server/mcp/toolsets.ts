import type { Actor } from '../../core/actor.ts'
import { invalidInput } from '../../core/errors.ts'
import { type AnyTool, type Toolset, toolsets } from '../../tools/define-tool.ts'
import { mayCall } from '../../tools/invoke.ts'
import type { Registry } from '../../tools/registry.ts'

/**
 * What a client sees that asks for nothing in particular: enough to build, run and look into an integration.
 * The rest is a search_tools away; more than a few dozen tools in a list cost a client its context and its aim.
 */
const defaultTools: readonly string[] = [
  'search_tools',
  'describe_tool',
  'call_tool',
  'whoami',
  'list_connectors',
  'discover_spec',
  'import_spec',
  'list_actions',
  'get_action',
  'run_action',
  'list_customers',
  'create_customer',
  'list_connections',
  'create_connection',
  'create_connect_link',
  'list_workflows',
  'get_workflow',
  'create_workflow',
  'update_workflow',
  'validate_workflow',
  'publish_workflow',
  'deploy_workflow',
  'run_workflow',
  'create_webhook',
  'list_executions',
  'get_execution',
  'replay_execution',
]

/** What a client picked with `?toolsets=`: nothing, `all`, or names. */
export type Selection = 'default' | 'all' | readonly Toolset[]

/** @throws AppError `invalid_input` naming the toolsets there are */
export function parseSelection(parameter: string | null): Selection {
  if (parameter === null || parameter.trim() === '' || parameter === 'default') return 'default'
  if (parameter === 'all') return 'all'
  const names = parameter.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !(name in toolsets))
  if (unknown.length > 0) {
    throw invalidInput(`No toolset ${unknown.map((name) => `'${name}'`).join(', ')}.`, {
      where: 'toolsets',
      hint: `Use all, or some of: ${Object.keys(toolsets).join(', ')}.`,
    })
  }
  return names as Toolset[]
}

/** The tools a client with this selection lists: only those the actor may call. The catalog is always there. */
export function listedTools(registry: Registry, actor: Actor, selection: Selection): AnyTool[] {
  return registry.all.filter((tool) => mayCall(actor, tool) && isSelected(tool, selection))
}

function isSelected(tool: AnyTool, selection: Selection): boolean {
  if (selection === 'all') return true
  if (selection === 'default') return defaultTools.includes(tool.name)
  return tool.toolset === 'catalog' || selection.includes(tool.toolset)
}
