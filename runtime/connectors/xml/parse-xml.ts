import { XMLParser, XMLValidator } from 'fast-xml-parser'

export interface XmlElement {
  /** Without its prefix. */
  name: string
  /** By local name; declarations of namespaces are left out. */
  attributes: Map<string, string>
  children: XmlElement[]
  text: string
  /** `xsi:nil="true"` */
  nil: boolean
}

/** Larger documents are text to their caller; in calls, answers over 1 MB are files. */
export const MAX_XML_CHARS = 1024 * 1024
export const MAX_XML_DEPTH = 100

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true, // without it, numeric references stay as they are written
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: MAX_XML_DEPTH,
})

/**
 * An XML document as a tree, or in words why it is not read. Nothing outside the text is read, and no entity is
 * expanded: documents that declare some are refused, as the standards of XML for data do.
 */
export function parseXml(text: string): XmlElement | { problem: string } {
  if (text.length > MAX_XML_CHARS) return { problem: `it is longer than ${MAX_XML_CHARS / 1024} KB` }
  if (/<!DOCTYPE/i.test(text)) return { problem: 'it declares a document type, which may define entities' }
  const validity = XMLValidator.validate(text)
  if (validity !== true) return { problem: `it is not well formed (line ${validity.err.line})` }
  try {
    const elements = (parser.parse(text) as OrderedNode[]).filter((node) => nameOf(node) !== '#text')
    const [root] = elements
    if (root === undefined || elements.length > 1) return { problem: 'it has not exactly one root element' }
    return toElement(root)
  } catch (error) {
    // The parser has no errors of a class of its own; each is about the text: too deep, or names it does not take.
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** `{name: [children], ':@': {attributes}}`, or `{'#text': text}`. */
type OrderedNode = Record<string, OrderedNode[] | string | Record<string, string>>

const ATTRIBUTES = ':@'
const nameOf = (node: OrderedNode): string => Object.keys(node).find((key) => key !== ATTRIBUTES) ?? '#text'
const local = (name: string): string => name.slice(name.indexOf(':') + 1)

function toElement(node: OrderedNode): XmlElement {
  const name = nameOf(node)
  const attributes = new Map<string, string>()
  let nil = false
  for (const [key, value] of Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, string>)) {
    if (key === 'xmlns' || key.startsWith('xmlns:')) continue
    if (/^[^:]+:nil$/.test(key)) nil = value === 'true' || value === '1'
    else attributes.set(local(key), value)
  }
  const inner = node[name] as OrderedNode[]
  const children: XmlElement[] = []
  let text = ''
  for (const child of inner) {
    if (nameOf(child) === '#text') text += String(child['#text'])
    else children.push(toElement(child))
  }
  return { name: local(name), attributes, children, text, nil }
}
