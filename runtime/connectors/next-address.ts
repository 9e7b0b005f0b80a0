import { AppError } from '../../core/errors.ts'
import { apiKeyName } from './apply-auth.ts'
import type { AuthMethod } from './auth-method.ts'

/**
 * The address of a next page as it may be called: on the origin of the action itself, because the credentials
 * go with it. `http` is taken for `https` on the same host, as APIs behind proxies mean it; keys in the query,
 * which some APIs repeat in it, are left out: they are added again.
 * @param given what the app gave, absolute
 * @param own the address the action itself would call
 * @throws AppError `upstream_error`, not retryable, when it leads elsewhere
 */
export function nextAddress(given: string, own: string, authMethod: AuthMethod): string {
  const home = new URL(own)
  const target = URL.parse(given)
  if (target === null) throw strayed('is no address', given)
  if (target.protocol === 'http:' && home.protocol === 'https:' && target.hostname === home.hostname) {
    target.protocol = 'https:'
  }
  if (target.origin !== home.origin) throw strayed(`is at another origin (${target.origin})`, home.origin)
  target.username = ''
  target.password = ''
  target.hash = ''
  return withoutKeys(target.href, authMethod)
}

/** An address without the credentials that travel in its query. */
export function withoutKeys(address: string, authMethod: AuthMethod): string {
  const url = new URL(address)
  for (const name of keysInQuery(authMethod)) {
    if (url.searchParams.has(name)) url.searchParams.delete(name)
  }
  return url.href
}

function keysInQuery(method: AuthMethod): string[] {
  const others = (method.alsoSends ?? []).filter((also) => also.in === 'query')
  return [
    ...(method.in === 'query' ? [method.parameterName ?? 'access_token', apiKeyName(method)] : []),
    ...others.map(({ parameterName }) => parameterName),
  ]
}

const strayed = (how: string, where: string) =>
  new AppError('upstream_error', `The next page the app names ${how}; it was not called.`, {
    retryable: false,
    hint: `Credentials are only sent to ${where.slice(0, 200)}. Read further pages with a connector for that address, or correct the action's pagination.`,
  })
