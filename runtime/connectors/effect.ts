import type { ActionDefinition } from './action-definition.ts'

const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])
/** What many frameworks take in place of the request's method, whatever that is. */
const OTHER_METHOD = /^(x-(http-)?method(-override)?|_method)$/i
const IN_ADDRESS = /[?&]_method=/i

/** What a request tells of what it does: an action's, or as much of it as is known. */
export type ToldByRequest = Pick<ActionDefinition, 'method'> & {
  path?: string
  parameters?: readonly { name: string; in: string }[]
}

/**
 * What its request tells about an action: the method alone (RFC 9110, section 9.2), unless a header or a parameter may
 * take its place, as `X-HTTP-Method-Override` does. Such a one may delete.
 */
export function effectOf({ method, path = '', parameters = [] }: ToldByRequest): ActionDefinition['effect'] {
  const isDisguised =
    IN_ADDRESS.test(path) ||
    parameters.some((one) => one.in !== 'path' && one.in !== 'cookie' && OTHER_METHOD.test(one.name))
  if (isDisguised) return 'destructive'
  if (READS.has(method)) return 'read'
  return method === 'DELETE' ? 'destructive' : 'write'
}

/** What does more harm ranks higher. */
export const EFFECT_RANK = { read: 0, write: 1, destructive: 2 } as const

export const isIdempotent = (method: string): boolean =>
  READS.has(method) || method === 'PUT' || method === 'DELETE'
