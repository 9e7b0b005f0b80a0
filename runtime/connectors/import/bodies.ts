import type { JsonSchema } from '../../../core/json.ts'
import type { ActionBody, Encoding } from '../action-definition.ts'
import { isSchemaObject } from '../json-schema.ts'
import type { XmlRoot } from '../xml/build-xml.ts'
import { isXml } from '../xml/content-type.ts'
import type { ImportContext } from './context.ts'
import type { Place } from './documents.ts'
import { flattenBody } from './flatten-body.ts'
import type { InputKeys } from './input-keys.ts'
import { isNode, type Node, nodeAt, own, pointer, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'
import { xmlRoot } from './xml-body.ts'

export interface MappedBody {
  body: ActionBody
  properties: [key: string, schema: JsonSchema][]
  required: string[]
  additional: JsonSchema | undefined
  approximations: string[]
}

/** How well a body of this type can be built; the smallest is chosen when an operation takes several. */
export function contentTypeRank(contentType: string): number {
  const type = essence(contentType)
  if (type === 'application/json') return 0
  if (type.endsWith('+json')) return 1
  if (type === 'application/x-www-form-urlencoded') return 2
  if (type === 'multipart/form-data') return 3
  if (type === '*/*' || type === 'application/*') return 4
  if (isXml(type)) return 5
  if (type.startsWith('text/')) return 6
  return type === 'application/octet-stream' ? 7 : 8
}

const essence = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

/** The bodies of a request or response by content type: some documents keep them in a place of their own. */
export const contentOf = (context: ImportContext, place: Place): Place =>
  context.documents.follow({
    node: isNode(place.node) ? own(place.node, 'content') : undefined,
    file: place.file,
    pointer: pointer(place.pointer, 'content'),
  })

/** The request body of an operation, or undefined when it takes none. */
export function mapBody(context: ImportContext, operation: Place, keys: InputKeys): MappedBody | undefined {
  if (!isNode(operation.node) || own(operation.node, 'requestBody') === undefined) return undefined
  const place = context.documents.follow({
    node: own(operation.node, 'requestBody'),
    file: operation.file,
    pointer: pointer(operation.pointer, 'requestBody'),
  })
  if (!isNode(place.node)) return undefined
  const bodies = contentOf(context, place)
  const content = isNode(bodies.node) ? bodies.node : {}
  const types = Object.keys(content).sort((a, b) => contentTypeRank(a) - contentTypeRank(b))
  const [declared] = types
  if (declared === undefined) return undefined
  const media = nodeAt(content, declared) ?? {}
  const schemaPlace: Place = {
    node: own(media, 'schema'),
    file: bodies.file,
    pointer: pointer(bodies.pointer, declared, 'schema'),
  }
  const contentType = ['*/*', 'application/*'].includes(essence(declared)) ? 'application/json' : declared
  const required = own(place.node, 'required') === true
  const approximations: string[] = []
  const others = types.slice(1)
  if (others.length > 0)
    approximations.push(`sent as ${contentType}; the API also takes ${others.join(', ')}`)

  const xml = isXml(contentType) ? xmlRoot(context, schemaPlace) : undefined
  if (isStructured(contentType) || xml !== undefined) {
    // Authors leave `required` out far more often than bodies are optional: only an explicit false counts.
    const optional = own(place.node, 'required') === false
    const merged = mergeBody(context, schemaPlace, media, { contentType, required, optional, xml }, keys)
    if (merged !== undefined)
      return { ...merged, approximations: [...approximations, ...merged.approximations] }
  }
  const inputKey = keys('body', 'body')
  const schema = describe(wholeSchema(context, schemaPlace, { contentType, xml }, approximations), place.node)
  return {
    body: { contentType, mode: 'whole', inputKey, required, ...(xml === undefined ? {} : { xml }) },
    properties: [[inputKey, schema]],
    required: required ? [inputKey] : [],
    additional: undefined,
    approximations,
  }
}

const isJson = (contentType: string): boolean => /^application\/json$|\+json$/.test(essence(contentType))
const isForm = (contentType: string): boolean =>
  /^multipart\/|^application\/x-www-form-urlencoded$/.test(essence(contentType))
const isStructured = (contentType: string): boolean => isJson(contentType) || isForm(contentType)

function mergeBody(
  context: ImportContext,
  place: Place,
  media: Node,
  options: { contentType: string; required: boolean; optional: boolean; xml: XmlRoot | undefined },
  keys: InputKeys,
): MappedBody | undefined {
  const { contentType, required, optional, xml } = options
  const flat = flattenBody(context.documents, place)
  if (flat === undefined) {
    return isEmptyForm(place.node, contentType)
      ? {
          body: { contentType, mode: 'merge', required: false }, // no field, so no byte either
          properties: [],
          required: [],
          additional: undefined,
          approximations: [],
        }
      : undefined
  }
  const approximations = [...flat.notes]
  const properties: [string, JsonSchema][] = []
  const renamed: Record<string, string> = {}
  const needed: string[] = []
  for (const [name, property] of flat.properties) {
    if (isNode(property.node) && own(property.node, 'readOnly') === true) {
      approximations.push(`read-only property '${name}' left out of the input`)
      continue
    }
    const key = keys(name, 'body')
    if (key !== name) renamed[key] = name
    const schema = context.schemas.convert(property)
    properties.push([key, isMultipart(contentType) ? binaryAware(schema) : schema])
    if (flat.required.has(name)) needed.push(key)
  }
  for (const name of flat.required) {
    if (flat.properties.has(name)) continue
    // Vendors leave such names behind: asked of everybody, they would be asked for nothing.
    approximations.push(
      `'${name}' is said to be required and described nowhere: it may be given, and need not be`,
    )
    const key = keys(name, 'body')
    if (key !== name) renamed[key] = name
    properties.push([key, { description: 'Named as required, and not described.' }])
  }
  const encoding = mapEncoding(media, [...flat.properties.keys()])
  if (isMultipart(contentType)) {
    for (const [name, property] of flat.properties) {
      if (encoding[name] !== undefined || !mayHoldMany(name, property)) continue
      if (context.formsUseBrackets()) encoding[name] = { brackets: true }
    }
  }
  return {
    body: {
      contentType,
      mode: 'merge',
      ...(Object.keys(renamed).length > 0 ? { properties: renamed } : {}),
      required,
      ...(flat.alternatives.length > 0 ? { alternatives: flat.alternatives } : {}),
      ...(xml === undefined ? {} : { xml }),
      ...(Object.keys(encoding).length > 0 ? { encoding } : {}),
    },
    properties,
    required: optional ? [] : needed,
    additional:
      flat.additional === undefined || typeof flat.additional === 'boolean'
        ? flat.additional
        : context.schemas.convert(flat.additional),
    approximations,
  }
}

const isMultipart = (contentType: string): boolean => essence(contentType).startsWith('multipart/')

/** May it be a list or an object? A name with brackets of its own says already how it is sent. */
const mayHoldMany = (name: string, { node }: Place): boolean =>
  !name.includes('[') && isNode(node) && !SCALARS.has(String(own(node, 'type')))
const SCALARS = new Set(['string', 'number', 'integer', 'boolean'])

function isEmptyForm(schema: unknown, contentType: string): boolean {
  return (
    isForm(contentType) &&
    isNode(schema) &&
    own(schema, 'additionalProperties') === false &&
    Object.keys(nodeAt(schema, 'properties') ?? {}).length === 0 &&
    own(schema, '$ref') === undefined
  )
}

function mapEncoding(media: Node, properties: string[]): Record<string, Encoding> {
  const out: Record<string, Encoding> = {}
  const declared = nodeAt(media, 'encoding') ?? {}
  for (const name of properties) {
    const node = nodeAt(declared, name)
    if (node === undefined) continue
    const style = FORM_STYLES.find((candidate) => candidate === textAt(node, 'style'))
    const explode = own(node, 'explode')
    const contentType = textAt(node, 'contentType')
    const entry: Encoding = {
      ...(contentType === undefined ? {} : { contentType }),
      ...(style === undefined ? {} : { style }),
      ...(typeof explode === 'boolean' ? { explode } : {}),
      ...(own(node, 'allowReserved') === true ? { allowReserved: true } : {}),
    }
    if (Object.keys(entry).length > 0) out[name] = entry
  }
  return out
}

const FORM_STYLES = ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'] as const

/** What the input holds for bytes: text to send as it is, base64 with what a file needs, or a stored file. */
const FILE_SCHEMA = {
  anyOf: [
    { type: 'string', description: 'Text content, sent as it is.' },
    {
      type: 'object',
      properties: {
        base64: { type: 'string', description: 'Content in base64.' },
        filename: { type: 'string', description: 'Name of the file.' },
        contentType: { type: 'string', description: 'Content type of the file.' },
      },
      required: ['base64'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: {
        file: { type: 'string', description: 'Id of a stored file (file_…), as upload_file gives it.' },
      },
      required: ['file'],
    },
  ],
}

function isBinary(schema: JsonSchema): boolean {
  if (!isSchemaObject(schema)) return false
  const isText = schema.type === 'string' || (Array.isArray(schema.type) && schema.type.includes('string'))
  const media = schema.contentMediaType
  return (
    (isText && schema.format === 'binary') ||
    (typeof media === 'string' && schema.contentEncoding === undefined && !/^text\/|json/.test(media))
  )
}

function binaryAware(schema: JsonSchema): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  if (isBinary(schema)) return fileSchema(schema)
  const { items } = schema
  return schema.type === 'array' && isBinary(items as JsonSchema)
    ? { ...schema, items: fileSchema(items as Node) }
    : schema
}

const fileSchema = (schema: Node): JsonSchema =>
  typeof schema.description === 'string' ? { description: schema.description, ...FILE_SCHEMA } : FILE_SCHEMA

function wholeSchema(
  context: ImportContext,
  place: Place,
  { contentType, xml }: { contentType: string; xml: XmlRoot | undefined },
  approximations: string[],
): JsonSchema {
  if (isJson(contentType) || xml !== undefined)
    return place.node === undefined ? {} : context.schemas.convert(place)
  if (isForm(contentType)) {
    approximations.push('the form is given as one object')
    return place.node === undefined ? { type: 'object' } : context.schemas.convert(place)
  }
  if (isXml(contentType)) return { type: 'string', description: 'The body as XML text.' }
  if (essence(contentType).startsWith('text/')) return { type: 'string' }
  return FILE_SCHEMA
}

function describe(schema: JsonSchema, requestBody: Node): JsonSchema {
  const description = clip(plainText(textAt(requestBody, 'description')), 400)
  if (description === '' || !isSchemaObject(schema)) return schema
  return typeof schema.description === 'string' ? schema : { ...schema, description }
}
