import type { AnyTool, HttpMethod } from '../../tools/define-tool.ts'

export const API_PREFIX = '/api/v1'

export interface ToolRoute {
  tool: AnyTool
  method: HttpMethod
  /** Below {@link API_PREFIX}, with `:name` segments. */
  path: string
  /** The input fields that are segments of the path. */
  params: readonly string[]
}

/** The method, path and path fields a tool's `http` declares. */
function routeOf(tool: AnyTool): ToolRoute {
  const [method, path] = tool.http.split(' ') as [HttpMethod, string]
  return { tool, method, path, params: [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '') }
}

/** `{name}` in place of `:name`, as OpenAPI writes paths. */
export const openApiPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}')

/** Does the method carry its fields in the query rather than in a body? */
export const readsQuery = (method: HttpMethod): boolean => method === 'GET' || method === 'DELETE'

/**
 * Every tool's route in the order to register them: a literal segment goes before a variable one, so
 * `/workflows/validate` is not taken for the workflow called `validate`.
 */
export function toolRoutes(tools: readonly AnyTool[]): ToolRoute[] {
  const rank = (path: string) => path.replace(/:\w+/g, '\uffff')
  return tools.map(routeOf).sort((a, b) => (rank(a.path) < rank(b.path) ? -1 : 1))
}
