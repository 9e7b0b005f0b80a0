import type { Json, JsonSchema } from '../../../core/json.ts'
import { isSchemaObject } from '../json-schema.ts'
import { portableSchema, type Schemas } from './portable-schema.ts'

type Node = { [key: string]: unknown }

/** `items[0].id` and `/items/0/id` as the steps to it. */
export const stepsOf = (path: string): string[] =>
  path
    .replace(/\[(\d+)\]/g, '.$1')
    .split(/[./]/)
    .filter((step) => step !== '')

/**
 * The schema with the part for `steps` changed; references on the way are replaced by what they refer to. Undefined
 * where the schema describes no such part.
 */
export function changeAt(
  schema: JsonSchema,
  steps: readonly string[],
  schemas: Schemas,
  change: (part: Node) => Node,
): JsonSchema | undefined {
  const root = portableSchema(schema, schemas, {})
  const visit = (part: unknown, left: readonly string[]): Node | undefined => {
    if (!isSchemaObject(part)) return undefined
    const [step, ...rest] = left
    if (step === undefined) return change(part)
    const { properties } = part
    if (isSchemaObject(properties) && Object.hasOwn(properties, step)) {
      const changed = visit(properties[step], rest)
      return changed === undefined ? undefined : { ...part, properties: { ...properties, [step]: changed } }
    }
    if (/^\d+$/.test(step) && isSchemaObject(part.items)) {
      const changed = visit(part.items, rest)
      return changed === undefined ? undefined : { ...part, items: changed }
    }
    for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
      const list = part[keyword]
      if (!Array.isArray(list)) continue
      for (const [index, one] of list.entries()) {
        const changed = visit(one, left)
        if (changed !== undefined) return { ...part, [keyword]: list.with(index, changed) }
      }
    }
    return undefined
  }
  return visit(root, steps)
}

export const typeOfValue = (value: Json): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** The part with the type that a value really has; what only another type could have is left out. */
export function withType(part: Node, type: string): Node {
  const {
    enum: _enum,
    const: _const,
    format: _format,
    pattern: _pattern,
    nullable: _nullable,
    ...rest
  } = part
  if (type === 'null') {
    const known = Array.isArray(part.type) ? part.type : part.type === undefined ? [] : [part.type]
    return { ...part, type: [...known, 'null'] }
  }
  return { ...rest, type }
}

export function valueAt(value: Json, steps: readonly string[]): Json | undefined {
  let found: Json | undefined = value
  for (const step of steps) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Array.isArray(found) ? found[Number(step)] : Object.hasOwn(found, step) ? found[step] : undefined
  }
  return found
}
