import { AppError } from '../../core/errors.ts'
import { type AuthMethod, credentialFields } from './auth-method.ts'
import { encodeStrict } from './encoding.ts'
import type { BuiltRequest } from './request.ts'

/**
 * The request with the credentials an auth method says to send. `oauth2` sends `accessToken` as a bearer token.
 *
 * @throws AppError `unauthenticated` when a credential is missing or cannot be sent; `invalid_input` for
 * `custom`, which comes later.
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
  switch (method.type) {
    case 'no_auth':
      return request
    case 'basic_auth': {
      const pair = `${credentials.username ?? ''}:${credentials.password ?? ''}`
      return withHeader(request, 'authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
    }
    case 'bearer_token':
      return withHeader(request, 'authorization', `Bearer ${credentials.token ?? ''}`)
    case 'oauth2':
      return withHeader(request, 'authorization', `Bearer ${credentials.accessToken ?? ''}`)
    case 'api_key':
      return withApiKey(request, method, credentials.apiKey ?? '')
    case 'custom':
      throw new AppError(
        'invalid_input',
        `The auth method '${method.slug}' is custom, which cannot make calls yet.`,
        {
          where: 'authMethod',
          hint: 'Connect with another auth method of this connector, or describe this one as api_key, bearer_token or basic_auth.',
        },
      )
  }
}

/** Where an API key travels, for whoever must hide it in a trace. */
export const apiKeyName = (method: AuthMethod): string => method.parameterName ?? 'X-API-Key'

function withApiKey(request: BuiltRequest, method: AuthMethod, key: string): BuiltRequest {
  const name = apiKeyName(method)
  if (method.in === 'query') {
    const separator = request.url.includes('?') ? '&' : '?'
    return { ...request, url: `${request.url}${separator}${encodeStrict(name)}=${encodeStrict(key)}` }
  }
  if (method.in === 'cookie') {
    const pair = `${name}=${encodeStrict(key)}`
    const cookie = request.headers.cookie
    return withHeader(request, 'cookie', cookie === undefined ? pair : `${cookie}; ${pair}`)
  }
  return withHeader(request, name.toLowerCase(), `${method.prefix ?? ''}${key}`)
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
