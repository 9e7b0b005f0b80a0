import type { JsonSchema } from '../../../core/json.ts'
import { schemaReference } from '../bundle-schema.ts'
import { isXml } from '../xml/content-type.ts'
import { contentOf, contentTypeRank } from './bodies.ts'
import type { ImportContext } from './context.ts'
import { type Place, referenceOf } from './documents.ts'
import { isNode, nodeAt, own, pointer, textAt } from './nodes.ts'
import { plainText } from './text.ts'
import { xmlRoot } from './xml-body.ts'

export interface MappedResponse {
  outputSchema?: JsonSchema
  contentType?: string
  description: string
  /** Does it have a Link header (RFC 8288), which names the next page? */
  hasLinkHeader: boolean
}

/** The successful response: the lowest 2xx, then `2XX`, then `default`. */
export function mapResponse(context: ImportContext, operation: Place): MappedResponse {
  const responses = isNode(operation.node) ? (nodeAt(operation.node, 'responses') ?? {}) : {}
  const statuses = Object.keys(responses)
    .filter((status) => /^2\d\d$/.test(status))
    .sort()
  const status = [...statuses, '2XX', '2xx', 'default'].find((candidate) =>
    Object.hasOwn(responses, candidate),
  )
  if (status === undefined) return { description: '', hasLinkHeader: false }

  const first: Place = {
    node: own(responses, status),
    file: operation.file,
    pointer: pointer(operation.pointer, 'responses', status),
  }
  const shared = referenceOf(first.node) !== undefined
  const place = context.documents.follow(first)
  if (!isNode(place.node)) return { description: '', hasLinkHeader: false }
  const description = plainText(textAt(place.node, 'description'))
  const headers = Object.keys(nodeAt(place.node, 'headers') ?? {})
  const hasLinkHeader = headers.some((name) => name.toLowerCase() === 'link')
  const bodies = contentOf(context, place)
  const content = isNode(bodies.node) ? bodies.node : {}
  const [contentType] = Object.keys(content).sort((a, b) => contentTypeRank(a) - contentTypeRank(b))
  if (contentType === undefined) return { description, hasLinkHeader }
  const media = nodeAt(content, contentType) ?? {}
  const schema = own(media, 'schema')
  const accept = contentType.includes('*') ? {} : { contentType }
  const at = {
    node: schema,
    file: bodies.file,
    pointer: pointer(bodies.pointer, contentType, 'schema'),
  }
  const isRead = isXml(contentType)
    ? xmlRoot(context, at) !== undefined
    : contentTypeRank(contentType) <= contentTypeRank('*/*')
  if (schema === undefined || !isRead) return { ...accept, description, hasLinkHeader }
  // A response used by many operations must not be copied into each of them.
  const outputSchema = shared
    ? context.schemas.share(at, `${place.pointer.split('/').at(-1) ?? ''}_response`)
    : context.schemas.convert(at)
  return { outputSchema, ...accept, description, hasLinkHeader }
}

/** A word or two for what an output schema is: the name of the shared schema, or a list of it. */
export function outputName(schema: JsonSchema | undefined): string {
  if (typeof schema !== 'object') return ''
  const reference = schema.$ref
  const prefix = schemaReference('').$ref
  if (typeof reference === 'string') return reference.slice(prefix.length).replaceAll('_', ' ')
  const items = schema.items
  if (typeof items === 'object' && items !== null) {
    const name = outputName(items as JsonSchema)
    return name === '' ? 'a list' : `a list of ${name}`
  }
  return ''
}
