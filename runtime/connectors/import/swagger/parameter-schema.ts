import { isNode, type Node, own, textAt } from '../nodes.ts'
import { sentence } from '../text.ts'
import { referTo, type SwaggerParameter } from './collect-parameters.ts'

/** Keywords of a parameter that belong to its value. */
const VALUE_KEYWORDS = [
  'type',
  'format',
  'items',
  'default',
  'enum',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'x-nullable',
  'x-example',
] as const

interface PlainSchema {
  schema: Node
  style: string
  explode: boolean
}

/** A parameter outside the body as OpenAPI 3.0 has it. */
export function upgradeParameter(parameter: SwaggerParameter, file: string, approximations: string[]): Node {
  const { node } = parameter
  const { schema, style, explode } = plainSchema(parameter, file, approximations)
  return {
    name: node.name,
    in: node.in,
    description: schema.description ?? textAt(node, 'description') ?? '',
    ...(own(node, 'required') === true ? { required: true } : {}),
    ...(own(node, 'x-deprecated') === true || own(node, 'deprecated') === true ? { deprecated: true } : {}),
    schema,
    ...(schema.type === 'array' ? { style, explode } : {}),
  }
}

/**
 * The value of a parameter or form field as a schema, with the style that its `collectionFormat` is in
 * OpenAPI 3. Formats that have no style become text that the caller separates.
 */
export function plainSchema(
  parameter: SwaggerParameter,
  file: string,
  approximations: string[],
): PlainSchema {
  const { node, place } = parameter
  const declared = own(node, 'schema')
  const simple = node.in === 'path' || node.in === 'header' ? 'simple' : 'form'
  if (isNode(declared)) {
    // Not in the standard, but written: a schema where the type should be.
    return { schema: referTo(place, declared, file, 'schema') as Node, style: simple, explode: false }
  }
  const schema: Node = {}
  for (const keyword of VALUE_KEYWORDS) {
    if (Object.hasOwn(node, keyword)) schema[keyword === 'x-example' ? 'example' : keyword] = node[keyword]
  }
  if (schema.type !== 'array') return { schema, style: simple, explode: simple === 'form' }
  const format = textAt(node, 'collectionFormat') ?? 'csv'
  const name = String(node.name)
  const inner = isNode(node.items) ? node.items : {}
  if (inner.type === 'array') {
    return delimitedText(node, `'${name}' is a list of lists, given as text`, format, approximations)
  }
  if (format === 'multi') return { schema, style: 'form', explode: true }
  if (format === 'csv') return { schema, style: simple, explode: false }
  if (simple === 'form' && format === 'pipes') return { schema, style: 'pipeDelimited', explode: false }
  if (simple === 'form' && format === 'ssv') return { schema, style: 'spaceDelimited', explode: false }
  return delimitedText(node, `'${name}' is a list given as ${format} text`, format, approximations)
}

const SEPARATORS: Record<string, string> = {
  csv: 'commas',
  ssv: 'spaces',
  tsv: 'tab characters',
  pipes: '|',
}

function delimitedText(node: Node, what: string, format: string, approximations: string[]): PlainSchema {
  approximations.push(what)
  const separator = SEPARATORS[format] ?? 'commas'
  const about = sentence((textAt(node, 'description') ?? '').trim())
  const description = `${about} Values separated by ${separator}.`.trim()
  return { schema: { type: 'string', description }, style: 'form', explode: true }
}
