import type { JsonSchema } from '../../core/json.ts'
import { isSchemaObject, mapSubschemas, sharedName } from '../connectors/json-schema.ts'

/** Keywords types cannot say, those that name types at random, and the converter's own ones, which would be code. */
const DROPPED = new Set([
  'title',
  'default',
  'examples',
  '$id',
  'id',
  '$anchor',
  '$comment',
  '$schema',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependentRequired',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
  'propertyNames',
  'prefixItems',
  'tsType',
  'tsEnumNames',
  'extends',
  // Only shared schemas are referred to: others would be fetched.
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
  '$defs',
  'definitions',
])
const BARE = new Set(['required', 'not', 'description', 'title', 'type'])

/** A branch that only asks for fields narrows nothing that a type could say. */
const isBare = (branch: unknown) =>
  isSchemaObject(branch) && Object.keys(branch).every((key) => BARE.has(key))

/**
 * A JSON Schema 2020-12 of a connector as the converter reads it best: shared schemas as `#/$defs/<name>`, objects
 * whose fields nobody named open to any field, and without what a type cannot say.
 * @param shared names of the shared schemas there are
 */
export function typedSchema(schema: JsonSchema, shared: ReadonlySet<string>): { [key: string]: unknown } {
  if (!isSchemaObject(schema)) return {}
  const name = sharedName(schema)
  // A description beside the reference would make the converter write the type twice.
  if (name !== undefined && !shared.has(name)) return {}
  if (name !== undefined) return { $ref: `#/$defs/${definitionName(name)}` }
  const out: { [key: string]: unknown } = {}
  for (const [keyword, value] of Object.entries(
    mapSubschemas(schema, (child) => typedSchema(child, shared)),
  )) {
    if (!DROPPED.has(keyword)) out[keyword] = value
  }
  for (const keyword of ['anyOf', 'oneOf']) {
    const branches = schema[keyword]
    if (Array.isArray(branches) && schema.properties !== undefined && branches.every(isBare)) {
      delete out[keyword]
    }
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type]
  if (types.includes('object') && schema.properties === undefined && out.additionalProperties === undefined) {
    const composed = ['allOf', 'anyOf', 'oneOf', 'patternProperties'].some((keyword) => keyword in out)
    if (!composed) out.additionalProperties = true
  }
  return out
}

/** A name the converter makes the same type name of every time, apart from those of inputs and outputs. */
export const definitionName = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '_')
