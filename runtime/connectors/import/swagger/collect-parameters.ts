import { posix } from 'node:path'
import type { ImportContext } from '../context.ts'
import type { Place } from '../documents.ts'
import { isNode, listAt, type Node, pointer, textAt } from '../nodes.ts'

export interface SwaggerParameter {
  node: Node
  place: Place
}

/**
 * Parameters of the path item, overridden by those of the operation, references followed.
 * @throws AppError `invalid_input` for one that cannot be resolved
 */
export function collectParameters(
  context: ImportContext,
  pathItem: Place,
  operation: Place,
): SwaggerParameter[] {
  const found = new Map<string, SwaggerParameter>()
  for (const owner of [pathItem, operation]) {
    const list = isNode(owner.node) ? listAt(owner.node, 'parameters') : []
    for (const [index, item] of list.entries()) {
      const place = context.documents.follow({
        node: item,
        file: owner.file,
        pointer: pointer(owner.pointer, 'parameters', index),
      })
      if (!isNode(place.node)) continue
      const where = textAt(place.node, 'in') ?? ''
      // There is one body, whatever it is called.
      const key = where === 'body' ? where : `${where} ${textAt(place.node, 'name') ?? index}`
      found.set(key, { node: place.node, place })
    }
  }
  return [...found.values()]
}

/**
 * A schema under `place` for use in an operation of another file: references in it are relative to its own
 * file, so it is referred to, not copied.
 */
export function referTo(place: Place, schema: unknown, file: string, ...tokens: string[]): unknown {
  if (schema === undefined || place.file === file) return schema
  const path = posix.relative(posix.dirname(file), place.file)
  return { $ref: `${path}#${encodeURI(pointer(place.pointer, ...tokens))}` }
}
