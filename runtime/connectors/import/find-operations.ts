import { AppError } from '../../../core/errors.ts'
import type { ImportContext } from './context.ts'
import type { Place } from './documents.ts'
import { isNode, type Node, nodeAt, own, pointer, stringsAt, textAt } from './nodes.ts'

/** An operation found in the document, before it is mapped. */
export interface FoundOperation {
  method: string
  path: string
  operationId: string | undefined
  /** The Path Item Object, references followed. */
  pathItem: Place
  operation: Place
  /** Words to name it by, where there is no operationId. */
  nameHint?: string
  /** Why it cannot be imported. */
  unusable?: string
  /** What of it is not as the document says. */
  approximations?: string[]
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'] as const

/** Every operation under `paths`, in the document's order; unreadable path items are warned about. */
export function findOperations(context: ImportContext, root: Node): FoundOperation[] {
  const found: FoundOperation[] = []
  for (const [path, node] of Object.entries(nodeAt(root, 'paths') ?? {})) {
    if (path.startsWith('x-')) continue
    const start = { node, file: context.documents.root.file, pointer: pointer('', 'paths', path) }
    try {
      const pathItem = context.documents.follow(start)
      if (!isNode(pathItem.node)) {
        context.warn(`#${start.pointer}`, 'This path has no operations.')
        continue
      }
      for (const method of METHODS) {
        const operation = own(pathItem.node, method)
        if (operation === undefined) continue
        const place = { node: operation, file: pathItem.file, pointer: pointer(pathItem.pointer, method) }
        const resolved = context.documents.follow(place)
        found.push({
          method,
          path,
          operationId: isNode(resolved.node) ? textAt(resolved.node, 'operationId') : undefined,
          pathItem,
          operation: resolved,
        })
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      context.warn(`#${start.pointer}`, `The operations of this path were left out: ${error.message}`)
    }
  }
  return found
}

export interface Include {
  tags?: string[]
  operations?: string[]
  methods?: string[]
}

/** Why an operation is not to be imported, if it is not. */
export function skipReason(
  found: FoundOperation,
  slug: string,
  include: Include | undefined,
): string | undefined {
  if (found.unusable !== undefined) return found.unusable
  if (!isNode(found.operation.node)) return 'the operation is not an object'
  if (include?.methods !== undefined && !matches(include.methods, [found.method])) {
    return 'its method is not among the included ones'
  }
  if (include?.tags !== undefined && !matches(include.tags, stringsAt(found.operation.node, 'tags'))) {
    return 'none of its tags is among the included ones'
  }
  const names = [slug, found.operationId ?? '', `${found.method} ${found.path}`]
  if (include?.operations !== undefined && !matches(include.operations, names)) {
    return 'it is not among the included operations'
  }
  return undefined
}

const matches = (wanted: string[], offered: string[]): boolean => {
  const set = new Set(wanted.map((item) => item.toLowerCase()))
  return offered.some((item) => set.has(item.toLowerCase()))
}
