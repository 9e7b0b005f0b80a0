import type { JsonSchema } from '../../../core/json.ts'
import type { ActionDefinition } from '../action-definition.ts'
import { schemaReference } from '../bundle-schema.ts'
import type { EventDefinition } from '../definition.ts'
import { directReferences, isSchemaObject, mapSubschemas, sharedName } from '../json-schema.ts'
import { buildUniqueNames } from './unique-name.ts'

type Direction = 'input' | 'output'
type Schemas = Record<string, JsonSchema>

/** What a direction must not show: an API ignores or refuses read-only input, and never tells write-only output. */
const HIDDEN: Record<Direction, 'readOnly' | 'writeOnly'> = { input: 'readOnly', output: 'writeOnly' }

/**
 * The same actions with read-only properties out of their inputs and write-only ones out of their outputs, also
 * deep inside. A shared schema that serves both directions and has such properties, or refers to one that has,
 * gets a variant for inputs. Shared schemas that nothing refers to any more are left out.
 */
export function splitDirections(
  actions: ActionDefinition[],
  events: EventDefinition[],
  schemas: Schemas,
): { actions: ActionDefinition[]; schemas: Schemas } {
  const affected = { input: affectedBy('readOnly', schemas), output: affectedBy('writeOnly', schemas) }
  const used = {
    input: reach(
      actions.map(({ inputSchema }) => inputSchema),
      schemas,
    ),
    output: reach(
      [
        ...actions.map(({ outputSchema }) => outputSchema),
        ...events.map(({ payloadSchema }) => payloadSchema),
      ],
      schemas,
    ),
  }
  const names = new Map<string, string>()
  const unique = buildUniqueNames(new Set(Object.keys(schemas)))
  for (const name of used.input) {
    const differs = affected.input.has(name) || affected.output.has(name)
    if (differs && used.output.has(name)) names.set(name, unique(`${name}_input`))
  }
  const nameIn = (direction: Direction, name: string): string =>
    direction === 'input' ? (names.get(name) ?? name) : name
  const convert = (direction: Direction, schema: JsonSchema): JsonSchema =>
    narrow(schema, HIDDEN[direction], (name) => nameIn(direction, name))

  const out: Schemas = {}
  for (const direction of ['output', 'input'] as const) {
    for (const name of used[direction]) {
      const key = nameIn(direction, name)
      const schema = schemas[name]
      if (schema !== undefined && !Object.hasOwn(out, key)) {
        const isTouched = affected[direction].has(name) || (direction === 'input' && names.size > 0)
        out[key] = isTouched ? convert(direction, schema) : schema
      }
    }
  }
  return {
    actions: actions.map((action) => ({
      ...action,
      inputSchema: convert('input', action.inputSchema) as Record<string, unknown>,
      ...(action.outputSchema === undefined ? {} : { outputSchema: convert('output', action.outputSchema) }),
    })),
    schemas: Object.fromEntries(Object.entries(out)),
  }
}

/** Shared schemas that have a property so marked, and those that refer to them. */
function affectedBy(mark: 'readOnly' | 'writeOnly', schemas: Schemas): Set<string> {
  const users = new Map<string, string[]>()
  const found: string[] = []
  for (const [name, schema] of Object.entries(schemas)) {
    if (hasMarked(schema, mark)) found.push(name)
    for (const target of directReferences(schema)) {
      const known = users.get(target)
      if (known === undefined) users.set(target, [name])
      else known.push(name)
    }
  }
  const affected = new Set(found)
  for (const name of affected) for (const user of users.get(name) ?? []) affected.add(user)
  return affected
}

function hasMarked(schema: JsonSchema, mark: string): boolean {
  if (!isSchemaObject(schema)) return false
  const properties = isSchemaObject(schema.properties) ? Object.values(schema.properties) : []
  if (properties.some((property) => isSchemaObject(property) && property[mark] === true)) return true
  let found = false
  mapSubschemas(schema, (child) => {
    found ||= hasMarked(child, mark)
    return child
  })
  return found
}

/** Names of all shared schemas that can be reached from these. */
export function reach(roots: (JsonSchema | undefined)[], schemas: Schemas): Set<string> {
  const seen = new Set<string>()
  for (const root of roots) if (root !== undefined) directReferences(root, seen)
  // A Set iterates over what is added meanwhile.
  for (const name of seen) {
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
    if (schema !== undefined) directReferences(schema, seen)
  }
  return seen
}

function narrow(schema: JsonSchema, hidden: string, nameOf: (name: string) => string): JsonSchema {
  if (!isSchemaObject(schema)) return schema
  const copy = mapSubschemas(schema, (child) => narrow(child, hidden, nameOf))
  const name = sharedName(copy)
  if (name !== undefined) copy.$ref = schemaReference(nameOf(name)).$ref
  const { properties } = copy
  if (!isSchemaObject(properties)) return copy
  const kept = Object.entries(properties).filter(
    ([, property]) => !(isSchemaObject(property) && property[hidden] === true),
  )
  if (kept.length === Object.keys(properties).length) return copy
  copy.properties = Object.fromEntries(kept)
  return copy
}
