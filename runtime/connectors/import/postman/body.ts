import { parse } from 'jsonc-parser'
import { isNode, listAt, type Node, nodeAt, own, textAt } from '../nodes.ts'
import { ANY_VALUE, inferSchema, inferTextSchema } from './infer-schema.ts'
import { plainDescription } from './text.ts'

export interface PostmanBody {
  /** A Request Body Object, or undefined for no body. */
  requestBody: Node | undefined
  notes: string[]
}

/**
 * The body of a request as a Request Body Object. `others` are the bodies of its saved examples: their types
 * are merged.
 */
export function mapPostmanBody(
  body: unknown,
  others: unknown[],
  contentType: string | undefined,
): PostmanBody {
  if (!isNode(body)) return { requestBody: undefined, notes: [] }
  if (own(body, 'disabled') === true) {
    return { requestBody: undefined, notes: ['its body is switched off in the collection; none is sent'] }
  }
  const mode = textAt(body, 'mode')
  const alike = [body, ...others.filter(isNode).filter((other) => textAt(other, 'mode') === mode)]
  switch (mode) {
    case 'raw':
      return { requestBody: rawBody(alike, contentType), notes: [] }
    case 'urlencoded':
      return { requestBody: form(alike, 'urlencoded', 'application/x-www-form-urlencoded'), notes: [] }
    case 'formdata':
      return { requestBody: form(alike, 'formdata', 'multipart/form-data'), notes: [] }
    case 'file': {
      const type = contentType ?? 'application/octet-stream'
      return {
        requestBody: {
          content: { [type]: { schema: { type: 'string', format: 'binary' } } },
          required: true,
        },
        notes: [],
      }
    }
    case 'graphql':
      return { requestBody: graphql(nodeAt(body, 'graphql') ?? {}), notes: [] }
    default:
      return {
        requestBody: undefined,
        notes:
          mode === undefined ? [] : [`its body has the unknown mode '${mode.slice(0, 40)}'; none is sent`],
      }
  }
}

const LANGUAGES: Record<string, string> = {
  json: 'application/json',
  xml: 'application/xml',
  html: 'text/html',
  javascript: 'application/javascript',
  text: 'text/plain',
}

function rawBody(bodies: Node[], declared: string | undefined): Node | undefined {
  const texts = bodies.map((body) => textAt(body, 'raw') ?? '').filter((text) => text.trim() !== '')
  if (texts.length === 0) return undefined
  const options = nodeAt(nodeAt(bodies[0] ?? {}, 'options') ?? {}, 'raw') ?? {}
  const values = texts.map(parseTemplate)
  const isJson = values.some((value) => value !== undefined)
  const type =
    declared ?? LANGUAGES[textAt(options, 'language') ?? ''] ?? (isJson ? 'application/json' : 'text/plain')
  if (!/json/i.test(type)) return { content: { [type]: { schema: { type: 'string' } } }, required: true }
  return { content: { [type]: { schema: open(values) } }, required: true }
}

/** The inferred schema; other fields than the examples have are welcome too. */
function open(values: unknown[]): Node {
  const schema = inferSchema(values.filter((value) => value !== undefined))
  return schema.type === 'object' ? { ...schema, additionalProperties: true } : schema
}

/**
 * JSON that may hold comments, trailing commas, and variables in place of values. Undefined when it is not JSON.
 */
export function parseTemplate(text: string): unknown {
  const complete = text.replace(/"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|\{\{[^{}"]*\}\}/g, (part) =>
    part.startsWith('"') ? part : JSON.stringify(ANY_VALUE),
  )
  const errors: unknown[] = []
  try {
    const value: unknown = parse(complete, errors as never[], { allowTrailingComma: true })
    return errors.length > 0 ? undefined : withoutPrototype(value)
  } catch (error) {
    // Nested beyond the stack: too deep to learn from.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function withoutPrototype(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPrototype)
  if (!isNode(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '__proto__')
      .map(([key, item]) => [key, withoutPrototype(item)]),
  )
}

function form(bodies: Node[], key: 'urlencoded' | 'formdata', contentType: string): Node | undefined {
  const fields = new Map<string, { values: string[]; isFile: boolean; description: string; count: number }>()
  const encoding: Node = {}
  for (const body of bodies) {
    const entries = readFields(body, key)
    const counts = new Map<string, number>()
    for (const entry of entries) {
      const name = textAt(entry, 'key') ?? ''
      if (name === '') continue
      const field = fields.get(name) ?? { values: [], isFile: false, description: '', count: 0 }
      counts.set(name, (counts.get(name) ?? 0) + 1)
      field.count = Math.max(field.count, counts.get(name) ?? 0)
      field.isFile ||= own(entry, 'type') === 'file'
      field.description ||= plainDescription(own(entry, 'description'))
      const value = own(entry, 'value')
      if (typeof value === 'string') field.values.push(value)
      const partType = textAt(entry, 'contentType')
      if (partType !== undefined && partType !== '') encoding[name] = { contentType: partType }
      fields.set(name, field)
    }
  }
  if (fields.size === 0) return undefined
  const properties = [...fields].map(([name, field]) => {
    const item = fieldSchema(field, name, encoding[name])
    const schema = field.count > 1 ? { type: 'array', items: item } : item
    return [name, field.description === '' ? schema : { ...schema, description: field.description }]
  })
  return {
    content: {
      [contentType]: {
        schema: { type: 'object', properties: Object.fromEntries(properties) },
        ...(Object.keys(encoding).length > 0 ? { encoding } : {}),
      },
    },
  }
}

/** A part that is marked as JSON is given as the value that it holds. */
function fieldSchema(
  { isFile, values }: { isFile: boolean; values: string[] },
  name: string,
  encoding: unknown,
): Node {
  if (isFile) return { type: 'string', format: 'binary' }
  const isJson = isNode(encoding) && /json/i.test(textAt(encoding, 'contentType') ?? '')
  return isJson ? open(values.map(parseTemplate)) : inferTextSchema(values, name)
}

/** Format 2.0 also has a form as text: `a=1&b=2`. */
function readFields(body: Node, key: string): Node[] {
  const value = own(body, key)
  if (typeof value !== 'string') return listAt(body, key).filter(isNode)
  return [...new URLSearchParams(value)].map(([name, text]) => ({ key: name, value: text }))
}

function graphql(node: Node): Node {
  const query = textAt(node, 'query') ?? ''
  const written = own(node, 'variables')
  const variables = typeof written === 'string' ? parseTemplate(written) : written
  const operation = textAt(node, 'operationName')
  return {
    required: true,
    content: {
      'application/json': {
        schema: {
          type: 'object',
          properties: {
            query: {
              type: 'string',
              description: `GraphQL document. This request's: ${query.replace(/\s+/g, ' ').trim()}`,
              ...(query === '' ? {} : { default: query }),
            },
            variables: {
              ...(isNode(variables) ? inferSchema([variables]) : { type: 'object' }),
              description: 'Values of the variables in the document.',
            },
            operationName: {
              type: 'string',
              description: 'Which operation of the document to run.',
              ...(operation === undefined ? {} : { default: operation }),
            },
          },
          required: ['query'],
        },
      },
    },
  }
}
