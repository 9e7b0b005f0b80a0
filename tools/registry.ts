import { readdir } from 'node:fs/promises'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { type AnyTool, type Toolset, toolsets } from './define-tool.ts'

export interface Registry {
  /** All tools, by toolset then name. */
  all: readonly AnyTool[]
  get(name: string): AnyTool | undefined
}

const folder = new URL('./', import.meta.url)

function isDefinition(value: unknown): value is AnyTool {
  return (
    typeof value === 'object' &&
    value !== null &&
    'run' in value &&
    'input' in value &&
    value.input instanceof z.ZodObject &&
    'http' in value
  )
}

async function loadFile(toolset: Toolset, file: string): Promise<AnyTool[]> {
  const module: Record<string, unknown> = await import(new URL(`${toolset}/${file}`, folder).href)
  return Object.values(module)
    .filter(isDefinition)
    .map((definition) => ({ ...definition, toolset }))
}

/**
 * Every tool defined below `tools/<toolset>/`: a new file there is all a new tool takes.
 * @throws AppError `internal` when two tools have one name or one route
 */
export async function loadTools(): Promise<Registry> {
  const names = Object.keys(toolsets) as Toolset[]
  const perToolset = await Promise.all(
    names.map(async (toolset) => {
      const files = (await readdir(new URL(`${toolset}/`, folder))).filter(
        (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
      )
      return (await Promise.all(files.sort().map((file) => loadFile(toolset, file)))).flat()
    }),
  )
  const all = perToolset.flat()
  const byName = new Map<string, AnyTool>()
  const routes = new Map<string, string>()
  for (const tool of all) {
    const route = tool.http.replace(/:\w+/g, ':')
    const twin = byName.has(tool.name) ? tool.name : routes.get(route)
    if (twin !== undefined)
      throw new AppError(
        'internal',
        `The tools '${twin}' and '${tool.name}' share a name or the route '${tool.http}'.`,
      )
    byName.set(tool.name, tool)
    routes.set(route, tool.name)
  }
  return { all, get: (name) => byName.get(name) }
}
