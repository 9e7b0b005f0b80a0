import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { isSchemaObject, mapSubschemas } from '../json-schema.ts'
import { isXml } from '../xml/content-type.ts'
import { reach } from './split-directions.ts'

/**
 * The same without the `xml` keywords that no call uses: descriptions say of most schemas how they would be written in
 * XML, also where requests and answers are JSON, and agents read the schemas.
 */
export function withoutIdleXml(
  actions: ActionDefinition[],
  schemas: Record<string, JsonSchema>,
): { actions: ActionDefinition[]; schemas: Record<string, JsonSchema> } {
  const writes = ({ body }: ActionDefinition) => body?.xml !== undefined
  const reads = ({ responseContentType }: ActionDefinition) => isXml(responseContentType ?? '')
  const used = reach(
    actions.flatMap((action) => [
      ...(writes(action) ? [action.inputSchema] : []),
      ...(reads(action) ? [action.outputSchema] : []),
    ]),
    schemas,
  )
  return {
    actions: actions.map((action) => ({
      ...action,
      ...(writes(action) ? {} : { inputSchema: withoutXml(action.inputSchema) as Record<string, unknown> }),
      ...(reads(action) || action.outputSchema === undefined
        ? {}
        : { outputSchema: withoutXml(action.outputSchema) }),
    })),
    schemas: Object.fromEntries(
      Object.entries(schemas).map(([name, schema]) => [name, used.has(name) ? schema : withoutXml(schema)]),
    ),
  }
}

function withoutXml(schema: JsonSchema): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  const { xml: _unused, ...rest } = mapSubschemas(schema, withoutXml)
  return rest
}
