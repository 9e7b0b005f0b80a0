import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../../../core/json.ts'
import { directReferences, isSchemaObject, mapSubschemas, sharedName } from '../json-schema.ts'

export type Schemas = Record<string, JsonSchema>

const MAX_DEPTH = 12

/**
 * A schema of another definition, made to stand in ours: references stay where our shared schema of that name says
 * the same, all it refers to included; others are replaced by what they refer to, and a schema inside itself by any
 * value. A patch of one action cannot change what the actions share.
 */
export function portableSchema(schema: JsonSchema, theirs: Schemas, ours: Schemas): JsonSchema {
  const inlined = (part: JsonSchema, above: readonly string[]): JsonSchema => {
    if (!isSchemaObject(part)) return part
    const name = sharedName(part)
    if (name === undefined) return mapSubschemas(part, (child) => inlined(child, above))
    if (isSame(name, theirs, ours)) return part
    if (above.includes(name) || above.length >= MAX_DEPTH) return true
    const { $ref: _replaced, ...beside } = part
    const target = inlined(theirs[name] ?? true, [...above, name])
    return isSchemaObject(target) ? { ...target, ...beside } : target
  }
  return inlined(schema, [])
}

function isSame(name: string, theirs: Schemas, ours: Schemas): boolean {
  const seen = new Set([name])
  // A Set iterates over what is added meanwhile.
  for (const each of seen) {
    if (!Object.hasOwn(ours, each) || !isDeepStrictEqual(ours[each], theirs[each])) return false
    directReferences(ours[each] ?? true, seen)
  }
  return true
}

const NOT_RULES = new Set(['description', 'title', 'examples', 'example', 'default', 'deprecated'])

/** Do two schemas allow the same? Words beside the rules do not count. */
export function sameRules(left: JsonSchema | undefined, right: JsonSchema | undefined): boolean {
  return isDeepStrictEqual(rulesOf(left), rulesOf(right))
}

function rulesOf(schema: JsonSchema | undefined): unknown {
  if (!isSchemaObject(schema)) return schema
  const mapped = mapSubschemas(schema, (child) => rulesOf(child) as JsonSchema)
  const { required, ...rest } = mapped
  const rules = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !NOT_RULES.has(keyword)))
  return Array.isArray(required) && required.length > 0 ? { ...rules, required: required.toSorted() } : rules
}
