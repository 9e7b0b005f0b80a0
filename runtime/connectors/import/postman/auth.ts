import { isNode, listAt, type Node, own, textAt } from '../nodes.ts'
import { buildUniqueNames } from '../unique-name.ts'
import type { HeaderPair } from './headers.ts'

/** The security schemes of a collection, named as they are met. */
export interface AuthCollector {
  schemes: Node
  /** The security requirement of a request: its own, its folder's or the collection's `auth`, and its headers. */
  requirement(auth: Node | undefined, headers: HeaderPair[], query: string[]): Record<string, string[]>
}

export function buildAuthCollector(): AuthCollector {
  const schemes: Node = {}
  const names = new Map<string, string>()
  const uniqueName = buildUniqueNames(new Set(), (name, number) => `${name}${number}`)
  const name = (scheme: Node, wanted: string): string => {
    const key = JSON.stringify(scheme)
    const known = names.get(key)
    if (known !== undefined) return known
    const unique = uniqueName(wanted)
    schemes[unique] = scheme
    names.set(key, unique)
    return unique
  }
  return {
    schemes,
    requirement(auth, headers, query) {
      const required: Record<string, string[]> = {}
      const add = (found: { scheme: Node; wanted: string; scopes?: string[] } | undefined) => {
        if (found !== undefined) required[name(found.scheme, found.wanted)] = found.scopes ?? []
      }
      const explicit = auth === undefined ? undefined : fromAuth(auth)
      const isByHand = (header: HeaderPair) => header.name.toLowerCase() === 'authorization'
      const authorization = auth === undefined ? 'untouched' : authorizationBy(auth)
      const byHand = headers.some(isByHand)
      if (authorization !== 'when absent' || !byHand) add(explicit)
      for (const header of headers)
        if (authorization !== 'written' || !isByHand(header)) add(fromHeader(header))
      for (const key of query) add(fromQuery(key))
      return required
    },
  }
}

/** Attributes of an auth: `[{key, value}]` in format 2.1, an object in 2.0. */
function attributes(auth: Node, type: string): Record<string, string> {
  const value = own(auth, type)
  const pairs: [string, unknown][] = Array.isArray(value)
    ? listAt(auth, type)
        .filter(isNode)
        .map((entry) => [textAt(entry, 'key') ?? '', own(entry, 'value')])
    : Object.entries(isNode(value) ? value : {})
  return Object.fromEntries(
    pairs.filter(([, item]) => typeof item === 'string').map(([key, item]) => [key, String(item)]),
  )
}

function fromAuth(auth: Node): { scheme: Node; wanted: string; scopes?: string[] } | undefined {
  const type = textAt(auth, 'type') ?? ''
  const given = attributes(auth, type)
  switch (type) {
    case '':
    case 'noauth':
      return undefined
    case 'basic':
      return { scheme: { type: 'http', scheme: 'basic' }, wanted: 'basic' }
    case 'bearer':
      return { scheme: { type: 'http', scheme: 'bearer' }, wanted: 'bearer' }
    case 'apikey': {
      const key = given.key ?? ''
      return {
        scheme: {
          type: 'apiKey',
          in: given.in === 'query' ? 'query' : 'header',
          name: key === '' || key.includes('{{') ? 'X-API-Key' : key,
        },
        wanted: 'apiKey',
      }
    }
    case 'oauth2':
      return { ...oauth2(given), wanted: 'oauth2' }
    default:
      return { scheme: { type: 'http', scheme: type }, wanted: type }
  }
}

/**
 * What Postman does with the Authorization header: what `auth` puts there takes the place of what is written by hand,
 * but an auth without a token leaves the header as it is.
 */
function authorizationBy(auth: Node): 'written' | 'when absent' | 'untouched' {
  const type = textAt(auth, 'type') ?? ''
  const given = attributes(auth, type)
  if (fromAuth(auth) === undefined) return 'untouched'
  if (type === 'apikey') {
    const isThere = given.in !== 'query' && given.key?.toLowerCase() === 'authorization'
    return isThere ? 'written' : 'untouched'
  }
  if (type === 'oauth2' && given.addTokenTo === 'queryParams') return 'untouched'
  const token = type === 'bearer' ? given.token : type === 'oauth2' ? given.accessToken : 'signed'
  return (token ?? '') === '' ? 'when absent' : 'written'
}

const GRANTS: Record<string, string> = {
  authorization_code: 'authorizationCode',
  authorization_code_with_pkce: 'authorizationCode',
  implicit: 'implicit',
  password_credentials: 'password',
  client_credentials: 'clientCredentials',
}

function oauth2(given: Record<string, string>): { scheme: Node; scopes: string[] } {
  const scopes = (given.scope ?? '').split(/[\s,]+/).filter((scope) => scope !== '' && !scope.includes('{{'))
  const address = (key: string) => {
    const value = given[key]
    return value !== undefined && URL.canParse(value) ? value : undefined
  }
  const authorizationUrl = address('authUrl')
  const tokenUrl = address('accessTokenUrl')
  const refreshUrl = address('refreshTokenUrl')
  const flow = {
    ...(authorizationUrl === undefined ? {} : { authorizationUrl }),
    ...(tokenUrl === undefined ? {} : { tokenUrl }),
    ...(refreshUrl === undefined ? {} : { refreshUrl }),
    scopes: Object.fromEntries(scopes.map((scope) => [scope, ''])),
  }
  const prefix = given.headerPrefix?.trim()
  return {
    scheme: {
      type: 'oauth2',
      flows: { [GRANTS[given.grant_type ?? ''] ?? 'authorizationCode']: flow },
      ...(given.addTokenTo === 'queryParams' ? { 'x-in': 'query', 'x-name': 'access_token' } : {}),
      ...(prefix === undefined || prefix === '' || /^bearer$/i.test(prefix)
        ? {}
        : { 'x-prefix': `${prefix} ` }),
    },
    scopes,
  }
}

const KEY_HEADER = /^(x-)?([a-z]+-)*(api-?key|api-?token|access-?token|auth-?token|auth-?key)$/i
const KEY_QUERY = /^(api_?key|access_?token|auth_?token|apitoken)$/i

/** A header that holds a credential, written by hand: `Authorization: Token {{token}}`, `x-api-key: {{key}}`. */
export function fromHeader({ name, value }: HeaderPair): { scheme: Node; wanted: string } | undefined {
  if (name.toLowerCase() === 'authorization') {
    const prefix = /^([A-Za-z][\w-]*)\s+\S/.exec(value)?.[1]
    if (prefix === undefined) return { scheme: { type: 'apiKey', in: 'header', name }, wanted: 'apiKey' }
    if (/^bearer$/i.test(prefix)) return { scheme: { type: 'http', scheme: 'bearer' }, wanted: 'bearer' }
    if (/^basic$/i.test(prefix)) return { scheme: { type: 'http', scheme: 'basic' }, wanted: 'basic' }
    return { scheme: { type: 'apiKey', in: 'header', name, 'x-prefix': `${prefix} ` }, wanted: 'apiKey' }
  }
  return KEY_HEADER.test(name)
    ? { scheme: { type: 'apiKey', in: 'header', name }, wanted: 'apiKey' }
    : undefined
}

/** A query parameter that holds a credential. */
export const fromQuery = (name: string): { scheme: Node; wanted: string } | undefined =>
  KEY_QUERY.test(name) ? { scheme: { type: 'apiKey', in: 'query', name }, wanted: 'apiKey' } : undefined
