import type { AuthMethod } from '../auth-method.ts'
import { type Node, nodeAt, textAt } from './nodes.ts'
import { clip, plainText } from './text.ts'

type Base = Pick<AuthMethod, 'slug' | 'name' | 'description'>

/** A Security Scheme Object as auth methods: one, or two for oauth2 with a grant for people and one for machines. */
export function mapScheme(
  schemeName: string,
  node: Node,
  scopes: string[],
  unique: (slug: string) => string,
  warn: (message: string) => void,
): AuthMethod[] {
  const description = clip(plainText(textAt(node, 'description')), 300)
  const base: Base = {
    slug: unique(slugOf(schemeName)),
    name: schemeName,
    ...(description === '' ? {} : { description }),
  }
  const type = textAt(node, 'type')
  switch (type) {
    case 'apiKey':
      return [mapApiKey(base, node)]
    case 'http': {
      const scheme = textAt(node, 'scheme')?.toLowerCase()
      if (scheme === 'basic') return [{ ...base, type: 'basic_auth' }]
      if (scheme === 'bearer') return [{ ...base, type: 'bearer_token' }]
      warn(
        `HTTP authentication '${scheme ?? ''}' is kept as a custom method: give it code before connecting.`,
      )
      return [{ ...base, type: 'custom' }]
    }
    case 'oauth2':
      return mapOAuth(base, node, scopes, unique, warn)
    case 'openIdConnect':
      return [mapOpenId(base, node, scopes, warn)]
    default:
      warn(
        `The security scheme type '${type ?? ''}' is kept as a custom method: give it code before connecting.`,
      )
      return [{ ...base, type: 'custom' }]
  }
}

function mapApiKey(base: Base, node: Node): AuthMethod {
  const location = textAt(node, 'in')
  const place = location === 'query' || location === 'cookie' ? location : 'header'
  const parameterName = textAt(node, 'name') ?? 'X-API-Key'
  const isAuthorization = place === 'header' && parameterName.toLowerCase() === 'authorization'
  const prefix =
    textAt(node, 'x-prefix') ??
    (isAuthorization ? describedPrefix(textAt(node, 'description') ?? '') : undefined)
  if (isAuthorization && /^bearer /i.test(prefix ?? '')) return { ...base, type: 'bearer_token' }
  return {
    ...base,
    type: 'api_key',
    in: place,
    parameterName,
    ...(prefix === undefined ? {} : { prefix }),
  }
}

/** A key in the Authorization header is often explained as `Bearer <token>` or `Token token="..."`. */
function describedPrefix(description: string): string | undefined {
  const word = /\b(Bearer|Token|ApiKey|Api-Key|Key|Basic|Klaviyo-API-Key|Bot|OAuth)\s+["']?[<{[$%]/.exec(
    description,
  )?.[1]
  return word === undefined ? undefined : `${word} `
}

const FLOWS = [
  ['authorizationCode', 'authorization_code'],
  ['implicit', 'implicit'],
  ['password', 'password'],
] as const

function mapOAuth(
  base: Base,
  node: Node,
  scopes: string[],
  unique: (slug: string) => string,
  warn: (message: string) => void,
): AuthMethod[] {
  const flows = nodeAt(node, 'flows') ?? {}
  const shared = { ...base, type: 'oauth2' as const, ...tokenPlace(node) }
  const [key, flow] = FLOWS.find(([name]) => nodeAt(flows, name) !== undefined) ?? []
  const methods: AuthMethod[] = []
  if (key !== undefined && flow !== undefined) {
    methods.push({ ...shared, ...flowFields(nodeAt(flows, key) ?? {}, flow, scopes) })
    const others = FLOWS.map(([name]) => name).filter(
      (name) => name !== key && nodeAt(flows, name) !== undefined,
    )
    if (others.length > 0) warn(`The flow ${key} is used; ${others.join(', ')} is described too.`)
    if (flow !== 'authorization_code') warn(`The flow ${flow} is performed as authorization_code.`)
  }
  const machine = nodeAt(flows, 'clientCredentials')
  if (machine !== undefined) {
    const second = methods.length > 0
    methods.push({
      ...shared,
      ...(second
        ? {
            slug: unique(`${base.slug}_client_credentials`),
            name: `${base.name} (client credentials)`,
          }
        : {}),
      ...flowFields(machine, 'client_credentials', scopes),
    })
  }
  if (methods.length > 0) return methods
  warn('No OAuth flow is described; set authorizationUrl and tokenUrl before connecting.')
  return [shared]
}

function flowFields(
  node: Node,
  flow: NonNullable<AuthMethod['flow']>,
  scopes: string[],
): Partial<AuthMethod> {
  const described = Object.entries(nodeAt(node, 'scopes') ?? {}).filter(([scope]) => scope !== '')
  const known = new Set(described.map(([scope]) => scope))
  // A scope the flow does not know would be refused by the authorization server.
  const defaults = scopes.filter((scope) => known.size === 0 || known.has(scope))
  const authorizationUrl = textAt(node, 'authorizationUrl')
  const tokenUrl = textAt(node, 'tokenUrl')
  const refreshUrl = textAt(node, 'refreshUrl')
  return {
    flow,
    ...(described.length > 0
      ? {
          scopes: Object.fromEntries(
            described.map(([scope, text]) => [scope, plainText(String(text ?? ''))]),
          ),
        }
      : {}),
    ...(defaults.length > 0 ? { defaultScopes: defaults } : {}),
    ...(authorizationUrl === undefined ? {} : { authorizationUrl }),
    ...(tokenUrl === undefined ? {} : { tokenUrl }),
    ...(refreshUrl === undefined || refreshUrl === tokenUrl ? {} : { refreshUrl }),
  }
}

/** Where a token travels, when a collection says that it is not the Authorization header's bearer. */
function tokenPlace(node: Node): Partial<AuthMethod> {
  const prefix = textAt(node, 'x-prefix')
  const name = textAt(node, 'x-name')
  return {
    ...(textAt(node, 'x-in') === 'query' ? { in: 'query' as const } : {}),
    ...(name === undefined ? {} : { parameterName: name }),
    ...(prefix === undefined ? {} : { prefix }),
  }
}

const WELL_KNOWN = /\/?\.well-known\/(openid-configuration|oauth-authorization-server)\/?$/

function mapOpenId(base: Base, node: Node, scopes: string[], warn: (message: string) => void): AuthMethod {
  const url = textAt(node, 'openIdConnectUrl')
  const defaults = [...new Set(['openid', ...scopes])]
  if (url === undefined || !URL.canParse(url)) {
    warn(
      'OpenID Connect without a usable address: set issuer, authorizationUrl and tokenUrl before connecting.',
    )
    return { ...base, type: 'oauth2', flow: 'authorization_code', defaultScopes: defaults }
  }
  warn(`OpenID Connect: authorizationUrl and tokenUrl are not in the document, but at ${url}.`)
  return {
    ...base,
    type: 'oauth2',
    flow: 'authorization_code',
    issuer: url.replace(WELL_KNOWN, ''),
    defaultScopes: defaults,
  }
}

const slugOf = (name: string): string => {
  const slug = name.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^[^A-Za-z]+/, '')
  return slug === '' ? 'auth' : slug
}
