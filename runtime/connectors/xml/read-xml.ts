import type { Json, JsonObject, JsonSchema } from '../../../core/json.ts'
import type { XmlElement } from './parse-xml.ts'
import { type Schemas, type Shape, shapeOf, type Written, writtenAs } from './shape.ts'

/**
 * The JSON value that an element stands for by its schema: the counterpart of `buildXml`. What the schema does not
 * know is kept: elements under their names (lists where a name comes again), attributes as `@name`, text beside
 * them as `#text`. Lists that are required and not there are empty.
 */
export function readXml(schemas: Schemas, schema: JsonSchema | undefined, element: XmlElement): Json {
  return read(schemas, shapeOf(schemas, schema), element)
}

function read(schemas: Schemas, shape: Shape, element: XmlElement): Json {
  if (element.nil) return null
  const { types } = shape
  const isLeaf = element.children.length === 0 && element.attributes.size === 0
  if (types.has('array') && !(isLeaf && element.text.trim() !== '')) {
    const items = shapeOf(schemas, shape.items)
    return element.children.map((child) => read(schemas, items, child))
  }
  if (types.has('object') && !(isLeaf && (element.text.trim() !== '' || types.has('string'))))
    return readObject(schemas, shape, element)
  if (!isLeaf) return readObject(schemas, shape, element)
  return scalar(types, element.text)
}

interface Places {
  attributes: Map<string, [key: string, Written]>
  elements: Map<string, [key: string, Written]>
}

const places = new WeakMap<Shape, Places>()

/** Which property an attribute or element of a name is. */
function placesOf(schemas: Schemas, shape: Shape): Places {
  const known = places.get(shape)
  if (known !== undefined) return known
  const found: Places = { attributes: new Map(), elements: new Map() }
  for (const [key, schema] of shape.properties) {
    const written = writtenAs(schemas, key, schema)
    const map = written.kind === 'attribute' ? found.attributes : found.elements
    const name = localName(written.name)
    if (!map.has(name)) map.set(name, [key, written])
  }
  places.set(shape, found)
  return found
}

function readObject(schemas: Schemas, shape: Shape, element: XmlElement): JsonObject {
  const { attributes, elements } = placesOf(schemas, shape)
  const out = new Map<string, Json>()
  for (const [name, text] of element.attributes) {
    const [key, written] = attributes.get(name) ?? [`@${name}`, undefined]
    out.set(key, written === undefined ? text : scalar(written.shape.types, text))
  }
  const additional = shapeOf(schemas, shape.additional)
  const again = new Set<string>()
  for (const child of element.children) {
    const [key, written] = elements.get(child.name) ?? [child.name, undefined]
    if (written?.kind === 'items') {
      out.set(key, [...list(out.get(key)), read(schemas, written.items ?? additional, child)])
    } else {
      const value = read(schemas, written?.shape ?? additional, child)
      const before = out.get(key)
      // A name that comes twice is a list, whatever the schema says of it.
      out.set(key, before === undefined ? value : [...(again.has(key) ? list(before) : [before]), value])
      if (before !== undefined) again.add(key)
    }
  }
  if (element.text.trim() !== '') out.set('#text', element.text)
  for (const [key, written] of elements.values())
    if (written.kind === 'items' && shape.required.has(key) && !out.has(key)) out.set(key, [])
  return Object.fromEntries(out)
}

const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])
const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/** XML has texts alone: the schema says what they are. One that is nothing of that stays text. */
function scalar(types: ReadonlySet<string>, text: string): Json {
  const trimmed = text.trim()
  if (types.has('integer') || types.has('number')) {
    if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) && Number.isFinite(Number(trimmed)))
      return Number(trimmed)
  }
  if (types.has('boolean')) {
    if (trimmed === 'true' || trimmed === '1') return true
    if (trimmed === 'false' || trimmed === '0') return false
  }
  if (trimmed === '' && types.has('null') && !types.has('string')) return null
  return text
}
