import { type AppError, invalidInput } from '../../../core/errors.ts'
import type { Place } from './documents.ts'
import { isNode, type Node, nodeAt, own, textAt } from './nodes.ts'

/**
 * Makes sure that the document is OpenAPI 3.
 * @throws AppError `invalid_input` that names what it is instead and what is supported.
 */
export function detectFormat(place: Place): { root: Node; title: string; version: string } {
  const { node } = place
  if (!isNode(node)) throw unsupported('This is not an object', place.file)
  const info = nodeAt(node, 'info') ?? {}
  const version = own(node, 'openapi')
  if (version !== undefined) {
    const text = typeof version === 'number' ? version.toString() : String(version)
    if (!/^3\.\d/.test(text)) throw unsupported(`This is OpenAPI '${text.slice(0, 20)}'`, place.file)
    return { root: node, title: textAt(info, 'title') ?? '', version: text }
  }
  if (own(node, 'swagger') !== undefined) {
    throw unsupported(`This is Swagger ${String(own(node, 'swagger')).slice(0, 10)}`, place.file)
  }
  if (own(info, '_postman_id') !== undefined || textAt(info, 'schema')?.includes('postman') === true) {
    throw unsupported('This is a Postman collection', place.file)
  }
  if (own(node, 'asyncapi') !== undefined) throw unsupported('This is an AsyncAPI document', place.file)
  const keys = Object.keys(node).slice(0, 8).join(', ')
  throw unsupported(`This has no 'openapi' field (its fields: ${keys || 'none'})`, place.file)
}

function unsupported(what: string, where: string): AppError {
  return invalidInput(`${what}; it cannot be imported.`, {
    where,
    hint: 'Supported formats: OpenAPI 3.0 and 3.1, as JSON or YAML. Convert the document to one of them, or give its OpenAPI 3 version.',
  })
}
