import type { XmlRoot } from '../xml/build-xml.ts'
import type { ImportContext } from './context.ts'
import { xmlHint } from './convert-schema.ts'
import { type Place, referenceOf } from './documents.ts'
import { isNode, type Node, own } from './nodes.ts'

/**
 * The outermost element of a body that is built from its schema: named by the schema, or as the schema itself. Undefined
 * where the schema does not say what is inside, so that the body is a text.
 */
export function xmlRoot(context: ImportContext, place: Place): XmlRoot | undefined {
  const { node } = context.documents.follow(place)
  if (!isNode(node) || !isStructured(node)) return undefined
  const { name, namespace, prefix } = xmlHint(node) ?? {}
  return {
    name: name ?? schemaName(referenceOf(place.node)) ?? 'root',
    ...(namespace === undefined ? {} : { namespace }),
    ...(prefix === undefined ? {} : { prefix }),
  }
}

const INSIDE = ['properties', 'items', 'additionalProperties', 'allOf', 'oneOf', 'anyOf']

/** Does the schema describe an object or a list? */
export function isStructured(node: Node): boolean {
  const type = own(node, 'type')
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null')
  return types.some((name) => name === 'object' || name === 'array')
    ? true
    : types.every((name) => name === undefined) && INSIDE.some((keyword) => own(node, keyword) !== undefined)
}

/** `#/components/schemas/Pet` → `Pet`; undefined for names that XML cannot write. */
function schemaName(reference: string | undefined): string | undefined {
  const name = reference
    ?.split(/[/#]/)
    .at(-1)
    ?.replace(/\.(ya?ml|json)$/i, '')
  return name !== undefined && /^[A-Za-z_][\w.-]*$/.test(name) ? name : undefined
}
