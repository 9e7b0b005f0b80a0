import type { IncomingHttpHeaders } from 'node:http'

// biome-ignore lint/suspicious/noExplicitAny: a document of any version of three formats
type Node = Record<string, any>

/** The one key, token or password that the API knows. */
export const CREDENTIAL = 'sk-eval-4f1d9c'
export const USERNAME = 'eval'

export interface Refused {
  message: string
  headers: Record<string, string>
}

/**
 * Does a request carry the credential where the description's security schemes say? Undefined when it does, or when
 * the operation is public.
 */
export function refusedCredentials(
  document: Node,
  operation: Node,
  request: { headers: IncomingHttpHeaders; query: URLSearchParams },
): Refused | undefined {
  const schemes: Node = document.components?.securitySchemes ?? document.securityDefinitions ?? {}
  const requirements: Node[] = operation.security ?? document.security ?? []
  if (requirements.length === 0) return undefined
  const satisfied = requirements.some((requirement) =>
    Object.keys(requirement).every((name) => schemes[name] === undefined || carries(schemes[name], request)),
  )
  if (satisfied) return undefined
  const wanted = requirements.flatMap((requirement) => Object.keys(requirement)).map((name) => schemes[name])
  const challenges = wanted.flatMap((scheme) => challengeOf(scheme))
  return {
    message: 'Invalid or missing credentials.',
    headers: challenges.length === 0 ? {} : { 'www-authenticate': challenges.join(', ') },
  }
}

function carries(
  scheme: Node,
  { headers, query }: { headers: IncomingHttpHeaders; query: URLSearchParams },
): boolean {
  if (scheme.type === 'apiKey') {
    const name = String(scheme.name)
    if (scheme.in === 'query') return query.get(name) === CREDENTIAL
    if (scheme.in === 'cookie') return (headers.cookie ?? '').includes(`${name}=${CREDENTIAL}`)
    return headers[name.toLowerCase()] === CREDENTIAL
  }
  return headers.authorization === expected(scheme)
}

function expected(scheme: Node): string {
  const isBasic = scheme.type === 'basic' || String(scheme.scheme).toLowerCase() === 'basic'
  return isBasic
    ? `Basic ${Buffer.from(`${USERNAME}:${CREDENTIAL}`).toString('base64')}`
    : `Bearer ${CREDENTIAL}`
}

const challengeOf = (scheme: Node | undefined): string[] =>
  scheme === undefined || scheme.type === 'apiKey'
    ? []
    : [expected(scheme).startsWith('Basic') ? 'Basic' : 'Bearer']
