import { XMLBuilder } from 'fast-xml-parser'
import { type AppError, invalidInput } from '../../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject, type JsonSchema } from '../../../core/json.ts'
import { scalarText } from '../encoding.ts'
import { MAX_XML_DEPTH } from './parse-xml.ts'
import { type Schemas, type Shape, shapeOf, writtenAs, type XmlHint } from './shape.ts'

/** Name, and namespace if it has one, of the outermost element. */
export type XmlRoot = Pick<XmlHint, 'namespace' | 'prefix'> & { name: string }

type OrderedNode = Record<string, OrderedNode[] | string | Record<string, string>>

const builder = new XMLBuilder({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  processEntities: false, // it would leave line breaks in attributes and carriage returns, which parsers change
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
})

/**
 * A JSON value as an XML document, by its schema (OpenAPI 3.0 and 3.1, "XML Object"): properties in the schema's order,
 * as attributes where it says so; lists wrapped or as repeated elements; null as `xsi:nil`. A list that is an item of a
 * list, or the document itself, is always wrapped.
 * @param where the value's place in the input, for errors
 * @throws AppError `invalid_input` for names and characters that XML cannot hold, and for values that are too deep
 */
export function buildXml(
  schemas: Schemas,
  schema: JsonSchema | undefined,
  value: Json,
  root: XmlRoot,
  where: string,
): string {
  const shape = shapeOf(schemas, schema)
  const node = element(schemas, root.name, root, shape, value, { where, depth: 0 })
  const text = builder.build([node]) as string
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>'
  if (!text.includes(' xsi:nil="true"')) return `${declaration}${text}`
  // The namespace once, at the root, where every element that is nil can use it.
  return `${declaration}${text.replace(/(?=[ />])/, ` xmlns:xsi="${XSI}"`)}`
}

const XSI = 'http://www.w3.org/2001/XMLSchema-instance'

interface Spot {
  where: string
  depth: number
}

const below = ({ where, depth }: Spot, step: string): Spot => ({
  where: `${where}${step}`,
  depth: depth + 1,
})

function element(
  schemas: Schemas,
  name: string,
  hint: XmlHint,
  shape: Shape,
  value: Json,
  spot: Spot,
): OrderedNode {
  if (spot.depth >= MAX_XML_DEPTH) throw unfit(spot, `is nested deeper than ${MAX_XML_DEPTH} levels`)
  const attributes: Record<string, string> = declarations(hint, spot)
  const node = (children: OrderedNode[]): OrderedNode => ({
    [qualified(name, hint, spot)]: children,
    ...(Object.keys(attributes).length > 0 ? { ':@': attributes } : {}),
  })
  if (value === null) {
    attributes['xsi:nil'] = 'true'
    return node([])
  }
  if (Array.isArray(value)) {
    const items = shapeOf(schemas, shape.items)
    const itemName = items.xml.name ?? name
    return node(
      value.map((item, index) =>
        element(schemas, itemName, items.xml, items, item, below(spot, `[${index}]`)),
      ),
    )
  }
  if (isJsonObject(value)) return node(members(schemas, shape, value, attributes, spot))
  const text = scalarText(value)
  return node(text === '' ? [] : [{ '#text': escapeXml(text, spot) }])
}

/** The elements in an object; its attributes are put into `attributes`. */
function members(
  schemas: Schemas,
  shape: Shape,
  value: JsonObject,
  attributes: Record<string, string>,
  spot: Spot,
): OrderedNode[] {
  const known = [...shape.properties.keys()].filter((key) => Object.hasOwn(value, key))
  const others = Object.keys(value).filter((key) => !shape.properties.has(key))
  return [...known, ...others].flatMap((key) => {
    const item = value[key] ?? null
    const inner = below(spot, `.${key}`)
    const schema = shape.properties.get(key) ?? shape.additional
    const written = writtenAs(schemas, key, schema)
    const hint = written.shape.xml
    if (written.kind === 'attribute') {
      if (item === null) return []
      Object.assign(attributes, declarations(hint, inner))
      attributes[qualified(written.name, hint, inner)] = escapeXml(scalarText(item), inner)
      return []
    }
    // Null in place of the elements of a list would be taken for one of them.
    if (item === null && written.kind === 'items') return []
    // Without a schema, a list is repeated elements.
    if (Array.isArray(item) && (written.kind === 'items' || written.items === undefined)) {
      const itemShape = written.items ?? shapeOf(schemas, undefined)
      return item.map((one, index) =>
        element(schemas, written.name, itemShape.xml, itemShape, one, below(spot, `.${key}[${index}]`)),
      )
    }
    return [element(schemas, written.name, hint, written.shape, item, inner)]
  })
}

/** A namespace is declared where it is used; without a prefix, it is the default for what is inside. */
function declarations({ namespace, prefix }: XmlHint, spot: Spot): Record<string, string> {
  if (namespace === undefined) return {}
  const name = prefix === undefined ? 'xmlns' : `xmlns:${checkedName(prefix, spot)}`
  return { [name]: escapeXml(namespace, spot) }
}

const qualified = (name: string, { prefix }: XmlHint, spot: Spot): string =>
  checkedName(prefix === undefined || name.includes(':') ? name : `${prefix}:${name}`, spot)

const NAME = /^[\p{L}_][\p{L}\p{N}\p{M}._-]*(:[\p{L}_][\p{L}\p{N}\p{M}._-]*)?$/u

function checkedName(name: string, spot: Spot): string {
  if (NAME.test(name)) return name
  throw unfit(spot, `has a name that XML cannot write: '${name.slice(0, 100)}'`)
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

function escapeXml(text: string, spot: Spot): string {
  // With the flag u, half a surrogate pair is a character of its own: neither is one of XML's.
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text))
    throw unfit(spot, 'holds characters that XML cannot carry')
  return text.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character)
}

const unfit = ({ where }: Spot, what: string): AppError =>
  invalidInput(`${where} ${what}.`, {
    where,
    hint: 'The API takes this body as XML: leave it out, or give it in another form.',
  })
