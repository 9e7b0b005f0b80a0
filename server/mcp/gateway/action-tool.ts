import type { Tool } from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject, type JsonSchema } from '../../../core/json.ts'
import type { SharedSchemas } from '../../../runtime/connections/definitions.ts'
import { type ActionDefinition, bundleSchema } from '../../../runtime/connectors/definition.ts'
import type { GatewayAction } from './catalogue.ts'

/** What one tool may take of a client's context; describe_action has the whole. */
const MAX_INPUT_BYTES = 2_500
const MAX_OUTPUT_BYTES = 1_200
const MAX_DESCRIPTION_CHARS = 300
const MAX_FIELD_DESCRIPTION_CHARS = 160
/** Keywords that keep an object from being plain: many clients refuse them at the top. The runtime checks them. */
const NOT_PLAIN = [
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  '$ref',
  'dependentSchemas',
  'discriminator',
]

/**
 * The input that chooses between accounts; undefined where there is one. Never the name of an input of the
 * action's own.
 */
export function selectorOf({ app, document }: GatewayAction): string | undefined {
  if (app.connections.length < 2) return undefined
  let name = 'connection'
  for (let count = 1; document.inputKeys.includes(name); count += 1) {
    name = count === 1 ? 'use_connection' : `use_connection_${count}`
  }
  return name
}

/** An action as a tool: its own input, plain and complete in itself, and hints from what it does. */
export function toActionTool(gateway: GatewayAction, action: ActionDefinition, schemas: SharedSchemas): Tool {
  const { app, document, name } = gateway
  const { schema, cut } = inputSchemaOf(action, schemas)
  const selector = selectorOf(gateway)
  if (selector !== undefined) {
    schema.properties[selector] = {
      type: 'string',
      enum: app.connections.map((connection) => connection.name),
      description: `Which ${app.name} account to use; left out, the default one.`,
    }
  }
  const outputSchema = outputSchemaOf(action, schemas)
  const title = `${app.name}: ${action.name}`
  return {
    name,
    title,
    description: [
      clip(action.description || action.name, MAX_DESCRIPTION_CHARS),
      ...(action.deprecated === true ? ['Deprecated.'] : []),
      ...(cut
        ? [
            `Takes more than is shown: describe_action {"connector":"${app.slug}","action":"${document.slug}"}.`,
          ]
        : []),
    ].join(' '),
    inputSchema: schema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
    annotations: {
      title,
      readOnlyHint: action.effect === 'read',
      destructiveHint: action.effect === 'destructive',
      idempotentHint: action.effect === 'read' || action.idempotent,
      openWorldHint: true,
    },
  }
}

type PlainSchema = JsonObject & { type: 'object'; properties: JsonObject }

function inputSchemaOf(
  action: ActionDefinition,
  schemas: SharedSchemas,
): { schema: PlainSchema; cut: boolean } {
  const { schema: bundled, truncated } = bundleSchema(schemas, action.inputSchema, {
    maxBytes: MAX_INPUT_BYTES,
  })
  const root = objectOf(bundled)
  const properties = objectOf(root.properties as JsonSchema | undefined)
  const plain: JsonObject = {}
  for (const [keyword, value] of Object.entries(root))
    if (!NOT_PLAIN.includes(keyword)) plain[keyword] = value
  const all: PlainSchema = { ...plain, type: 'object', properties: mapValues(properties, shortened) }
  const given = Object.keys(root).some((keyword) => NOT_PLAIN.includes(keyword)) || truncated.length > 0
  if (sizeOf(all) <= MAX_INPUT_BYTES) return { schema: all, cut: given }
  return { schema: onlyWhatFits(all), cut: true }
}

/** The required inputs, then others while they fit; what they are made of is described by describe_action. */
function onlyWhatFits(schema: PlainSchema): PlainSchema {
  const required = Array.isArray(schema.required) ? schema.required.map(String) : []
  const kept: JsonObject = {}
  let size = 0
  const names = Object.keys(schema.properties)
  for (const name of [
    ...names.filter((one) => required.includes(one)),
    ...names.filter((one) => !required.includes(one)),
  ]) {
    const property = flat(schema.properties[name])
    const bytes = sizeOf(property) + name.length + 4
    if (!required.includes(name) && size + bytes > MAX_INPUT_BYTES) continue
    kept[name] = property
    size += bytes
  }
  return { type: 'object', properties: kept, ...(required.length === 0 ? {} : { required }) }
}

/** A property without what it is made of: a reference would lead nowhere. */
function flat(property: unknown): JsonObject {
  const { type, description, enum: choices } = objectOf(property)
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(Array.isArray(choices) && choices.length <= 20 ? { enum: choices } : {}),
  }
}

/**
 * The names and kinds of an answer's fields. Clients check answers against it and drop those that do not fit,
 * and apps answer otherwise than they describe: so it says what there is, and demands nothing.
 */
function outputSchemaOf(action: ActionDefinition, schemas: SharedSchemas): Tool['outputSchema'] | undefined {
  if (action.outputSchema === undefined) return undefined
  const { schema } = bundleSchema(schemas, action.outputSchema, { maxBytes: 32_000 })
  const bundled = objectOf(schema)
  const name = typeof bundled.$ref === 'string' ? bundled.$ref.replace(/^#\/\$defs\//, '') : undefined
  const root = name === undefined ? bundled : objectOf(objectOf(bundled.$defs)[name])
  const properties = objectOf(root.properties)
  if (Object.keys(properties).length === 0) return undefined
  const told: JsonObject = mapValues(properties, (property) => {
    const { type } = objectOf(property)
    return typeof type === 'string' ? { description: type } : {}
  })
  const output = { type: 'object' as const, properties: told as Record<string, object> }
  return sizeOf(output) <= MAX_OUTPUT_BYTES ? output : undefined
}

function shortened(property: unknown): JsonObject | boolean {
  if (typeof property === 'boolean') return property
  const schema = { ...objectOf(property) }
  delete schema.example
  delete schema.examples
  if (typeof schema.description === 'string')
    schema.description = clip(schema.description, MAX_FIELD_DESCRIPTION_CHARS)
  return schema
}

const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})
const mapValues = (object: JsonObject, map: (value: unknown) => JsonObject | boolean): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
const sizeOf = (value: unknown) => JSON.stringify(value).length
const clip = (text: string, max: number): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > max ? `${line.slice(0, max - 1)}…` : line
}
