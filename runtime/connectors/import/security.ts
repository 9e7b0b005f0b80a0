import type { AuthMethod } from '../auth-method.ts'
import type { ImportContext } from './context.ts'
import { type Place, showPlace } from './documents.ts'
import { isNode, listAt, type Node, nodeAt, own, pointer, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'

export interface MappedSecurity {
  authMethods: AuthMethod[]
  /** Slugs of the auth methods an operation takes; undefined when any of the connector's will do. */
  forOperation(operation: Node): { auth: string[] | undefined; approximations: string[] }
}

/** Security schemes as auth methods, and the requirements of operations in terms of them. */
export function mapSecurity(context: ImportContext, root: Node): MappedSecurity {
  const schemes = nodeAt(nodeAt(root, 'components') ?? {}, 'securitySchemes') ?? {}
  const bySchemeName = new Map<string, AuthMethod>()
  for (const [name, node] of Object.entries(schemes)) {
    const place = context.documents.follow({
      node,
      file: context.documents.root.file,
      pointer: pointer('', 'components', 'securitySchemes', name),
    })
    if (isNode(place.node)) bySchemeName.set(name, mapScheme(context, name, place.node, place))
  }

  const fallback = listAt(root, 'security')
  const declared = [...bySchemeName.values()]
  // The scheme the document asks for by default comes first: it is what a new connection is offered.
  const preferred = fallback.flatMap((item) => (isNode(item) ? Object.keys(item) : []))
  const ordered = [...preferred.flatMap((name) => bySchemeName.get(name) ?? []), ...declared].filter(
    (method, index, all) => all.indexOf(method) === index,
  )

  return {
    authMethods: ordered.length > 0 ? ordered : undeclared(context),
    forOperation(operation) {
      if (declared.length === 0) return { auth: undefined, approximations: [] }
      const requirements = own(operation, 'security') === undefined ? fallback : listAt(operation, 'security')
      return readRequirements(
        requirements,
        bySchemeName,
        Object.hasOwn(operation, 'security') || fallback.length > 0,
      )
    },
  }
}

function readRequirements(
  requirements: unknown[],
  known: Map<string, AuthMethod>,
  stated: boolean,
): { auth: string[] | undefined; approximations: string[] } {
  if (!stated) return { auth: undefined, approximations: [] }
  const auth = new Set<string>()
  const approximations: string[] = []
  for (const requirement of requirements) {
    const names = isNode(requirement) ? Object.keys(requirement) : []
    if (names.length > 1)
      approximations.push(`needs ${names.join(' and ')} together; a connection sends one of them`)
    for (const name of names) {
      const method = known.get(name)
      if (method === undefined)
        approximations.push(`asks for the security scheme '${name}', which is not described`)
      else auth.add(method.slug)
    }
  }
  const slugs = [...auth]
  if (slugs.length === 0 && requirements.some((item) => isNode(item) && Object.keys(item).length > 0)) {
    return { auth: undefined, approximations }
  }
  return { auth: slugs.length === known.size ? undefined : slugs, approximations }
}

function undeclared(context: ImportContext): AuthMethod[] {
  context.warn(
    '#/components/securitySchemes',
    'The document describes no security scheme. Calls without credentials and with a bearer token are offered; edit authMethods if the API wants something else.',
  )
  return [
    { slug: 'none', type: 'no_auth', name: 'No authentication' },
    { slug: 'bearerToken', type: 'bearer_token', name: 'Bearer token' },
  ]
}

function mapScheme(context: ImportContext, schemeName: string, node: Node, place: Place): AuthMethod {
  const slug = slugOf(schemeName)
  const description = clip(plainText(textAt(node, 'description')), 300)
  const base = { slug, name: schemeName, ...(description === '' ? {} : { description }) }
  const type = textAt(node, 'type')
  const where = showPlace(context.documents, place)
  switch (type) {
    case 'apiKey': {
      const location = textAt(node, 'in')
      const parameterName = textAt(node, 'name') ?? 'X-API-Key'
      if (location === 'header' && parameterName.toLowerCase() === 'authorization') {
        context.warn(
          where,
          'The key is sent as the whole Authorization header; set prefix if the API wants one.',
        )
      }
      return {
        ...base,
        type: 'api_key',
        in: location === 'query' || location === 'cookie' ? location : 'header',
        parameterName,
      }
    }
    case 'http': {
      const scheme = textAt(node, 'scheme')?.toLowerCase()
      if (scheme === 'basic') return { ...base, type: 'basic_auth' }
      if (scheme === 'bearer') return { ...base, type: 'bearer_token' }
      context.warn(
        where,
        `HTTP authentication '${scheme ?? ''}' is kept as a custom method, which cannot call yet.`,
      )
      return { ...base, type: 'custom' }
    }
    case 'oauth2':
      return mapOAuth(base, nodeAt(node, 'flows') ?? {})
    case 'openIdConnect':
      context.warn(where, 'OpenID Connect is approximated by a bearer token.')
      return { ...base, type: 'bearer_token' }
    default:
      context.warn(
        where,
        `The security scheme type '${type ?? ''}' is kept as a custom method, which cannot call yet.`,
      )
      return { ...base, type: 'custom' }
  }
}

const FLOWS = [
  ['authorizationCode', 'authorization_code'],
  ['clientCredentials', 'client_credentials'],
  ['implicit', 'implicit'],
  ['password', 'password'],
] as const

function mapOAuth(base: { slug: string; name: string; description?: string }, flows: Node): AuthMethod {
  const [key, flow] = FLOWS.find(([name]) => nodeAt(flows, name) !== undefined) ?? []
  if (key === undefined || flow === undefined) return { ...base, type: 'oauth2' }
  const node = nodeAt(flows, key) ?? {}
  const scopes = Object.entries(nodeAt(node, 'scopes') ?? {})
  const authorizationUrl = textAt(node, 'authorizationUrl')
  const tokenUrl = textAt(node, 'tokenUrl')
  const refreshUrl = textAt(node, 'refreshUrl')
  return {
    ...base,
    type: 'oauth2',
    flow,
    ...(scopes.length > 0
      ? { scopes: Object.fromEntries(scopes.map(([scope, text]) => [scope, plainText(String(text ?? ''))])) }
      : {}),
    ...(authorizationUrl === undefined ? {} : { authorizationUrl }),
    ...(tokenUrl === undefined ? {} : { tokenUrl }),
    ...(refreshUrl === undefined ? {} : { refreshUrl }),
  }
}

const slugOf = (name: string): string => {
  const slug = name.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^[^A-Za-z]+/, '')
  return slug === '' ? 'auth' : slug
}
