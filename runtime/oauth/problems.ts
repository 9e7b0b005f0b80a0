import { AuthorizationResponseError, OperationProcessingError, ResponseBodyError } from 'oauth4webapi'
import { AppError, type ErrorDetails } from '../../core/errors.ts'

export const misuse = (message: string, details: ErrorDetails) => new AppError('conflict', message, details)

/**
 * Errors by which a provider says that this grant will never work again (RFC 6749, 5.2): the person must
 * consent anew. Everything else may pass or be put right in the settings.
 */
const FINAL = new Set(['invalid_grant', 'token_revoked', 'bad_refresh_token', 'invalid_refresh_token'])

const HINTS: Record<string, string> = {
  invalid_client:
    'Check the client id and secret of the OAuth app. Some providers want them in the body: update_oauth_app {"settings":{"clientAuthentication":"client_secret_post"}}.',
  unauthorized_client: 'The provider does not allow this client that grant: check the app’s settings there.',
  redirect_uri_mismatch: 'Register the redirect URI of this server at the provider.',
  invalid_scope:
    'Ask for scopes the provider knows: defaultScopes of the auth method, or scopes of the OAuth app.',
  access_denied: 'The person (or an administrator) did not give consent. Start again when they will.',
}

/** What a provider's refusal, or an answer that is none, means. Errors of the HTTP client pass as they are. */
export function toOAuthError(cause: unknown, doing: string): AppError {
  if (cause instanceof AppError) return cause
  if (cause instanceof ResponseBodyError)
    return refusal(cause.error, cause.error_description, doing, cause.status)
  if (cause instanceof AuthorizationResponseError) return refusal(cause.error, cause.error_description, doing)
  if (cause instanceof OperationProcessingError) {
    // OperationProcessingError keeps the wrapped fetch failure as its cause.
    if (cause.cause instanceof AppError) return cause.cause
    return new AppError(
      'upstream_error',
      `${doing}: the provider's answer is not as OAuth has it: ${cause.message}`,
      {
        hint: 'Check tokenUrl, tokenFields and clientAuthentication of the auth method against the provider’s documentation.',
        retryable: false,
        cause,
      },
    )
  }
  if (cause instanceof Error && cause.cause instanceof AppError) return cause.cause
  return new AppError('upstream_error', `${doing} failed: ${(cause as Error).message}`, { cause })
}

/** A provider's refusal, by its error code (RFC 6749, 5.2) and the status it came with. */
export function refusal(
  code: string,
  description: string | undefined,
  doing: string,
  status?: number,
): AppError {
  const said = description === undefined || description === '' ? code : `${code}: ${description}`
  const retryable =
    (status !== undefined && (status >= 500 || status === 429)) ||
    code === 'temporarily_unavailable' ||
    code === 'server_error'
  return new AppError(
    FINAL.has(code) ? 'unauthenticated' : 'upstream_error',
    `${doing}: the provider refused: ${said.slice(0, 500)}`,
    {
      hint: HINTS[code] ?? 'See what the provider says; start_oauth begins a new consent.',
      retryable,
      data: { oauthError: code.slice(0, 100), final: FINAL.has(code) },
    },
  )
}

/** Did the provider say that the grant itself is dead? */
export const isFinal = (error: AppError): boolean => error.data?.final === true
