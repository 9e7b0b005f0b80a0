import type { JsonSchema } from '../../../core/json.ts'
import type { XmlHint } from '../xml/shape.ts'
import type { Place } from './documents.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer, stringsAt, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'

/** What the conversion of one schema needs from the importer around it. */
export interface ConversionContext {
  /** A reference met inside a schema: what to put in its place. */
  reference(reference: string, place: Place): JsonSchema
  note(place: Place, message: string): void
  /** A schema says how it is written in XML. */
  noteXml(): void
  /** OpenAPI 3.0 schemas are not JSON Schema: siblings of `$ref`, `nullable` and exclusive bounds differ. */
  is30: boolean
}

const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'])
const NUMBERS = ['minimum', 'maximum', 'multipleOf'] as const
const COUNTS = [
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'minContains',
  'maxContains',
] as const
const SUBSCHEMAS = [
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedProperties',
  'unevaluatedItems',
] as const
const MAX_DESCRIPTION_CHARS = 300
const MAX_EXAMPLE_CHARS = 40
const MAX_DEFAULT_CHARS = 200

/**
 * An OpenAPI schema as JSON Schema 2020-12. Only keywords that are known and well formed are taken over, so
 * the result always compiles; annotations that cost space and help nobody (examples of objects, extensions) are
 * left out.
 */
export function convertSchema(place: Place, context: ConversionContext): JsonSchema {
  const { node } = place
  if (typeof node === 'boolean') return node
  if (!isNode(node)) {
    if (node !== undefined && node !== null)
      context.note(place, 'This is not a schema; any value is accepted.')
    return true
  }
  const reference = textAt(node, '$ref')
  if (reference !== undefined) return convertReference(node, reference, place, context)

  const out: { [key: string]: unknown } = {}
  describe(node, out)
  convertType(node, out, context)
  convertValues(node, out)
  convertBounds(node, out, place, context)
  convertChildren(node, out, place, context)
  if (own(node, 'readOnly') === true) out.readOnly = true
  if (own(node, 'writeOnly') === true) out.writeOnly = true
  if (own(node, 'deprecated') === true) out.deprecated = true
  const xml = xmlHint(node)
  if (xml !== undefined) {
    out.xml = xml
    context.noteXml()
  }
  describeDiscriminator(node, out, place, context)
  return isNullable(node) ? allowNull(out) : out
}

/** What a schema's XML object says, if anything. */
export function xmlHint(node: Node): XmlHint | undefined {
  const xml = nodeAt(node, 'xml')
  if (xml === undefined) return undefined
  const hint: XmlHint = {}
  for (const key of ['name', 'namespace', 'prefix'] as const) {
    const value = textAt(xml, key)
    if (value !== undefined && value !== '') hint[key] = value
  }
  for (const key of ['attribute', 'wrapped'] as const) if (own(xml, key) === true) hint[key] = true
  return Object.keys(hint).length === 0 ? undefined : hint
}

/** Swagger 2.0 has no `nullable`; many documents say it in an extension. */
const isNullable = (node: Node): boolean => own(node, 'nullable') === true || own(node, 'x-nullable') === true

function convertReference(
  node: Node,
  reference: string,
  place: Place,
  context: ConversionContext,
): JsonSchema {
  const target = context.reference(reference, place)
  const description = clip(plainText(textAt(node, 'description')), MAX_DESCRIPTION_CHARS)
  const siblings: { [key: string]: unknown } = {}
  if (context.is30) {
    // 3.0 ignores siblings of $ref; authors still write `nullable` there and mean it.
    if (description !== '') siblings.description = description
    if (isNullable(node)) return { ...siblings, anyOf: [target, { type: 'null' }] }
  } else {
    const { $ref: _reference, ...rest } = node
    Object.assign(siblings, convertSchema({ ...place, node: rest }, context))
  }
  if (Object.keys(siblings).length === 0) return target
  return typeof target === 'boolean' ? siblings : { ...target, ...siblings }
}

function describe(node: Node, out: Node): void {
  const description = clip(plainText(textAt(node, 'description')), MAX_DESCRIPTION_CHARS)
  const title = clip(plainText(textAt(node, 'title')), 100)
  if (description !== '') out.description = description
  else if (title !== '') out.title = title
}

function convertType(node: Node, out: Node, context: ConversionContext): void {
  const type = own(node, 'type')
  const types = (Array.isArray(type) ? type : [type]).filter((name) => TYPES.has(String(name))).map(String)
  const unique = [...new Set(types)]
  if (unique.length === 1) out.type = unique[0]
  else if (unique.length > 1) out.type = unique
  else if (type === 'file') Object.assign(out, { type: 'string', format: 'binary' })
  // Without a type, properties and items still say what is meant.
  else if (nodeAt(node, 'properties') !== undefined && context.is30) out.type = 'object'
  const format = textAt(node, 'format')
  if (format !== undefined) out.format = format
  for (const keyword of ['contentEncoding', 'contentMediaType'] as const) {
    const value = textAt(node, keyword)
    if (value !== undefined) out[keyword] = value
  }
}

function convertValues(node: Node, out: Node): void {
  const values = listAt(node, 'enum')
  if (values.length > 0) {
    // YAML reads `enum: [1, 2]` of a string as numbers, and `on` as a boolean.
    const cast = out.type === 'string' ? values.map((item) => (isScalar(item) ? String(item) : item)) : values
    out.enum = [...new Map(cast.map((item) => [JSON.stringify(item), item])).values()]
  }
  if (Object.hasOwn(node, 'const')) out.const = node.const
  const fallback = own(node, 'default')
  if (fallback !== undefined && JSON.stringify(fallback).length <= MAX_DEFAULT_CHARS) out.default = fallback
  const example = own(node, 'example') ?? listAt(node, 'examples')[0]
  if (
    isScalar(example) &&
    String(example).length <= MAX_EXAMPLE_CHARS &&
    out.enum === undefined &&
    out.default === undefined &&
    out.type !== 'boolean'
  ) {
    out.examples = [example]
  }
}

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

function convertBounds(node: Node, out: Node, place: Place, context: ConversionContext): void {
  for (const keyword of NUMBERS) {
    const value = own(node, keyword)
    if (typeof value === 'number' && (keyword !== 'multipleOf' || value > 0)) out[keyword] = value
  }
  for (const [exclusive, inclusive] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    const value = own(node, exclusive)
    if (typeof value === 'number') out[exclusive] = value
    else if (value === true && out[inclusive] !== undefined) {
      out[exclusive] = out[inclusive]
      delete out[inclusive]
    }
  }
  for (const keyword of COUNTS) {
    const value = own(node, keyword)
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) out[keyword] = value
  }
  const pattern = textAt(node, 'pattern')
  if (pattern !== undefined && isPattern(pattern)) out.pattern = pattern
  else if (pattern !== undefined) {
    context.note(place, `The pattern '${clip(pattern, 100)}' is not a JavaScript one and was left out.`)
  }
  if (own(node, 'uniqueItems') === true) out.uniqueItems = true
  const required = [...new Set(stringsAt(node, 'required'))]
  if (required.length > 0) out.required = required
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u')
    return true
  } catch {
    // Another regular expression dialect: clients that compile the schema would fail on it.
    return false
  }
}

function convertChildren(node: Node, out: Node, place: Place, context: ConversionContext): void {
  const child = (value: unknown, ...tokens: (string | number)[]): JsonSchema =>
    convertSchema({ ...place, node: value, pointer: pointer(place.pointer, ...tokens) }, context)
  const children = (keyword: string): JsonSchema[] =>
    listAt(node, keyword).map((value, index) => child(value, keyword, index))

  for (const keyword of ['properties', 'patternProperties', 'dependentSchemas'] as const) {
    const map = nodeAt(node, keyword)
    if (map === undefined) continue
    out[keyword] = Object.fromEntries(
      Object.entries(map)
        .filter(([name]) => keyword !== 'patternProperties' || isPattern(name))
        .map(([name, value]) => [name, child(value, keyword, name)]),
    )
  }
  relaxRequired(out)
  const additional = own(node, 'additionalProperties')
  if (typeof additional === 'boolean') out.additionalProperties = additional
  else if (isNode(additional)) out.additionalProperties = child(additional, 'additionalProperties')

  const items = own(node, 'items')
  if (Array.isArray(items)) out.prefixItems = children('items')
  else if (isNode(items) || typeof items === 'boolean') out.items = child(items, 'items')
  for (const keyword of ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const) {
    const list = children(keyword)
    if (list.length > 0) out[keyword] = list
  }
  for (const keyword of SUBSCHEMAS) {
    const value = own(node, keyword)
    if (isNode(value) || typeof value === 'boolean') out[keyword] = child(value, keyword)
  }
  const dependent = nodeAt(node, 'dependentRequired')
  if (dependent !== undefined) {
    out.dependentRequired = Object.fromEntries(
      Object.keys(dependent).map((key) => [key, [...new Set(stringsAt(dependent, key))]]),
    )
  }
}

/** A shared schema serves requests and responses: what only one of them has is never required. */
function relaxRequired(out: Node): void {
  const properties = out.properties
  const required = out.required
  if (!isNode(properties) || !Array.isArray(required)) return
  const kept = required.filter((name) => {
    const property = own(properties, String(name))
    return !(isNode(property) && (property.readOnly === true || property.writeOnly === true))
  })
  if (kept.length > 0) out.required = kept
  else delete out.required
}

const MAX_MAPPING_CHARS = 400

/** JSON Schema has no discriminator: say in words which value chooses which alternative. */
function describeDiscriminator(node: Node, out: Node, place: Place, context: ConversionContext): void {
  const discriminator = nodeAt(node, 'discriminator') ?? {}
  // Swagger 2.0 names the property alone.
  const property = textAt(node, 'discriminator') ?? textAt(discriminator, 'propertyName')
  if (property === undefined) return
  const mapping = Object.entries(nodeAt(discriminator, 'mapping') ?? {}).map(
    ([value, target]) => `${value} (${String(target).split('/').at(-1)})`,
  )
  const choice =
    mapping.length === 0
      ? `'${property}' tells which kind it is.`
      : clip(`'${property}' tells which kind it is: ${mapping.join(', ')}.`, MAX_MAPPING_CHARS)
  const { description } = out
  out.description = typeof description === 'string' ? `${description} ${choice}` : choice
  context.note(place, `The discriminator '${property}' is kept as a description, not enforced.`)
}

function allowNull(schema: Node): JsonSchema {
  const { type } = schema
  const values = schema.enum
  if (typeof type === 'string' && !Object.hasOwn(schema, 'const')) {
    return {
      ...schema,
      type: type === 'null' ? type : [type, 'null'],
      ...(Array.isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
      ...(hasAlternatives(schema) ? nullableAlternatives(schema) : {}),
    }
  }
  if (!hasAlternatives(schema) && values === undefined) return schema
  const { description, title, deprecated, readOnly, writeOnly, xml, ...rest } = schema
  const annotations = Object.entries({ description, title, deprecated, readOnly, writeOnly, xml })
  return {
    ...Object.fromEntries(annotations.filter(([, value]) => value !== undefined)),
    anyOf: [rest, { type: 'null' }],
  }
}

const ALTERNATIVES = ['allOf', 'anyOf', 'oneOf'] as const
const hasAlternatives = (schema: Node): boolean =>
  ALTERNATIVES.some((keyword) => schema[keyword] !== undefined)

function nullableAlternatives(schema: Node): Node {
  const out: Node = {}
  for (const keyword of ALTERNATIVES) {
    const list = schema[keyword]
    if (!Array.isArray(list)) continue
    if (keyword === 'allOf') out[keyword] = list.map((part) => ({ anyOf: [part, { type: 'null' }] }))
    else out[keyword] = [...list, { type: 'null' }]
  }
  return out
}
