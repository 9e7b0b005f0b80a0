import { notFound } from '../../core/errors.ts'
import type { AnyTool, ToolContext } from '../define-tool.ts'

/**
 * A tool the actor may call.
 * @throws AppError `not_found`, the same for a tool there is not and one the actor may not call
 */
export function requireVisibleTool(context: ToolContext, name: string): AnyTool {
  const tool = context.services.catalog.visibleTo(context.actor).find((one) => one.name === name)
  if (tool === undefined)
    throw notFound(
      'tool',
      name,
      'search_tools finds the tools this key may call; whoami lists its permissions.',
    )
  return tool
}
