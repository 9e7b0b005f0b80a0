import type { JsonSchema } from '../../core/json.ts'
import type { ActionDefinition, ConnectorDefinition } from '../connectors/definition.ts'
import { sharedName } from '../connectors/json-schema.ts'
import { type Block, cleanText, type DocDocument, oneLine } from './document.ts'

const MAX_FIELDS = 200
const MAX_DEPTH = 4
const MAX_CELL_CHARS = 400

type Schemas = Record<string, JsonSchema>

/** What an API description says, as a document: one section per action and event, with tables of what goes in and out. */
export function describeConnector(definition: ConnectorDefinition, url: string | null): DocDocument {
  const blocks: Block[] = []
  const prose = (text: string) => {
    const cleaned = cleanText(text)
    if (cleaned !== '') blocks.push({ kind: 'prose', text: cleaned })
  }
  prose(definition.description)
  prose(`Base URL: ${definition.baseUrl}`)
  blocks.push({ kind: 'heading', level: 2, text: 'Authentication' })
  for (const method of definition.authMethods)
    prose(`${method.name} (${method.type}): ${method.description ?? ''}`)
  for (const action of definition.actions) blocks.push(...describeAction(action, definition.schemas))
  for (const event of definition.events) {
    blocks.push({ kind: 'heading', level: 2, text: `Event ${oneLine(event.name)}` })
    prose(`${event.slug}: ${event.description}`)
    blocks.push(...fieldTable('Payload', event.payloadSchema, definition.schemas))
  }
  return { title: oneLine(definition.name), url, blocks }
}

function describeAction(action: ActionDefinition, schemas: Schemas): Block[] {
  const said = [
    `${action.method} ${action.path}`,
    `Action ${action.slug}${action.deprecated === true ? ', deprecated' : ''}.`,
    cleanText(action.description),
    action.tags.length === 0 ? '' : `Tags: ${action.tags.join(', ')}`,
  ]
  const places = new Map(action.parameters.map((parameter) => [parameter.inputKey, parameter.in]))
  return [
    { kind: 'heading', level: 2, text: oneLine(action.name) },
    { kind: 'prose', text: cleanText(said.filter((line) => line !== '').join('\n')) },
    ...fieldTable('Input', action.inputSchema, schemas, (field) => places.get(field) ?? 'body'),
    ...fieldTable('Response', action.outputSchema, schemas),
  ]
}

interface Field {
  name: string
  type: string
  required: boolean
  description: string
}

/** A heading and a table of the fields of a schema; nothing for one without fields. */
function fieldTable(
  title: string,
  schema: JsonSchema | undefined,
  schemas: Schemas,
  placeOf?: (field: string) => string,
): Block[] {
  const fields: Field[] = []
  collectFields(schema, '', MAX_DEPTH, { schemas, fields })
  if (fields.length === 0) return []
  const rows = fields.map(({ name, type, required, description }) => {
    const place = placeOf === undefined ? [] : [placeOf(name.split(/[.[]/)[0] ?? name)]
    return `| ${[name, type, ...place, required ? 'yes' : 'no', description].map(cellOf).join(' | ')} |`
  })
  const head = ['Field', 'Type', ...(placeOf === undefined ? [] : ['In']), 'Required', 'Description']
  return [
    { kind: 'heading', level: 3, text: title },
    {
      kind: 'table',
      text: [`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows].join('\n'),
    },
  ]
}

const cellOf = (text: string) => oneLine(text).slice(0, MAX_CELL_CHARS).replaceAll('|', '\\|')

function collectFields(
  schema: unknown,
  path: string,
  depth: number,
  into: { schemas: Schemas; fields: Field[] },
): void {
  const { fields, schemas } = into
  const node = resolved(schema, schemas)
  if (node === undefined || depth === 0 || fields.length >= MAX_FIELDS) return
  for (const part of [node.allOf, node.oneOf, node.anyOf])
    if (Array.isArray(part)) for (const one of part) collectFields(one, path, depth - 1, into)
  if (node.items !== undefined) collectFields(node.items, `${path}[]`, depth - 1, into)
  const required = Array.isArray(node.required) ? node.required : []
  for (const [key, value] of Object.entries(isNode(node.properties) ? node.properties : {})) {
    if (fields.length >= MAX_FIELDS) return
    const field = resolved(value, schemas)
    const name = path === '' ? key : `${path}.${key}`
    const values = Array.isArray(field?.enum) ? ` One of: ${field.enum.slice(0, 20).join(', ')}.` : ''
    fields.push({
      name,
      type: typeOf(field),
      required: required.includes(key),
      description: `${typeof field?.description === 'string' ? field.description : ''}${values}`,
    })
    collectFields(field, name, depth - 1, into)
  }
}

type Node = { [key: string]: unknown }
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The schema itself; of a reference, what it refers to. */
function resolved(schema: unknown, schemas: Schemas): Node | undefined {
  if (!isNode(schema)) return undefined
  const name = sharedName(schema)
  if (name === undefined) return schema
  const target = Object.hasOwn(schemas, name) ? schemas[name] : undefined
  return isNode(target) ? { ...target, ...schema } : schema
}

const typeOf = (node: Node | undefined): string =>
  Array.isArray(node?.type) ? node.type.join(' or ') : typeof node?.type === 'string' ? node.type : 'any'
