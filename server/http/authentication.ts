import type { Request } from 'express'
import type { Actor, Door } from '../../core/actor.ts'
import type { Config } from '../../core/config.ts'
import { AppError } from '../../core/errors.ts'
import type { ApiKeys } from '../../runtime/access/api-keys.ts'

/** Where RFC 9728 metadata of the API (and, with the suffix, of the MCP endpoint) is served. */
export const PROTECTED_RESOURCE_PATH = '/.well-known/oauth-protected-resource'

/** The key a request carries, as a bearer token or in `x-fastn-api-key`. */
function presentedKey(req: Request): string | undefined {
  const authorization = req.get('authorization')
  if (authorization !== undefined) return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''
  return req.get('x-fastn-api-key')
}

/**
 * Who is calling, by the API key of the request.
 * @throws AppError `unauthenticated` when there is no key or it does not work; `forbidden` from a wrong address
 */
export async function authenticateRequest(req: Request, apiKeys: ApiKeys, door: Door): Promise<Actor> {
  const key = presentedKey(req)
  if (key === undefined) {
    throw new AppError('unauthenticated', 'The request carries no API key.', {
      where: 'header Authorization',
      hint: 'Send `Authorization: Bearer pk_…` or `x-fastn-api-key: pk_…`. An owner makes keys with create_api_key.',
    })
  }
  return apiKeys.authenticate(key, { door, ip: req.ip })
}

/** The address this server is reached at, without a trailing slash. */
export function baseUrl(req: Request, config: Pick<Config, 'publicUrl'>): string {
  return config.publicUrl ?? `${req.protocol}://${req.get('host') ?? 'localhost'}`
}

/**
 * The `WWW-Authenticate` value of a 401 (RFC 6750, RFC 9728 section 5.1).
 * @param resourcePath path of the resource asked for: '' for the API, '/mcp' for the MCP endpoint
 */
export function challenge(
  req: Request,
  config: Pick<Config, 'publicUrl'>,
  resourcePath: '' | '/mcp',
): string {
  const invalid = presentedKey(req) === undefined ? '' : 'error="invalid_token", '
  return `Bearer ${invalid}resource_metadata="${baseUrl(req, config)}${PROTECTED_RESOURCE_PATH}${resourcePath}"`
}

/** RFC 9728 metadata. No `authorization_servers`: an organization's owner issues the keys. */
export function protectedResource(base: string, resourcePath: '' | '/mcp') {
  return {
    resource: `${base}${resourcePath}`,
    resource_name: 'Patchbay',
    bearer_methods_supported: ['header'],
    resource_documentation: `${base}/`,
  }
}
