import type { Json, JsonSchema } from '../../../core/json.ts'
import type { ActionBody, ActionParameter } from '../action-definition.ts'
import { isSchemaObject } from '../json-schema.ts'
import { buildXml, type XmlRoot } from './build-xml.ts'
import type { Schemas } from './shape.ts'

/** What describes a body: the action's input schema, of whose properties it is made, and what that refers to. */
export interface BodyDescription {
  schemas: Schemas
  inputSchema: { [key: string]: unknown }
  /** What of the input is sent elsewhere. */
  parameters: Pick<ActionParameter, 'inputKey'>[]
}

/**
 * The body of an action as XML; a text is taken for XML already.
 * @throws AppError `invalid_input` for what XML cannot hold
 */
export function xmlBody(
  { mode, inputKey = 'body', properties: names = {} }: ActionBody,
  root: XmlRoot,
  value: Json,
  { schemas, inputSchema, parameters }: BodyDescription,
): string {
  if (typeof value === 'string') return value
  const properties = isSchemaObject(inputSchema.properties) ? inputSchema.properties : {}
  if (mode === 'whole')
    return buildXml(schemas, properties[inputKey] as JsonSchema, value, root, `input.${inputKey}`)
  const elsewhere = new Set(parameters.map((parameter) => parameter.inputKey))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(properties)
        .filter(([key]) => !elsewhere.has(key))
        .map(([key, property]) => [names[key] ?? key, property]),
    ),
    additionalProperties: inputSchema.additionalProperties,
  }
  return buildXml(schemas, schema, value, root, 'input')
}
