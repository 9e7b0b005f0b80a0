import { STATUS_CODES } from 'node:http'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import type { HttpResponse } from '../http/client.ts'
import type { ConnectorDefinition } from './definition.ts'
import { rateLimitIn } from './rate-limit.ts'
import { retryAfter } from './retry-after.ts'
import type { Redactor } from './trace.ts'

const MAX_EXCERPT_CHARS = 4_000
export const MAX_MESSAGE_CHARS = 300
const RETRYABLE = new Set([408, 425, 429])

/**
 * The error for a response outside 2xx: `upstream_error` with `data.status` and `data.body` (an excerpt,
 * without credentials), retryable for 408, 425, 429 and 5xx, with `retryAfterSeconds` from Retry-After.
 */
export function statusError(
  response: Pick<HttpResponse, 'status' | 'headers'>,
  output: Json,
  call: string,
  limits: Pick<ConnectorDefinition, 'rateLimit'>,
  redactor: Redactor,
): AppError {
  const { status } = response
  const said = messageIn(output)
  const usedUp = usedUpFor(response.headers, limits)
  // Some APIs (GitHub) refuse for their rate limit with 403.
  const limited = status === 403 && usedUp !== undefined
  const retryAfterSeconds =
    retryAfter(response.headers['retry-after'], Date.now()) ??
    (status === 429 || limited ? usedUp : undefined)
  return new AppError(
    limited ? 'limit_exceeded' : 'upstream_error',
    `${call} was answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() +
      // Redacted before it is cut: half a credential would not be recognized.
      (said === undefined ? '.' : `: ${redactor.text(said).slice(0, MAX_MESSAGE_CHARS)}`),
    {
      hint: hintFor(limited ? 429 : status, retryAfterSeconds),
      retryable: limited || RETRYABLE.has(status) || status >= 500,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      data: { status, body: excerpt(output, redactor) },
    },
  )
}

/** A body as an error may carry it: bounded, without credentials. */
export function excerpt(output: Json, redactor: Redactor): Json {
  const text = redactor.text(typeof output === 'string' ? output : JSON.stringify(output))
  if (text.length > MAX_EXCERPT_CHARS) return `${text.slice(0, MAX_EXCERPT_CHARS)}… (cut)`
  if (typeof output === 'string') return text
  try {
    return JSON.parse(text) as Json
  } catch {
    // A redacted number or brace: no longer JSON, still readable.
    return text
  }
}

const MESSAGE_KEYS = [
  'message',
  'error_description',
  'detail',
  'title',
  'error',
  'errors',
  'description',
  'reason',
]

/** The sentence in an error body that says what was wrong: most APIs have it under one of a few names. */
export function messageIn(output: Json, depth = 0): string | undefined {
  if (typeof output === 'string') {
    const text = output.trim()
    return text === '' || text.startsWith('<') ? undefined : text
  }
  if (depth > 3) return undefined
  if (Array.isArray(output)) return output[0] === undefined ? undefined : messageIn(output[0], depth + 1)
  if (!isJsonObject(output)) return undefined
  for (const key of MESSAGE_KEYS) {
    const found = output[key] === undefined ? undefined : messageIn(output[key], depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function hintFor(status: number, retryAfterSeconds: number | undefined): string {
  if (status === 401) return 'Check or renew the credentials of this connection.'
  if (status === 403) return 'Check that the connected account and its scopes allow this action.'
  if (status === 404)
    return 'Check the identifiers in the input; data.body may say which thing was not found.'
  if (status === 409) return 'The thing changed or exists already: read it again, then decide.'
  if (status === 429)
    return `Wait ${retryAfterSeconds === undefined ? 'a little' : `${retryAfterSeconds} s`}, then try again.`
  if (status >= 500)
    return 'The other side failed. Try again later; nothing in the input is known to be wrong.'
  if (status >= 300 && status < 400)
    return 'The API redirects this call and it was not followed; correct the base URL or path.'
  return 'Correct the input by what data.body says.'
}

/** Seconds until a rate limit that the headers call used up is filled again. */
function usedUpFor(
  headers: Record<string, string>,
  { rateLimit }: Pick<ConnectorDefinition, 'rateLimit'>,
): number | undefined {
  const note = rateLimitIn(headers, rateLimit, Date.now())
  return note?.remaining === 0 ? Math.max(0, Math.ceil((note.resetAt - Date.now()) / 1000)) : undefined
}
