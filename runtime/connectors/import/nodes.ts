/** An object of the imported document: whatever the author wrote, so every field is checked when read. */
export type Node = { [key: string]: unknown }

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An own field; `constructor` and the like are never found on the prototype. */
export const own = (node: Node, key: string): unknown => (Object.hasOwn(node, key) ? node[key] : undefined)

export const nodeAt = (node: Node, key: string): Node | undefined => {
  const value = own(node, key)
  return isNode(value) ? value : undefined
}

export const listAt = (node: Node, key: string): unknown[] => {
  const value = own(node, key)
  return Array.isArray(value) ? value : []
}

export const textAt = (node: Node, key: string): string | undefined => {
  const value = own(node, key)
  return typeof value === 'string' ? value : undefined
}

export const stringsAt = (node: Node, key: string): string[] =>
  listAt(node, key).filter((item) => typeof item === 'string')

/** A `~`-escaped JSON pointer (RFC 6901). */
export const pointer = (base: string, ...tokens: (string | number)[]): string =>
  tokens.reduce<string>(
    (path, token) => `${path}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    base,
  )
