import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../../../core/json.ts'
import { directReferences } from '../json-schema.ts'
import type { ConnectorContent } from './connector-changes.ts'

type Shared = ConnectorContent['schemas']

/** Names of the shared schemas that something of the connector leads to, through however many others. */
export function usedSchemas({ head, schemas, actions }: ConnectorContent): Set<string> {
  const names = new Set<string>()
  for (const { inputSchema, outputSchema } of Object.values(actions)) {
    directReferences(inputSchema, names)
    if (outputSchema !== undefined) directReferences(outputSchema, names)
  }
  for (const { payloadSchema } of head.events)
    if (payloadSchema !== undefined) directReferences(payloadSchema, names)
  // A Set iterates over what is added meanwhile.
  for (const name of names) if (Object.hasOwn(schemas, name)) directReferences(schemas[name] ?? true, names)
  return names
}

/** Names of the shared schemas that mean something else now: they differ themselves, or lead to one that does. */
export function changedSchemas(before: Shared, after: Shared): Set<string> {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = new Set(
    [...names].filter((name) => !isDeepStrictEqual(own(before, name), own(after, name))),
  )
  if (changed.size === 0) return changed
  const referrers = new Map<string, string[]>()
  for (const schemas of [before, after]) {
    for (const [name, schema] of Object.entries(schemas)) {
      for (const target of directReferences(schema)) {
        const known = referrers.get(target)
        if (known === undefined) referrers.set(target, [name])
        else known.push(name)
      }
    }
  }
  for (const name of changed) for (const referrer of referrers.get(name) ?? []) changed.add(referrer)
  return changed
}

/** Does the schema refer to one of these shared schemas? */
export const refersTo = (schema: JsonSchema | undefined, names: ReadonlySet<string>): boolean =>
  names.size > 0 && schema !== undefined && [...directReferences(schema)].some((name) => names.has(name))

const own = (schemas: Shared, name: string) => (Object.hasOwn(schemas, name) ? schemas[name] : undefined)
