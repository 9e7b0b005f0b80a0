import { isNode, listAt, type Node, own, textAt } from '../nodes.ts'

/** Values of Postman's variables by name. Secret ones are known by name only. */
export type Variables = ReadonlyMap<string, string>

const MAX_ROUNDS = 5
const SECRET_NAME = /pass(word|wd)?|secret|token|api_?key/i

/** `outer` with the variables of a collection, folder or environment, which win where `outer` has none. */
export function withVariables(
  outer: Variables,
  node: Node,
  key: 'variable' | 'values' = 'variable',
): Variables {
  const entries = listAt(node, key).filter(isNode)
  if (entries.length === 0) return outer
  const all = new Map(outer)
  for (const entry of entries) {
    const name = textAt(entry, 'key') ?? textAt(entry, 'id')
    if (name === undefined || own(entry, 'disabled') === true || own(entry, 'enabled') === false) continue
    if (own(entry, 'type') === 'secret' || SECRET_NAME.test(name)) continue
    const value = own(entry, 'value')
    if (typeof value === 'string' || typeof value === 'number') all.set(name, String(value))
  }
  return all
}

/** An exported environment: its variables win over the collection's, as in Postman. */
export const isEnvironment = (value: unknown): value is Node =>
  isNode(value) && Array.isArray(own(value, 'values')) && own(value, 'item') === undefined

/** `{{name}}` replaced by its value where that is known; other variables stay as they are written. */
export function resolve(text: string, variables: Variables): string {
  let current = text
  // Values may hold variables; a variable that holds itself ends after a few rounds.
  for (let round = 0; round < MAX_ROUNDS && current.includes('{{'); round += 1) {
    const next = current.replace(/\{\{([^{}]+)\}\}/g, (placeholder, name: string) => {
      const value = variables.get(name.trim())
      return value === undefined || value === '' || value.length > 2_000 ? placeholder : value
    })
    if (next === current || next.length > 10_000) break
    current = next
  }
  return current
}
