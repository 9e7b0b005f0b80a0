import type { JsonSchema } from '../../../core/json.ts'
import { isSchemaObject, sharedName } from '../json-schema.ts'

export type Schemas = Record<string, JsonSchema>

/** OpenAPI's XML object: how a value is written in XML. */
export interface XmlHint {
  name?: string | undefined
  namespace?: string | undefined
  prefix?: string | undefined
  attribute?: boolean
  wrapped?: boolean
}

/** A schema as XML needs it: what may be inside a value, of all parts and alternatives together. */
export interface Shape {
  types: Set<string>
  properties: Map<string, JsonSchema>
  required: Set<string>
  items: JsonSchema | undefined
  additional: JsonSchema | undefined
  xml: XmlHint
}

/** Parts and references that one schema is put together from; more say nothing new. */
const MAX_PARTS = 500

const EMPTY: Shape = {
  types: new Set(),
  properties: new Map(),
  required: new Set(),
  items: undefined,
  additional: undefined,
  xml: {},
}

/** A document has many elements of few schemas. */
const known = new WeakMap<Schemas, WeakMap<object, Shape>>()

/**
 * Looks through references, `allOf` and alternatives. What is said first wins, so that an outer schema's word counts
 * more than that of its parts.
 */
export function shapeOf(schemas: Schemas, schema: JsonSchema | undefined): Shape {
  if (!isSchemaObject(schema)) return EMPTY
  const shapes = known.get(schemas) ?? new WeakMap<object, Shape>()
  known.set(schemas, shapes)
  const shape = shapes.get(schema) ?? collect(schemas, schema)
  shapes.set(schema, shape)
  return shape
}

function collect(schemas: Schemas, schema: JsonSchema): Shape {
  const shape: Shape = {
    types: new Set(),
    properties: new Map(),
    required: new Set(),
    items: undefined,
    additional: undefined,
    xml: {},
  }
  const waiting: { part: unknown; optional: boolean }[] = [{ part: schema, optional: false }]
  const seen = new Set<unknown>()
  for (let next = waiting.shift(); next !== undefined && seen.size < MAX_PARTS; next = waiting.shift()) {
    const { part, optional } = next
    if (!isSchemaObject(part) || seen.has(part)) continue
    seen.add(part)
    take(part, shape, optional)
    const name = sharedName(part)
    if (name !== undefined && Object.hasOwn(schemas, name)) waiting.push({ part: schemas[name], optional })
    for (const keyword of ['allOf', 'oneOf', 'anyOf'] as const) {
      const list = part[keyword]
      if (!Array.isArray(list)) continue
      for (const inner of list) waiting.push({ part: inner, optional: optional || keyword !== 'allOf' })
    }
  }
  if (shape.types.size === 0 || (shape.types.size === 1 && shape.types.has('null'))) {
    if (shape.properties.size > 0 || shape.additional !== undefined) shape.types.add('object')
    else if (shape.items !== undefined) shape.types.add('array')
  }
  return shape
}

function take(part: { [key: string]: unknown }, shape: Shape, optional: boolean): void {
  for (const type of Array.isArray(part.type) ? part.type : [part.type])
    if (typeof type === 'string') shape.types.add(type)
  if (isSchemaObject(part.properties)) {
    for (const [name, property] of Object.entries(part.properties))
      if (!shape.properties.has(name)) shape.properties.set(name, property as JsonSchema)
  }
  if (!optional && Array.isArray(part.required))
    for (const name of part.required) shape.required.add(String(name))
  if (isSchemaObject(part.items)) shape.items ??= part.items
  if (isSchemaObject(part.additionalProperties)) shape.additional ??= part.additionalProperties
  if (isSchemaObject(part.xml)) shape.xml = { ...part.xml, ...shape.xml }
}

/** How one property is written: as an attribute, one element, or an element for each item. */
export interface Written {
  kind: 'attribute' | 'element' | 'items'
  /** Local name of the attribute, element, or of each item's element. */
  name: string
  shape: Shape
  /** Of a list: its items. */
  items?: Shape
}

/** Rules of OpenAPI 3.0 and 3.1, "XML Object": the name of a list counts only where it is wrapped. */
export function writtenAs(schemas: Schemas, property: string, schema: JsonSchema | undefined): Written {
  const shape = shapeOf(schemas, schema)
  const name = shape.xml.name ?? property
  if (!shape.types.has('array')) {
    return { kind: shape.xml.attribute === true ? 'attribute' : 'element', name, shape }
  }
  const items = shapeOf(schemas, shape.items)
  return shape.xml.wrapped === true
    ? { kind: 'element', name, shape, items }
    : { kind: 'items', name: items.xml.name ?? property, shape, items }
}
