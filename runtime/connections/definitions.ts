import { newId } from '../../core/ids.ts'
import type { JsonObject, JsonSchema } from '../../core/json.ts'
import type { ActionRow, NewAction } from '../../db/actions.ts'
import type { ConnectorVersionContent } from '../../db/connector-versions.ts'
import type { ConnectorContent, ConnectorRow } from '../../db/connectors.ts'
import type { ActionDefinition, ConnectorDefinition } from '../connectors/definition.ts'
import type { ConnectorContent as ConnectorVersion } from '../connectors/diff/connector-changes.ts'

/** Everything of a connector's definition but its actions and shared schemas. */
export type ConnectorHead = Omit<ConnectorDefinition, 'actions' | 'schemas'>

export type SharedSchemas = Record<string, JsonSchema>

/** What was stored was validated then, and is not again. */
export function headOf(row: ConnectorRow): ConnectorHead {
  const { slug, name, description, visibility } = row
  return { ...(row.definition as unknown as ConnectorHead), slug, name, description, visibility }
}

/** A whole version as diffs compare it. */
export function versionContent(row: ConnectorVersionContent): ConnectorVersion {
  return {
    head: row.definition as unknown as ConnectorVersion['head'],
    schemas: row.schemas as SharedSchemas,
    actions: row.actions as unknown as ConnectorVersion['actions'],
  }
}

/** A definition about to be stored, in the same form. */
export function definitionContent({
  slug: _slug,
  schemas,
  actions,
  ...head
}: ConnectorDefinition): ConnectorVersion {
  return { head, schemas, actions: Object.fromEntries(actions.map((action) => [action.slug, action])) }
}

export const schemasOf = (schemas: JsonObject) => schemas as SharedSchemas

export const actionOf = (row: Pick<ActionRow, 'definition'>) => row.definition as unknown as ActionDefinition

/** A definition as the connectors table keeps it: columns for what is searched and shown, JSON for the rest. */
export function contentOf(definition: ConnectorHead & { schemas: object }): ConnectorContent {
  const { slug: _column, name, description, visibility, schemas, ...rest } = definition
  return { name, description, visibility, schemas, definition: rest }
}

export const actionFields = (action: ActionDefinition) => ({
  slug: action.slug,
  name: action.name,
  description: action.description,
  effect: action.effect,
  definition: action,
})

export const newAction = (action: ActionDefinition): NewAction => ({
  id: newId('action'),
  ...actionFields(action),
})
