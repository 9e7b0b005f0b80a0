import type { CallToolResult, Tool } from '@modelcontextprotocol/server'
import { type AppError, toErrorBody } from '../../core/errors.ts'
import type { AnyTool } from '../../tools/define-tool.ts'
import { toolSchema } from '../../tools/tool-schema.ts'

const views = new WeakMap<AnyTool, Tool>()

/** A definition as MCP lists it: JSON Schemas of input and output, and the behaviour hints. */
export function toMcpTool(tool: AnyTool): Tool {
  const known = views.get(tool)
  if (known !== undefined) return known
  const view: Tool = {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: { ...toolSchema(tool, 'input'), type: 'object' },
    outputSchema: { ...toolSchema(tool, 'output'), type: 'object' },
    annotations: {
      title: tool.title,
      readOnlyHint: tool.effect === 'read',
      destructiveHint: tool.effect === 'destructive',
      idempotentHint: tool.effect === 'read' || tool.idempotent === true,
      openWorldHint: tool.openWorld === true,
    },
    ...(tool.startsRun === true ? { execution: { taskSupport: 'optional' } } : {}),
  }
  views.set(tool, view)
  return view
}

/** Structured output, and the same as text for clients that read only that. */
export function toToolResult(output: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output }
}

/** An error the model can read and act on: what was wrong, where, and what to do next. */
export function toErrorResult(error: AppError): CallToolResult {
  const body = toErrorBody(error)
  const lines = [
    `${body.code}: ${body.message}`,
    ...(body.where === undefined ? [] : [`Where: ${body.where}`]),
    ...(body.hint === undefined ? [] : [`Next: ${body.hint}`]),
    ...(body.retryAfterSeconds === undefined ? [] : [`Retry after: ${body.retryAfterSeconds} s`]),
  ]
  return {
    content: [{ type: 'text', text: `${lines.join('\n')}\n\n${JSON.stringify({ error: body })}` }],
    isError: true,
  }
}
