import { AppError } from '../../core/errors.ts'

/** The same error with more to go on: another hint, and facts added to its data. */
export function enrich(error: AppError, more: { hint?: string; data?: Record<string, unknown> }): AppError {
  const hint = more.hint ?? error.hint
  const data = more.data === undefined ? error.data : { ...error.data, ...more.data }
  return new AppError(error.code, error.message, {
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(hint === undefined ? {} : { hint }),
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(data === undefined ? {} : { data }),
    cause: error,
  })
}

/** Did the provider (or the missing of a credential) say that these credentials do not work? */
export const refusesCredentials = (error: AppError): boolean =>
  error.code === 'unauthenticated' ||
  (error.code === 'upstream_error' && (error.data?.status === 401 || error.data?.status === 403))

/** What the owner of an account whose credentials no longer work, or their agent, does next. */
export const reconnectHint = (
  connection: { id: string; oauth_app_id: string | null },
  link: string | undefined,
): string =>
  link !== undefined
    ? `Reconnect the account ${connection.id}: ${link} (its owner opens it in a browser).`
    : connection.oauth_app_id !== null
      ? `start_oauth {"connection":"${connection.id}"} gives the address where its owner connects it again.`
      : `verify_connection {"connection":"${connection.id}"} tells whether its credentials still work; update_connection gives it new ones.`
