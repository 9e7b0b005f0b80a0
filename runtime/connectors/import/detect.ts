import { type AppError, invalidInput } from '../../../core/errors.ts'
import type { Place } from './documents.ts'
import { isNode, type Node, nodeAt, own, textAt } from './nodes.ts'

export interface DetectedFormat {
  format: 'openapi' | 'swagger' | 'postman'
  /** Version of the format, such as `3.0.3` or `2.1.0`. */
  version: string
  title: string
  root: Node
}

/**
 * What kind of document this is.
 * @throws AppError `invalid_input` that names what it is instead and what is supported.
 */
export function detectFormat(place: Place): DetectedFormat {
  const { node } = place
  if (!isNode(node)) throw unsupported('This is not an object', place.file)
  const info = nodeAt(node, 'info') ?? {}
  const version = versionText(own(node, 'openapi'))
  if (version !== undefined) {
    if (!/^3\.\d/.test(version)) throw unsupported(`This is OpenAPI '${version.slice(0, 20)}'`, place.file)
    return { format: 'openapi', root: node, title: textAt(info, 'title') ?? '', version }
  }
  const swagger = versionText(own(node, 'swagger'))
  if (swagger !== undefined) {
    if (!/^2(\.0)?$/.test(swagger)) throw unsupported(`This is Swagger ${swagger.slice(0, 10)}`, place.file)
    return { format: 'swagger', root: node, title: textAt(info, 'title') ?? '', version: '2.0' }
  }
  const postman = postmanCollection(node)
  if (postman !== undefined) return postman
  if (own(node, 'asyncapi') !== undefined) throw unsupported('This is an AsyncAPI document', place.file)
  if (Array.isArray(own(node, 'requests')) && own(node, 'order') !== undefined) {
    throw unsupported('This is a Postman Collection of format 1', place.file)
  }
  const keys = Object.keys(node).slice(0, 8).join(', ')
  throw unsupported(
    `This has no 'openapi', 'swagger' or Postman 'info' field (its fields: ${keys || 'none'})`,
    place.file,
  )
}

/** YAML reads `swagger: 2.0` as the number 2. */
const versionText = (value: unknown): string | undefined =>
  value === undefined ? undefined : value === 2 ? '2.0' : String(value)

function postmanCollection(node: Node): DetectedFormat | undefined {
  // Postman's API wraps the collection.
  const root = nodeAt(node, 'collection') ?? node
  const info = nodeAt(root, 'info') ?? {}
  const schema = textAt(info, 'schema') ?? ''
  const isPostman = own(info, '_postman_id') !== undefined || schema.includes('getpostman.com')
  if (!isPostman || !Array.isArray(own(root, 'item'))) return undefined
  const version = /v(2\.\d(?:\.\d+)?)/.exec(schema)?.[1] ?? '2.1.0'
  return { format: 'postman', root, title: textAt(info, 'name') ?? '', version }
}

function unsupported(what: string, where: string): AppError {
  return invalidInput(`${what}; it cannot be imported.`, {
    where,
    hint: 'Supported formats: OpenAPI 3.0 and 3.1, Swagger 2.0, Postman Collection 2.0 and 2.1, as JSON or YAML. Convert the document to one of them.',
  })
}
