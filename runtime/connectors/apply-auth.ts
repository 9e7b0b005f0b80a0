import { AppError } from '../../core/errors.ts'
import { type AuthMethod, credentialFields } from './auth-method.ts'
import { encodeStrict } from './encoding.ts'
import type { BuiltRequest } from './request.ts'

/**
 * The request with the credentials an auth method says to send. `oauth2` sends `accessToken` as a bearer token.
 *
 * A `custom` method's own handler must have signed the request already.
 *
 * @throws AppError `unauthenticated` when a credential is missing or cannot be sent
 */
export function applyAuth(
  request: BuiltRequest,
  method: AuthMethod,
  credentials: Record<string, string>,
): BuiltRequest {
  for (const field of credentialFields(method)) {
    if (field.optional !== true && (credentials[field.name] ?? '') === '') {
      throw new AppError(
        'unauthenticated',
        `The connection has no ${field.label.toLowerCase()} ('${field.name}').`,
        {
          where: `credentials.${field.name}`,
          hint: `Update the connection with '${field.name}' for the auth method '${method.slug}'.`,
        },
      )
    }
  }
  const authenticated = withOwnCredentials(request, method, credentials)
  return (method.alsoSends ?? []).reduce(
    (sent, key) =>
      withKey(sent, key, `${key.in === 'header' ? (key.prefix ?? '') : ''}${credentials[key.field] ?? ''}`),
    authenticated,
  )
}

function withOwnCredentials(
  request: BuiltRequest,
  method: AuthMethod,
  credentials: Record<string, string>,
): BuiltRequest {
  switch (method.type) {
    case 'no_auth':
      return request
    case 'basic_auth': {
      const pair = `${credentials.username ?? ''}:${credentials.password ?? ''}`
      return withHeader(request, 'authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
    }
    case 'bearer_token':
      return withToken(request, method, credentials.token ?? '')
    case 'oauth2':
      return withToken(request, method, credentials.accessToken ?? '')
    case 'api_key':
      return withKey(
        request,
        { in: method.in ?? 'header', parameterName: apiKeyName(method) },
        `${method.in === undefined || method.in === 'header' ? (method.prefix ?? '') : ''}${credentials.apiKey ?? ''}`,
      )
    case 'custom':
      return request // its handler has signed it
  }
}

/** A token as `Authorization: Bearer …`, unless the method says otherwise. */
function withToken(request: BuiltRequest, method: AuthMethod, token: string): BuiltRequest {
  const place = { in: method.in ?? 'header', parameterName: method.parameterName ?? 'Authorization' }
  return withKey(request, place, place.in === 'header' ? `${method.prefix ?? 'Bearer '}${token}` : token)
}

/** Where an API key travels, for whoever must hide it in a trace. */
export const apiKeyName = (method: AuthMethod): string => method.parameterName ?? 'X-API-Key'

function withKey(
  request: BuiltRequest,
  { in: place, parameterName: name }: { in: 'header' | 'query' | 'cookie'; parameterName: string },
  value: string,
): BuiltRequest {
  if (place === 'query') {
    const separator = request.url.includes('?') ? '&' : '?'
    return { ...request, url: `${request.url}${separator}${encodeStrict(name)}=${encodeStrict(value)}` }
  }
  if (place === 'cookie') {
    const pair = `${name}=${encodeStrict(value)}`
    const cookie = request.headers.cookie
    return withHeader(request, 'cookie', cookie === undefined ? pair : `${cookie}; ${pair}`)
  }
  return withHeader(request, name.toLowerCase(), value)
}

function withHeader(request: BuiltRequest, name: string, value: string): BuiltRequest {
  if (!/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value)) {
    throw new AppError('unauthenticated', 'The credential holds characters that a header cannot carry.', {
      where: 'credentials',
      hint: 'Paste the credential again, without line breaks or spaces around it.',
    })
  }
  return { ...request, headers: { ...request.headers, [name]: value } }
}
