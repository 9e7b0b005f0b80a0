import { randomUUID } from 'node:crypto'
import type { AppError } from '../../core/errors.ts'
import type { ActionDefinition } from './action-definition.ts'

/** Attempts of one call altogether. */
export const MAX_ATTEMPTS = 3
const BASE_DELAY_MS = 250
const MAX_DELAY_MS = 4_000

const RETRIED_STATUSES = new Set([408, 425, 429, 502, 503, 504])

/** Failures of the connection after which the same request may well get through. */
const RETRIED_ERRNOS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
])

/**
 * May the call be made again when it is not known whether it took effect? Reads; PUT and DELETE that are
 * idempotent; and whatever carries an idempotency key. A POST without one never is.
 */
export function mayRetry(
  action: Pick<ActionDefinition, 'method' | 'effect' | 'idempotent' | 'idempotencyHeader'>,
): boolean {
  if (action.idempotencyHeader !== undefined) return true
  if (['GET', 'HEAD', 'OPTIONS'].includes(action.method)) return action.effect === 'read'
  return ['PUT', 'DELETE'].includes(action.method) && action.idempotent
}

/** The idempotency key of a call, in the action's header: one for all attempts, new if none is given. Empty when it takes none. */
export function idempotencyHeaders(
  action: Pick<ActionDefinition, 'idempotencyHeader'>,
  given: Record<string, string>,
  key?: string,
): Record<string, string> {
  const name = action.idempotencyHeader?.toLowerCase()
  return name === undefined || given[name] !== undefined ? {} : { [name]: key ?? randomUUID() }
}

/** Is this failure one that may be over in a moment? Error rules say so themselves, with `retryable`. */
export function isTransient(error: AppError): boolean {
  const { status, errno, rule } = error.data ?? {}
  if (rule === true) return error.retryable
  if (typeof status === 'number') return RETRIED_STATUSES.has(status)
  return typeof errno === 'string' && RETRIED_ERRNOS.has(errno)
}

/**
 * How long to wait before the attempt after this one: what Retry-After says, else a random time up to a bound
 * that doubles ("full jitter"), so that callers that failed together do not come back together.
 */
export function retryDelayMs(attempt: number, error: AppError, random: () => number = Math.random): number {
  if (error.retryAfterSeconds !== undefined) return error.retryAfterSeconds * 1000
  return random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempt - 1))
}
