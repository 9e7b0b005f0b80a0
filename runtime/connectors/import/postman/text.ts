import { isNode, textAt } from '../nodes.ts'

/** Postman writes a description as text or as `{content, type}`. */
export function plainDescription(value: unknown): string {
  if (typeof value === 'string') return value
  return isNode(value) ? (textAt(value, 'content') ?? '') : ''
}
