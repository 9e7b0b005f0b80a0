import { isJsonObject, type JsonObject } from '../../core/json.ts'

const MAX_DEPTH = 30

/** Is there such a field? `unknown`: the schema does not say. */
export type FieldFinding = 'there' | 'absent' | 'unknown'

/**
 * Looks for a field in a JSON Schema that is complete in itself.
 * @param path `order.lines[].sku`
 */
export function findField(schema: unknown, path: string): FieldFinding {
  return find(schema, segmentsOf(path), schema, 0)
}

/** Names an object of this schema must have. */
export function requiredFields(schema: unknown): string[] {
  return [
    ...new Set(
      parts(schema, schema, 0).flatMap(({ required }) =>
        Array.isArray(required) ? required.map(String) : [],
      ),
    ),
  ]
}

/** Names an object of this schema may have, as far as it says. */
export function fieldNames(schema: unknown): string[] {
  return [
    ...new Set(
      alternatives(schema, schema, 0).flatMap(({ properties }) =>
        isJsonObject(properties) ? Object.keys(properties) : [],
      ),
    ),
  ]
}

const segmentsOf = (path: string): string[] =>
  path
    .replace(/\[\d*\]/g, '.[]')
    .split('.')
    .filter((part) => part !== '')

function find(schema: unknown, [name, ...rest]: string[], root: unknown, depth: number): FieldFinding {
  if (name === undefined) return 'there'
  const options = alternatives(schema, root, depth)
  if (options.length === 0) return 'unknown'
  const findings = options.map((option) => findIn(option, name, rest, root, depth + 1))
  if (findings.includes('there')) return 'there'
  return findings.includes('unknown') ? 'unknown' : 'absent'
}

function findIn(
  option: JsonObject,
  name: string,
  rest: string[],
  root: unknown,
  depth: number,
): FieldFinding {
  if (depth > MAX_DEPTH) return 'unknown'
  if (name === '[]') return 'items' in option ? find(option.items, rest, root, depth) : typed(option, 'array')
  const { properties, additionalProperties } = option
  if (isJsonObject(properties) && name in properties) return find(properties[name], rest, root, depth)
  if (isJsonObject(additionalProperties)) return find(additionalProperties, rest, root, depth)
  if (additionalProperties === true) return 'unknown'
  // A schema that lists fields means those: one that is not among them was made up.
  return isJsonObject(properties) && Object.keys(properties).length > 0 ? 'absent' : typed(option, 'object')
}

/** A schema that says another type has no such field; one that says none may have any. */
function typed(option: JsonObject, wanted: string): FieldFinding {
  const { type } = option
  const types = Array.isArray(type) ? type : [type]
  return type === undefined || types.includes(wanted) ? 'unknown' : 'absent'
}

/** What holds at once: the schema, what it refers to, allOf. */
function parts(schema: unknown, root: unknown, depth: number): JsonObject[] {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return []
  const target = typeof schema.$ref === 'string' ? resolve(schema.$ref, root) : undefined
  const all = Array.isArray(schema.allOf) ? schema.allOf : []
  return [schema, ...[target, ...all].flatMap((part) => parts(part, root, depth + 1))]
}

/** The same, and what may hold: anyOf, oneOf. */
function alternatives(schema: unknown, root: unknown, depth: number): JsonObject[] {
  return parts(schema, root, depth).flatMap((part) => {
    const choices = [part.anyOf, part.oneOf].flatMap((list) => (Array.isArray(list) ? list : []))
    const says = Object.keys(part).some(
      (key) => !['$ref', 'allOf', 'anyOf', 'oneOf', 'description', 'title', '$defs', '$schema'].includes(key),
    )
    return [
      ...(says ? [part] : []),
      ...(depth > MAX_DEPTH ? [] : choices.flatMap((choice) => alternatives(choice, root, depth + 1))),
    ]
  })
}

function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith('#')) return undefined
  let at: unknown = root
  for (const part of reference.slice(1).split('/').filter(Boolean)) {
    if (!isJsonObject(at)) return undefined
    at = at[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return at
}
